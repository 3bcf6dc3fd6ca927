"""The one thread that asks the system which ports there are, for all lanes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from station.chip.ports import PortInfo, adapter_name
from station.errors import Code, PortFault
from station.line.lane_places import LanePlaces
from station.line.walk import internal_fault

POLL_PERIOD_S: Final = 1.0
LOOK_LIMIT_S: Final = 5.0


class PortWatch:
    """Tells new lanes as their adapters come, and each lane what its port is called now."""

    def __init__(
        self,
        places: LanePlaces,
        list_ports: Callable[[], Sequence[PortInfo]],
        *,
        new_lanes: bool = True,
        period_s: float = POLL_PERIOD_S,
    ) -> None:
        """`new_lanes`: an adapter at a place that has no lane yet becomes one."""
        self._places = places
        self._list_ports = list_ports
        self._new_lanes = new_lanes
        self._period_s = period_s
        self._changed = threading.Condition()
        self._asked = 0
        """Looks asked for; a look that began after the question answers it."""
        self._answered = 0
        self._found: dict[int, str] = {}
        self._ports: Sequence[PortInfo] = ()
        self._ended = False

    def start(self, appeared: Callable[[int, str], None]) -> None:
        """Begin to look; `appeared` gets number and port of each lane that is seen, again and again, on the watch's thread."""
        threading.Thread(target=self._live, args=(appeared,), name="port-watch", daemon=True).start()

    def stop(self) -> None:
        """End the thread, which may still be at its last look; lanes that ask are refused from now on."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def known_lanes(self) -> frozenset[int]:
        """The lanes whose places are known, with or without an adapter."""
        return self._places.numbers

    def port_of(self, lane: int) -> str:
        """Ask the system anew what the lane's port is called; PortFault E10 when its adapter is not there."""
        with self._changed:
            self._asked += 1
            mine = self._asked
            self._changed.notify_all()
            answered = self._changed.wait_for(lambda: self._answered >= mine or self._ended, LOOK_LIMIT_S)
            port = self._found.get(lane)
        if not answered:
            raise PortFault(
                Code.PORT_STUCK,
                "The system does not say which ports there are",
                "Pull the adapters out and put them in again; restart the PC if that does not help",
            )
        if port is None:
            raise PortFault(
                Code.PORT_MISSING, "The adapter of this lane is not plugged in", "Plug it in; the lane starts by itself"
            )
        return port

    def adapter_at(self, url: str) -> str:
        """Name the adapter that the last look saw at a port; the system is not asked."""
        return adapter_name(url, self._ports)

    def _live(self, appeared: Callable[[int, str], None]) -> None:
        while not self._ended:
            with self._changed:
                asked = self._asked
            try:
                self._ports = self._list_ports()
                found = self._places.number(self._ports, new=self._new_lanes)
                for lane, port in found.items():
                    appeared(lane, port)
            except Exception as error:  # noqa: BLE001  the next look may succeed, and lanes must not wait for one for ever
                internal_fault(error)
                found = {}
            with self._changed:
                self._found = found
                self._answered = asked
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._ended or self._asked > self._answered, self._period_s)
