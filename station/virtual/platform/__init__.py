"""The virtual platform."""

from station.virtual.platform.virtual_platform import VirtualPlatform

__all__ = ["VirtualPlatform"]
