"""Which lane number stands for which physical place: what the technician taught, then what was met since the start."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Final

from station.chip.ports import Place, PortInfo, find_place, in_order

NOTHING_LEARNT: Final[Mapping[int, Place]] = {}


class LanePlaces:
    """Numbers for ports. A place keeps its number for good, whatever the system calls its port; safe to share."""

    def __init__(self, learnt: Mapping[int, Place] = NOTHING_LEARNT) -> None:
        self._places = dict(sorted(learnt.items()))
        self._lock = threading.Lock()

    def number(self, ports: Sequence[PortInfo], *, new: bool = True) -> dict[int, str]:
        """Give lane number → port name of the adapters that are there, in the lanes' order.

        With `new` a place met for the first time takes the next number after all known ones.
        """
        adapters = [port for port in ports if port.likely_unit]
        with self._lock:
            found = self._known(adapters)
            taken = {port.url for port in found.values()}
            for port in in_order(adapters) if new else ():
                if port.url not in taken and port.place is not None:
                    lane = max(self._places, default=0) + 1
                    self._places[lane] = port.place
                    found[lane] = port
        return {lane: found[lane].url for lane in sorted(found)}

    @property
    def numbers(self) -> frozenset[int]:
        """The lanes whose places are known, with or without an adapter."""
        with self._lock:
            return frozenset(self._places)

    def keep(self, lane: int, port: PortInfo) -> None:
        """Give a port that somebody chose for a lane its place."""
        if port.place is not None:
            with self._lock:
                self._places[lane] = port.place

    def _known(self, adapters: Sequence[PortInfo]) -> dict[int, PortInfo]:
        """Find the lanes' adapters: first those that tell their number, so that an exchange of plugs is no exchange of lanes."""
        found: dict[int, PortInfo] = {}
        left = list(adapters)
        for by_number in (True, False):
            for lane, place in self._places.items():
                sought = Place(place.serial_number) if by_number else place
                port = None if lane in found else find_place(sought, left)
                if port is not None:
                    found[lane] = port
                    left.remove(port)
        return found
