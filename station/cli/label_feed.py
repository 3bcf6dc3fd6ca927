"""Where the labels of units come from without a screen: options, or the lines of standard input."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from station.errors import CodedError, UsageError
from station.events import Event, LabelTaken, LabelWanted, LaneClosed, LaneWaiting, VerdictReached, WaitReason
from station.line.label_desk import LabelDesk
from station.line.line import Line
from station.profile.model import Profile
from station.serial_number import EntryWay, lane_named

_CHUNK_BYTES: Final = 4096
_MEND: Final = "Give one more with --serial-number, or one more line on standard input; the unit was not finished"


class LabelFeed:
    """Brings codes to the lanes that wait for a label, in the order in which they began to; a thread of its own reads them."""

    def __init__(self, desk: LabelDesk, lanes: Sequence[int], codes: Iterable[str]) -> None:
        self._desk = desk
        self._lanes = frozenset(lanes)
        self._codes = codes
        self._changed = threading.Condition()
        self._waiting: list[int] = []
        self._has_ended = False

    def start(self) -> None:
        """Begin to read; whoever waits for codes when the program ends is left behind."""
        threading.Thread(target=self._bring, name="labels", daemon=True).start()

    def hear(self, event: Event) -> None:
        """Note which lanes wait."""
        with self._changed:
            match event:
                case LabelWanted() | LaneWaiting(reason=WaitReason.SCAN_LABEL):
                    if event.lane not in self._waiting:
                        self._waiting.append(event.lane)
                case LabelTaken() | LaneWaiting() | VerdictReached() | LaneClosed():
                    if event.lane in self._waiting:
                        self._waiting.remove(event.lane)
                case _:
                    return
            self._changed.notify_all()

    @property
    def fault(self) -> CodedError | None:
        """What ends the line: a lane waits, and no code is left."""
        with self._changed:
            if not self._has_ended or not self._waiting:
                return None
            return UsageError("No label is left, and the profile wants one", _MEND, f"lane {self._waiting[0]}")

    def _bring(self) -> None:
        chosen: int | None = None
        for line in self._codes:
            code = line.strip()
            if not code:
                continue
            if (named := lane_named(code)) is not None:
                chosen = named
                continue
            self._desk.give(self._next(chosen), code, EntryWay.GIVEN)
            chosen = None
        with self._changed:
            self._has_ended = True

    def _next(self, chosen: int | None) -> int:
        """Give the lane for the next code, once it waits; one that is not there never will."""
        if chosen is not None and chosen not in self._lanes:
            return chosen
        with self._changed:
            self._changed.wait_for(lambda: chosen in self._waiting if chosen is not None else bool(self._waiting))
            return self._waiting[0] if chosen is None else chosen


def label_feed(line: Line, profile: Profile, codes: Sequence[str]) -> LabelFeed | None:
    """Give the labels' way in, None where the profile wants none. UsageError, ScanRefused: an option that cannot be one."""
    if line.labels is None or profile.serial_number is None:
        if codes:
            raise UsageError("The profile wants no label", "Leave --serial-number out, or add `serial_number:` to it")
        return None
    if codes and len(line.lanes) > 1:
        raise UsageError(
            "With more than one port nobody knows for which lane a --serial-number is",
            "Write the labels to standard input, each after a line LANE N",
        )
    for code in codes:
        profile.serial_number.read(code, EntryWay.GIVEN)
    numbers = [lane.number for lane in line.lanes]
    return LabelFeed(line.labels, numbers, codes or _input_lines(sys.stdin.fileno()))


def _input_lines(descriptor: int) -> Iterator[str]:
    """Read lines without Python's own buffer: its lock, held by a thread that waits for input, breaks the program's end."""
    held = b""
    while chunk := os.read(descriptor, _CHUNK_BYTES):
        *lines, held = (held + chunk).replace(b"\r", b"\n").split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in lines)
    yield held.decode("utf-8", "replace")
