"""What the platform says about one device."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeviceState(StrEnum):
    """The states as the platform writes them (OpenAPI, GetDeviceStatus)."""

    UNACTIVE = "UNACTIVE"
    """Registered, and never connected."""
    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    DISABLE = "DISABLE"
    """May not connect until it is enabled again; whether it ever did is not told."""


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """A device's state, and since when it is in it; None when the platform does not say."""

    state: DeviceState
    since: datetime | None = None

    @property
    def is_activated(self) -> bool:
        """Whether the device is known to have connected at least once."""
        return self.state in {DeviceState.ONLINE, DeviceState.OFFLINE}
