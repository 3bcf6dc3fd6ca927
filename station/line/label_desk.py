"""Where the labels of a line's units come in: read, looked up, and given to the lane that they are for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import NoReturn

from station.errors import CodedError, ScanRefused
from station.events import Event, LabelRefused, LabelTaken, LabelWanted
from station.ledger import Ledger
from station.line.label_slot import LabelSlot, SlotState
from station.profile.serial_number import ScanTime, SerialNumber
from station.serial_number import EntryWay, ScanRefusal, UnitLabel


class LabelDesk:
    """One line's. Its methods look into the ledger, so none is for a screen's own thread; what comes of them is told as events."""

    def __init__(
        self,
        rule: SerialNumber,
        product_key: str,
        ledger: Ledger,
        slots: Callable[[], Mapping[int, LabelSlot]],
        report: Callable[[Event], None],
    ) -> None:
        self._rule = rule
        self._product_key = product_key
        self._ledger = ledger
        self._slots = slots
        self._report = report
        self._one_at_a_time = threading.Lock()

    def give(self, lane: int, code: str, entry: EntryWay, *, replace: bool = False) -> LabelRefused | None:
        """Give a lane what was read on its unit's label; why not, when it was refused. With `replace` a given one goes."""
        with self._one_at_a_time:
            try:
                self._give(lane, code, entry, replace=replace)
            except CodedError as error:
                why, words = (error.why, error.words) if isinstance(error, ScanRefused) else (None, {})
                refused = LabelRefused(lane, error.code, error.cause, error.mend, why, words)
                self._report(refused)
                return refused
        return None

    def take_back(self, lane: int) -> bool:
        """Take a given label back, as long as its unit is not in, or not recorded; False when there is none."""
        slot = self._slots()[lane]
        taken = slot.take_back()
        if taken and self._rule.scan is ScanTime.AFTER:
            self._report(LabelWanted(lane))
        slot.wake()
        return taken

    def _give(self, lane: int, code: str, entry: EntryWay, *, replace: bool) -> None:
        slots = dict(self._slots())
        slot = slots.get(lane)
        wanted = (SlotState.WANTED, SlotState.GIVEN) if replace else (SlotState.WANTED,)
        if slot is None or slot.state not in wanted:
            _refuse_unwanted(lane)
        label = self._rule.read(code, entry)
        self._require_free(label, lane, slots)
        bearer = self._ledger.serial_numbers.bearer(self._product_key, label.serial_number)
        if bearer is not None and slot.mac is not None and bearer.mac != slot.mac:
            raise ScanRefused(
                ScanRefusal.OTHER_UNIT,
                f"unit {bearer.unit} bears the serial number {label.serial_number}",
                "Scan the label on this unit; when both bear it, call the line lead",
                serial_number=label.serial_number,
                unit=bearer.unit,
            )
        taken = LabelTaken(lane, label.serial_number, entry, None if bearer is None else bearer.unit)
        if not slot.put(label, replace=replace, tell=lambda: self._report(taken)):
            _refuse_unwanted(lane)

    def _require_free(self, label: UnitLabel, lane: int, slots: Mapping[int, LabelSlot]) -> None:
        for other, slot in slots.items():
            held = None if slot.state is SlotState.SHUT else slot.label
            if other != lane and held is not None and held.serial_number == label.serial_number:
                raise ScanRefused(
                    ScanRefusal.ON_OTHER_LANE,
                    f"lane {other} has the label {label.serial_number}",
                    "Scan the label of the unit for this lane, or take it back from the other one first",
                    serial_number=label.serial_number,
                    lane=other,
                )


def _refuse_unwanted(lane: int) -> NoReturn:
    raise ScanRefused(
        ScanRefusal.NOT_WANTED,
        f"lane {lane} waits for no label",
        "Remove the finished unit first, then scan the next one's label",
        lane=lane,
    )
