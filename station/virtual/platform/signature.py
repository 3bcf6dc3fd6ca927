"""The signature with which a device proves that it has its DeviceSecret.

From the platform's documentation of MQTT connections and its device SDKs: the HMAC of the sorted names and values, as hex in
either case; the timestamp is signed only when it is sent, and its age is not checked.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from station.virtual.platform.device import DeviceKey

CLIENT_ID_CHARACTERS_MAX: Final = 64
_METHODS: Final = {"hmacsha256": hashlib.sha256, "hmacsha1": hashlib.sha1, "hmacmd5": hashlib.md5}
_HEX: Final = frozenset("0123456789abcdef")


class ConnectCode(IntEnum):
    """CONNACK return codes (MQTT 3.1.1, table 3.1)."""

    ACCEPTED = 0
    WRONG_PROTOCOL = 1
    WRONG_CLIENT_ID = 2
    UNAVAILABLE = 3
    WRONG_USER_OR_PASSWORD = 4
    NOT_AUTHORISED = 5


class LoginRefused(Exception):
    """A CONNECT is refused: its CONNACK code and why."""

    def __init__(self, code: ConnectCode, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass(frozen=True, slots=True)
class Login:
    """What a CONNECT says about the device, in readable form."""

    key: DeviceKey
    client_id: str
    method: str
    secure_mode: int
    timestamp: str | None

    def is_signed_by(self, secret: str, password: str) -> bool:
        """Whether the password is the signature made with this secret."""
        signed = {"clientId": self.client_id, "deviceName": self.key.device_name, "productKey": self.key.product_key}
        if self.timestamp is not None:
            signed["timestamp"] = self.timestamp
        return is_signature(self.method, secret, signed, password)


def sign(method: str, secret: str, signed: Mapping[str, str]) -> str:
    """Give the signature as lower-case hex. KeyError: no such method."""
    text = "".join(name + signed[name] for name in sorted(signed))
    return hmac.new(secret.encode("utf-8"), text.encode("utf-8"), _METHODS[method.lower()]).hexdigest()


def is_signature(method: str, secret: str, signed: Mapping[str, str], given: str) -> bool:
    """Whether `given` is the signature; an unknown method signs nothing."""
    if method.lower() not in _METHODS:
        return False
    return hmac.compare_digest(sign(method, secret, signed).encode("ascii"), given.lower().encode("utf-8"))


def read_login(client_id: str, username: str | None, password: str | None, *, is_encrypted: bool) -> Login:
    """Take the three fields of a CONNECT apart; LoginRefused.

    Secure mode 2 is TLS and 3 is plain TCP. Options that the platform does not know are allowed: its SDKs send some.
    """
    name, bar, rest = client_id.partition("|")
    if not bar or not rest.endswith("|") or not 0 < len(name) <= CLIENT_ID_CHARACTERS_MAX:
        raise LoginRefused(ConnectCode.WRONG_CLIENT_ID, "the clientId is not name|options|")
    options: dict[str, str] = {}
    for option in rest[:-1].split(","):
        key, equals, value = option.partition("=")
        if not key or not equals:
            raise LoginRefused(ConnectCode.WRONG_CLIENT_ID, "an option of the clientId is not name=value")
        options[key.strip()] = value.strip()
    method, mode = options.get("signmethod", "").lower(), options.get("securemode", "")
    if mode != ("2" if is_encrypted else "3"):
        raise LoginRefused(ConnectCode.WRONG_CLIENT_ID, "securemode is not 2 over TLS or 3 over TCP")
    if method not in _METHODS:
        raise LoginRefused(ConnectCode.WRONG_CLIENT_ID, "signmethod is not hmacsha256, hmacsha1 or hmacmd5")
    device_name, and_sign, product_key = (username or "").partition("&")
    if not and_sign or not device_name or not product_key or "&" in product_key:
        raise LoginRefused(ConnectCode.WRONG_USER_OR_PASSWORD, "the user name is not DeviceName&ProductKey")
    if not password or not set(password.lower()) <= _HEX:
        raise LoginRefused(ConnectCode.WRONG_USER_OR_PASSWORD, "the password is not hex")
    return Login(DeviceKey(product_key, device_name), name, method, int(mode), options.get("timestamp"))
