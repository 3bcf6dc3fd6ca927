"""The virtual platform: `VirtualPlatform` is the only door."""

from station.virtual.platform.device import DeviceKey, DeviceState
from station.virtual.platform.event_log import NothingHappened, PlatformEvent
from station.virtual.platform.registry import RegistryFault
from station.virtual.platform.settings import Settings
from station.virtual.platform.virtual_platform import DeviceView, VirtualPlatform

__all__ = [
    "DeviceKey",
    "DeviceState",
    "DeviceView",
    "NothingHappened",
    "PlatformEvent",
    "RegistryFault",
    "Settings",
    "VirtualPlatform",
]
