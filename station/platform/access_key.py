"""The access key of the platform's account: from the system keyring, else from the official client's own chain.

The chain is that of `alibabacloud-credentials`: environment, OIDC role, configuration file, role of the machine. Nothing here
reads a key from a file of the station, and nothing ever prints its secret.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from station.certificate import Secret
from station.errors import Code, PlatformFault, Why
from station.system_keyring import SystemKeyring, Trouble

_SERVICE: Final = "flashing-station-platform"
_USER: Final = "access-key"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key of an account's user (RAM user)."""

    id: str
    secret: Secret


def stored_access_key() -> AccessKey | None:
    """Give the key that `station platform login` keeps, None when there is none; PlatformFault for a locked keyring."""
    text = _KEYRING.get(_SERVICE, _USER) if _KEYRING.is_there else None
    if text is None:
        return None
    try:
        held = json.loads(text)
        return AccessKey(str(held["id"]), Secret(str(held["secret"])))
    except (ValueError, KeyError, TypeError):
        raise PlatformFault(
            Code.PLATFORM_KEY_REFUSED,
            "what the system keyring holds as the platform's access key is none",
            "Give the key again: station platform login",
            why=Why.DAMAGED,
        ) from None


def store_access_key(key: AccessKey) -> None:
    """Keep the key in the system keyring; PlatformFault when there is none that keeps a secret."""
    _KEYRING.put(_SERVICE, _USER, json.dumps({"id": key.id, "secret": key.secret.reveal()}))


def forget_access_key() -> bool:
    """Remove the key from the system keyring; tells whether there was one. PlatformFault for a locked keyring."""
    if stored_access_key() is None:
        return False
    _KEYRING.remove(_SERVICE, _USER)
    return True


def _keyring_fault(trouble: Trouble, reason: str) -> PlatformFault:
    if trouble is Trouble.NOT_INSTALLED:
        return PlatformFault(
            Code.PLATFORM_CLIENT_MISSING,
            "the program that opens the system keyring is not installed",
            "Run: pip install 'flashing-station[platform]'",
        )
    if trouble is Trouble.NOT_SAFE:
        return PlatformFault(
            Code.PLATFORM_KEY_REFUSED,
            "this system has no keyring that keeps an access key safe",
            "Sign in to a desktop session with a keyring, or give the key in the environment of the official client: "
            "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            why=Why.NO_KEYRING,
        )
    return PlatformFault(
        Code.PLATFORM_KEY_REFUSED,
        f"the system keyring does not open ({reason})",
        "Unlock it, and start again",
        why=Why.KEYRING,
    )


_KEYRING: Final = SystemKeyring(_keyring_fault)
