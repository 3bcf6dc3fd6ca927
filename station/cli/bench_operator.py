"""The hands at the training bench: they change the units, and rest while a lesson needs the bench."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Final, Self

from station.errors import Code
from station.events import (
    Event,
    LabelWanted,
    LaneClosed,
    LaneWaiting,
    RunStarted,
    UnitIdentified,
    VerdictReached,
    WaitReason,
)
from station.line.line import Line
from station.serial_number import EntryWay
from station.unit import Mac
from station.virtual.bench import Bench, BenchFault

_logger = logging.getLogger(__name__)

STOP_TIMEOUT_S: Final = 10.0
LEAVE_AFTER_S: Final = 4.0
"""How long a finished unit stays in the fixture, so that its verdict can be read."""


class BenchOperator:
    """Puts a unit in when a lane asks for one, takes it out when it is done."""

    def __init__(
        self,
        bench: Bench,
        line: Line,
        units: int | None,
        leave_after_s: float = LEAVE_AFTER_S,
        label_of: Callable[[Mac], str] | None = None,
    ) -> None:
        """`label_of` says what a unit's label says, where these hands give the labels that lanes ask for."""
        self._bench = bench
        self._left_to_insert = units
        self._leave_after_s = leave_after_s
        self._heard: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._label_of = label_of
        self._macs: dict[int, Mac] = {}
        self._line = line
        self._lock = threading.Lock()
        self._outstanding: set[int] = set()
        self._in: set[int] = set()
        """Lanes with a unit that these hands put in."""
        self._asking: set[int] = set()
        """Lanes that ask for a unit while the hands rest."""
        self._rests = False
        self._is_used_up = False
        """Whether a unit got no certificate: without an end of their own these hands would waste units for ever."""
        self._thread = threading.Thread(target=self._work, name="bench-operator", daemon=True)
        line.subscribe(self._heard.put)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._heard.put(None)
        self._thread.join()

    def hold(self) -> None:
        """Put no unit in any more; those that are in are taken out when they are done."""
        with self._lock:
            self._rests = True

    def go_on(self) -> None:
        """Put units in again, also where a lane asked meanwhile. BenchFault."""
        with self._lock:
            self._rests = False
            for lane in sorted(self._asking):
                self._insert(lane)

    def has_unit(self, lane: int) -> bool:
        """Whether a unit that these hands put in is there."""
        with self._lock:
            return lane in self._in

    def _work(self) -> None:
        try:
            self._handle_units()
        except BenchFault:
            _logger.exception("the bench failed")
            self._end()

    def _handle_units(self) -> None:
        while (event := self._heard.get()) is not None:
            match event:
                case LaneWaiting(reason=WaitReason.INSERT_UNIT):
                    with self._lock:
                        self._insert(event.lane)
                case RunStarted():
                    with self._lock:
                        self._asking.discard(event.lane)
                case UnitIdentified(lane=lane, mac=mac):
                    self._macs[lane] = mac
                case LabelWanted(lane=lane):
                    self._label(lane)
                case VerdictReached():
                    self._is_used_up |= event.code == Code.NO_CERTIFICATE_LEFT and self._left_to_insert is None
                    self._outstanding.discard(event.lane)
                    self._end_when_done()
                case LaneWaiting(reason=WaitReason.REMOVE_UNIT):
                    if self.has_unit(event.lane) and not self._ended.wait(self._leave_after_s):
                        self._remove(event.lane)
                case LaneClosed():
                    self._outstanding.discard(event.lane)
                case _:
                    pass

    def _insert(self, lane: int) -> None:
        if self._rests or self._is_used_up:
            self._asking.add(lane)
            return
        self._asking.discard(lane)
        if self._left_to_insert is not None:
            if self._left_to_insert == 0:
                return
            self._left_to_insert -= 1
        self._outstanding.add(lane)
        self._in.add(lane)
        self._bench.insert(lane)

    def _label(self, lane: int) -> None:
        if self._label_of is not None and self._line.labels is not None:
            self._line.labels.give(lane, self._label_of(self._macs[lane]), EntryWay.GIVEN)

    def _remove(self, lane: int) -> None:
        with self._lock:
            self._in.discard(lane)
            self._bench.remove(lane)

    def _end_when_done(self) -> None:
        if self._left_to_insert == 0 and not self._outstanding and not self._rests:
            self._end()

    def _end(self) -> None:
        threading.Thread(target=self._line.stop, args=(STOP_TIMEOUT_S,), name="bench-end", daemon=True).start()
