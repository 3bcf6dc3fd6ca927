"""What `station doctor` looks at of the IoT platform."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import metadata
from typing import Final

from station.cli.context import Session
from station.cli.finding import Finding, Health
from station.cli.platform_settings import platform_settings
from station.errors import InputError, PlatformFault
from station.platform.access_key import stored_access_key
from station.platform.openapi_client import OpenApiClient

PLATFORM_CLIENT: Final = "alibabacloud-iot20180120"
ANSWER_LIMIT_S: Final = 5.0


def look_at_platform(session: Session) -> Iterator[Finding]:
    """The platform's client; and the platform itself, where this station has an access key for it."""
    try:
        yield Finding("platform", Health.GOOD, f"its client {metadata.version(PLATFORM_CLIENT)}")
    except metadata.PackageNotFoundError:
        yield Finding(
            "platform",
            Health.ODD,
            "its client is not installed; profiles with online: {by: platform} and orders of devices need it",
            "Run: pip install 'flashing-station[platform]'",
        )
        return
    yield from _access(session)


def _access(session: Session) -> Iterator[Finding]:
    try:
        if not _has_access_key():
            mend = "station platform login, where profiles ask the platform or devices are ordered"
            yield Finding("access key", Health.GOOD, "none is kept", mend)
            return
        settings = platform_settings(session).model_copy(
            update={"connect_timeout_s": ANSWER_LIMIT_S, "read_timeout_s": ANSWER_LIMIT_S}
        )
        OpenApiClient(settings).call_once("QueryProductList", current_page=1, page_size=1)
    except InputError:
        return  # told by the settings
    except PlatformFault as error:
        yield Finding("platform", Health.ODD, f"{error.code}: {error.cause}", error.mend)
    else:
        yield Finding("platform", Health.GOOD, f"{settings.address} answers, and takes the access key")


def _has_access_key() -> bool:
    """Say whether a key is named; the official client's other sources are asked over the network, so not here."""
    return bool(os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID")) or stored_access_key() is not None
