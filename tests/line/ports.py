"""What the system would list, by a test's word."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from station.chip.ports import PortInfo


def adapter(url: str, location: str | None = None, serial_number: str | None = None) -> PortInfo:
    return PortInfo(url, "CP2102", "10c4:ea60", serial_number, location, usable=True)


@dataclass
class PluggedIn:
    """The adapters that are in; called as the system's list of ports."""

    ports: Sequence[PortInfo] = ()
    looks: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __call__(self) -> Sequence[PortInfo]:
        self.looks.release()
        return self.ports
