"""The walk's part in the labels: what was scanned before the unit becomes its number, and the verdict waits for what is not."""

from __future__ import annotations

from typing import Final

from station.chip.lane_port import aborted
from station.errors import CertificateHeld, InternalFault
from station.events import LabelRefused, LabelTaken, LabelWanted, SerialNumberBound
from station.line.label_slot import LabelSlot
from station.line.passage import Passage
from station.profile.serial_number import ScanTime
from station.serial_number import ScanRefusal, UnitLabel
from station.unit import Mac

WAITED: Final = "label"
"""The time that the verdict waited for the label, among a run's timings."""


def read_label(passage: Passage, run_id: int, mac: Mac) -> None:
    """Bind the label that was scanned before; or want one, unless the ledger knows this unit's. CertificateHeld: not its own."""
    rule = passage.recipe.profile.serial_number
    if rule is None:
        return
    slot = _slot(passage)
    if rule.scan is ScanTime.BEFORE:
        if slot.label is None:
            raise InternalFault("a unit was walked before its label was scanned")
        _bind(passage, run_id, mac, slot.label)
        return
    known = passage.ledger.serial_numbers.of_unit(passage.recipe.profile.product_key, mac)
    if known is not None:
        passage.ledger.serial_numbers.keep(run_id, known)
        _tell(passage, mac, known.serial_number, resumed=True)
        return
    label = slot.open(mac)
    if label is None:
        passage.report(LabelWanted(passage.lane))
    else:
        passage.report(LabelTaken(passage.lane, label.serial_number, label.entry))


def await_label(passage: Passage, run_id: int, mac: Mac) -> None:
    """Wait for the label of a unit that has done all else, and bind it; one that cannot be its is refused. Aborted."""
    if passage.recipe.profile.serial_number is None or passage.serial_number is not None:
        return
    slot = _slot(passage)
    began = passage.clock()
    while True:
        if not slot.wait():
            raise aborted()
        label = slot.lock()
        if label is None:
            continue
        try:
            _bind(passage, run_id, mac, label)
        except CertificateHeld as held:
            bearer = passage.ledger.serial_numbers.bearer(passage.recipe.profile.product_key, label.serial_number)
            words = {"serial_number": label.serial_number, "unit": "?" if bearer is None else bearer.unit}
            slot.refuse()
            why = ScanRefusal.OTHER_UNIT
            passage.report(LabelRefused(passage.lane, held.code, held.cause, held.mend, why, words))
        else:
            passage.timings[WAITED] = round(passage.clock() - began, 3)
            return


def _bind(passage: Passage, run_id: int, mac: Mac, label: UnitLabel) -> None:
    resumed = passage.ledger.serial_numbers.bind(run_id, label)
    _tell(passage, mac, label.serial_number, resumed=resumed)


def _tell(passage: Passage, mac: Mac, serial_number: str, *, resumed: bool) -> None:
    passage.serial_number = serial_number
    passage.report(SerialNumberBound(passage.lane, mac, serial_number, resumed))


def _slot(passage: Passage) -> LabelSlot:
    if passage.label_slot is None:
        raise InternalFault("the profile wants labels, and the lane has no place for them")
    return passage.label_slot
