"""A device of the virtual platform: who it is and what the platform knows of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

DEFAULT_MODULE: Final = "default"
"""The OTA module of a device that names none."""


class DeviceKey(NamedTuple):
    """What names a device on the whole platform."""

    product_key: str
    device_name: str


class DeviceState(StrEnum):
    """The states as the platform writes them."""

    UNACTIVE = "UNACTIVE"
    """Never connected."""
    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    DISABLE = "DISABLE"
    """May not connect until it is enabled again."""


@dataclass(slots=True)
class Device:
    """One device. Times are seconds since 1970, None for never."""

    key: DeviceKey
    secret: str = field(repr=False)
    iot_id: str
    created_at: float
    nickname: str = ""
    is_disabled: bool = False
    is_online: bool = False
    activated_at: float | None = None
    online_at: float | None = None
    """When the last connection began."""
    state_at: float | None = None
    """When it last came or went."""
    address: str = ""
    """IP address of the last connection."""
    versions: dict[str, str] = field(default_factory=dict)
    """What it reported for each OTA module."""
    properties: dict[str, Any] = field(default_factory=dict)
    """The last value of each property."""

    @property
    def state(self) -> DeviceState:
        """The state as the platform tells it."""
        if self.is_disabled:
            return DeviceState.DISABLE
        if self.is_online:
            return DeviceState.ONLINE
        return DeviceState.UNACTIVE if self.activated_at is None else DeviceState.OFFLINE

    @property
    def firmware_version(self) -> str:
        """The version of the default module; empty before it was reported."""
        return self.versions.get(DEFAULT_MODULE, "")
