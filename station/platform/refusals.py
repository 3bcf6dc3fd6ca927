"""What the platform refuses, and what the official client raises, as errors of the station: translated here only."""

from __future__ import annotations

from typing import Final

from station.errors import Code, PlatformFault, Why
from station.platform.settings import PlatformSettings

_TEXT_MAX: Final = 200
_KEY_CODES: Final = (
    "InvalidAccessKeyId",
    "MissingAccessKeyId",
    "InvalidSecurityToken",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "Forbidden",
    "NoPermission",
    "InvalidCredentials",
    "Unauthorized",
)
_CLOCK_CODES: Final = ("InvalidTimeStamp", "IllegalTimestamp", "SignatureNonceUsed")
_THROTTLING_CODES: Final = ("Throttling", "iot.system.Throttling", "ServiceUnavailableTemporary", "iot.common.QpsLimit")
_UNKNOWN_DEVICE: Final = "NotExistedDevice"
_UNKNOWN_PRODUCT: Final = ("NotExistedProduct", "NotExistProduct")
_UNKNOWN_JOB: Final = ("ApplyIsNotFound", "ApplyNotFound", "InvalidFormattedApplyId")


class PlatformRefused(PlatformFault):
    """The platform answered with a code of its own."""

    def __init__(
        self, code: Code, cause: str, mend: str, platform_code: str, place: str = "", why: Why | None = None
    ) -> None:
        super().__init__(code, cause, mend, place, facts={"platform_code": platform_code}, why=why)
        self.platform_code = platform_code

    @property
    def is_throttling(self) -> bool:
        """Whether the same call may succeed a little later."""
        return self.code is Code.PLATFORM_THROTTLED

    @property
    def is_unknown_device(self) -> bool:
        return _UNKNOWN_DEVICE in self.platform_code

    @property
    def is_unknown_product(self) -> bool:
        return any(one in self.platform_code for one in _UNKNOWN_PRODUCT)

    @property
    def is_unknown_job(self) -> bool:
        return any(one in self.platform_code for one in _UNKNOWN_JOB)


def refusal(action: str, code: str, message: str, status: int | None, settings: PlatformSettings) -> PlatformRefused:
    """Give the error for the platform's own code."""
    code = _plain(code) or f"HTTP {status}"
    place = settings.address
    if code.startswith(_CLOCK_CODES):
        mend = "Set this PC's clock, and try again"
        cause = f"the platform does not take this PC's time ({code})"
        return PlatformRefused(Code.PLATFORM_KEY_REFUSED, cause, mend, code, place, why=Why.CLOCK)
    if code.startswith(_KEY_CODES) or status in {401, 403}:
        mend = (
            "Give a right key with `station platform login`, or let the key's user have the rights of the IoT platform"
        )
        cause = f"the platform refuses the access key for {action} ({code})"
        return PlatformRefused(Code.PLATFORM_KEY_REFUSED, cause, mend, code, place, why=Why.REFUSED)
    if code.startswith(_THROTTLING_CODES) or status == 429:
        cause = f"the platform wants fewer calls of {action} from this account ({code})"
        return PlatformRefused(Code.PLATFORM_THROTTLED, cause, "Wait a minute, then try again", code, place)
    if status is not None and status >= 500:
        cause = f"the platform cannot answer {action} at the moment ({code})"
        return PlatformRefused(Code.PLATFORM_UNREACHABLE, cause, "Wait a minute, then try again", code, place)
    said = _plain(message)
    cause = f"the platform refuses {action}: {code}" + (f" ({said})" if said else "")
    return PlatformRefused(Code.PLATFORM_REFUSED, cause, _refused_mend(code, settings), code, place)


def unreachable(action: str, happened: str, settings: PlatformSettings) -> PlatformFault:
    """Give the error for a call without an answer; `happened` is the library's text, which is only looked at."""
    words = happened.casefold()
    is_tls = "ssl" in words or "certificate" in words
    if "timed out" in words or "timeout" in words:
        cause = f"{settings.address} does not answer {action} in time"
    elif "resol" in words or "getaddrinfo" in words or "name or service" in words:
        cause = f"the name of {settings.host} is not known to the network"
    elif is_tls:
        cause = f"{settings.address} does not prove who it is (TLS)"
    elif "proxy" in words:
        cause = f"the proxy on the way to {settings.address} does not work"
    else:
        cause = f"{settings.address} cannot be reached"
    mend = "Look at the network, and at endpoint and region in station.yaml"
    if is_tls:
        mend = "Look at endpoint in station.yaml; a platform of your own needs its root certificate there: ca_file"
    return PlatformFault(Code.PLATFORM_UNREACHABLE, cause, mend, settings.address)


def not_understood(action: str, settings: PlatformSettings) -> PlatformFault:
    """Give the error for an answer that is no answer of the OpenAPI."""
    return PlatformFault(
        Code.PLATFORM_REFUSED,
        f"what {settings.address} answers to {action} is not understood",
        "Look at endpoint and protocol in station.yaml: is this the OpenAPI, or a proxy's page?",
        settings.address,
    )


def no_access_key() -> PlatformFault:
    """Give the error for a station without an access key."""
    return PlatformFault(
        Code.PLATFORM_KEY_REFUSED,
        "the station has no access key of the platform",
        "Give one with `station platform login`, or in ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        why=Why.NO_KEY,
    )


def client_missing() -> PlatformFault:
    """Give the error for a station without the official client."""
    return PlatformFault(
        Code.PLATFORM_CLIENT_MISSING,
        "the platform's official client is not installed",
        "Run: pip install 'flashing-station[platform]'",
    )


def _refused_mend(code: str, settings: PlatformSettings) -> str:
    if "instance" in code.casefold():
        named = f"it says {settings.instance_id}" if settings.instance_id else "it names none"
        return f"Look at instance_id in station.yaml ({named}): the console shows the ID of the instance"
    return "The code is the platform's own; its documentation says more"


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)[:_TEXT_MAX].strip()
