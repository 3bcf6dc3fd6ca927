"""One call of the OpenAPI: who signed it, which action, with which parameters.

The signature is ACS3-HMAC-SHA256 as the official client 5.1.0 makes it (alibabacloud-tea-openapi, `__get_authorization`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from station.virtual.platform.settings import Settings

ALGORITHM: Final = "ACS3-HMAC-SHA256"
VERSION: Final = "2018-01-20"
CLOCK_SKEW_MAX_S: Final = 15 * 60
"""How far a call's date may be from the platform's."""
_AUTHORIZATION: Final = re.compile(
    rf"{ALGORITHM} Credential=(?P<key>[^,]+),SignedHeaders=(?P<headers>[^,]+),Signature=(?P<signature>[0-9a-fA-F]+)"
)
_UNESCAPED: Final = "-_.~"
_NUMBER: Final = re.compile("[0-9]{1,19}")


class ApiFault(ValueError):
    """A call is refused: with HTTP status 200 it is answered with Success false, with another one by an error body."""

    def __init__(self, code: str, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What came over HTTP: `target` is path and query as they were sent, header names in small letters."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class ApiCall:
    """An action and its parameters, from query and form alike; lists stand as `Name.1`, `Name.2`."""

    action: str
    parameters: Mapping[str, str]

    def text(self, name: str) -> str:
        """One parameter. ApiFault when it is missing."""
        value = self.parameters.get(name, "")
        if not value:
            raise ApiFault(f"Missing{name}", f"{name} is mandatory for this action.", 400)
        return value

    def number(self, name: str, default: int | None = None, *, most: int | None = None) -> int:
        """One whole number from 1 on; `default` when it is not given. ApiFault."""
        if name not in self.parameters and default is not None:
            return default
        text = self.text(name)
        if not _NUMBER.fullmatch(text) or int(text) < 1 or (most is not None and int(text) > most):
            raise ApiFault(f"Invalid{name}", f"The specified {name} is not valid.", 400)
        return int(text)

    def texts(self, name: str) -> list[str]:
        """A list, in its order; empty when it is not given."""
        found: list[str] = []
        while (value := self.parameters.get(f"{name}.{len(found) + 1}")) is not None:
            found.append(value)
        return found

    def records(self, name: str) -> list[dict[str, str]]:
        """A list of records, each by its fields."""
        records: dict[str, dict[str, str]] = {}
        for key, value in self.parameters.items():
            place, dot, field = key.removeprefix(f"{name}.").partition(".")
            if dot and key.startswith(f"{name}."):
                records.setdefault(place, {})[field] = value
        found: list[dict[str, str]] = []
        while (record := records.get(str(len(found) + 1))) is not None:
            found.append(record)
        return found

    def json_object(self, name: str) -> dict[str, Any]:
        """A parameter that is a JSON object. ApiFault."""
        try:
            value = json.loads(self.text(name))
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise ApiFault(f"iot.device.InvalidFormatted{name}", f"{name} is not a JSON object.")
        return value


def read_call(request: HttpRequest, settings: Settings) -> tuple[ApiCall, str]:
    """Check the signature; give the call and its nonce. ApiFault."""
    path, _, query = request.target.partition("?")
    if request.method not in {"POST", "GET"}:
        raise ApiFault("UnsupportedHTTPMethod", "This http method is not supported.", 400)
    headers = request.headers
    if not headers.get("x-acs-action"):
        raise ApiFault("MissingAction", "Action is mandatory.", 400)
    if headers.get("x-acs-version") != VERSION:
        raise ApiFault("InvalidVersion", "Specified parameter Version is not valid.", 400)
    parameters = parse_qsl(query, keep_blank_values=True)
    _check_signature(request, path, parameters, settings)
    nonce = headers.get("x-acs-signature-nonce", "")
    if not nonce:
        raise ApiFault("MissingSignatureNonce", "SignatureNonce is mandatory.", 400)
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        parameters += parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return ApiCall(headers["x-acs-action"], dict(parameters)), nonce


def _check_signature(request: HttpRequest, path: str, parameters: list[tuple[str, str]], settings: Settings) -> None:
    headers = request.headers
    given = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if given is None:
        raise ApiFault("IncompleteSignature", "The request signature does not conform to Aliyun standards.", 400)
    if given["key"] != settings.access_key_id:
        raise ApiFault("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
    _check_date(headers.get("x-acs-date", ""), settings)
    body_sha256 = hashlib.sha256(request.body).hexdigest()
    names = given["headers"].split(";")
    canonical = "\n".join(
        [
            request.method,
            path,
            "&".join(f"{quote(name, _UNESCAPED)}={quote(value, _UNESCAPED)}" for name, value in sorted(parameters)),
            "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in names),
            given["headers"],
            body_sha256,
        ]
    )
    # A header's bytes that are no text come as surrogates, which nobody can have signed.
    hashed = hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()
    to_sign = f"{ALGORITHM}\n{hashed}"
    expected = hmac.new(settings.access_key_secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    is_whole = {"host", "x-acs-action", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"} <= set(names)
    is_same = hmac.compare_digest(expected, given["signature"].lower())
    if not (is_whole and is_same and headers.get("x-acs-content-sha256") == body_sha256):
        raise ApiFault("SignatureDoesNotMatch", "Specified signature is not matched with our calculation.", 400)


def _check_date(text: str, settings: Settings) -> None:
    try:
        at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise ApiFault("InvalidTimeStamp.Format", "Specified time stamp is not well formatted.", 400) from None
    if abs(at.timestamp() - settings.clock()) > CLOCK_SKEW_MAX_S:
        raise ApiFault("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.", 400)
