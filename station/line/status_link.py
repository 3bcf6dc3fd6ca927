"""What the walk needs of the platform; `station.platform.PlatformApi` is it, and a simulated one fits too."""

from __future__ import annotations

from typing import Protocol

from station.platform.device_state import DeviceStatus


class StatusLink(Protocol):
    """Asks the platform for the state of one device; each call raises PlatformFault."""

    def device_status(self, product_key: str, device_name: str, /) -> DeviceStatus:
        """Give the device's state, and since when it is in it."""
