"""What every part of the platform works with."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from station.virtual.platform import alink
from station.virtual.platform.broker import Broker
from station.virtual.platform.device import DeviceKey
from station.virtual.platform.event_log import EventLog
from station.virtual.platform.registry import Registry
from station.virtual.platform.settings import Settings


@dataclass(slots=True)
class Core:
    """The registry, the broker and the log of one platform."""

    settings: Settings
    registry: Registry
    log: EventLog
    broker: Broker
    file_url: str = ""
    """Where the platform serves files, without the last slash."""
    files: dict[str, bytes] = field(default_factory=dict)
    """The files by their path there."""
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1_000_000_001))

    def next_id(self) -> str:
        """An id for a message of the platform."""
        return str(next(self._ids))

    def now_ms(self) -> int:
        return int(self.settings.clock() * 1000)

    def command(self, key: DeviceKey, tail: str, method: str, params: Any, message_id: str | None = None) -> str | None:
        """Send a request to a device and give its id; None when the device is not online."""
        number = message_id or self.next_id()
        sent = self.broker.send(
            key, f"/sys/{key.product_key}/{key.device_name}/{tail}", alink.command(number, method, params)
        )
        return number if sent else None

    def publish_file(self, path: str, data: bytes) -> str:
        """Serve a file and give its URL."""
        self.files[path] = data
        return f"{self.file_url}/{path}"
