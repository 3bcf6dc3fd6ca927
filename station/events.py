"""What a lane says while it works: past facts, frozen, from the lane's own thread. Faces and logs read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from station.errors import NO_FACTS, CodedError, Facts
from station.serial_number import EntryWay, ScanRefusal
from station.unit import Disposition, Mac
from station.verdict import Step, StepState, Verdict


class WaitReason(StrEnum):
    """What an idle lane waits for."""

    SCAN_LABEL = "scan_label"
    """The profile wants the unit's label before the unit."""
    INSERT_UNIT = "insert_unit"
    REMOVE_UNIT = "remove_unit"
    """The unit of the last verdict still answers."""
    PRESS_START = "press_start"
    """The profile wants a key before each unit."""
    HOLD_BOOT = "hold_boot"
    """The port cannot reset the chip: the technician holds BOOT and presses EN."""
    STATION_FAULT = "station_fault"
    """Nothing can start until the fault that `message` tells is mended; the lane tries again by itself."""


@dataclass(frozen=True, slots=True)
class LaneWaiting:
    """The lane is idle, for this reason."""

    lane: int
    reason: WaitReason
    message: str = ""
    code: str | None = None
    facts: Facts = field(default_factory=lambda: NO_FACTS)
    """What fills the screen's own sentence for the code."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A chip answered; the walk of a unit began."""

    lane: int
    run_id: int


@dataclass(frozen=True, slots=True)
class UnitIdentified:
    """The unit's MAC and chip are known."""

    lane: int
    mac: Mac
    chip: str
    flash_size_bytes: int


@dataclass(frozen=True, slots=True)
class CertificateAllocated:
    """The unit has its certificate; `resumed` when it had it before. `left` counts available ones of the batch."""

    lane: int
    mac: Mac
    product_key: str
    device_name: str
    resumed: bool
    left: int


@dataclass(frozen=True, slots=True)
class LabelWanted:
    """The verdict of the unit in hand waits for its label; the walk goes on meanwhile."""

    lane: int


@dataclass(frozen=True, slots=True)
class LabelTaken:
    """The lane has a label for its next unit, or for the one in hand; it may still be replaced. `bearer`: who bears it now."""

    lane: int
    serial_number: str
    entry: EntryWay
    bearer: str | None = None


@dataclass(frozen=True, slots=True)
class LabelRefused:
    """What was scanned or typed is no label for the lane, which waits on. `why` and `words`: see `ScanRefused`."""

    lane: int
    code: str
    message: str
    mend: str
    why: ScanRefusal | None = None
    words: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class SerialNumberBound:
    """The unit bears this serial number from now on; `resumed` when the ledger knew it before."""

    lane: int
    mac: Mac
    serial_number: str
    resumed: bool


@dataclass(frozen=True, slots=True)
class StepReported:
    """One step began, moved on (at most ten a second), ended. Bytes are set on progress of `write` only:
    compressed bytes on the wire. `seconds` count from the step's begin. `message` says why a step failed, or, when it begins,
    what the technician must do in it."""

    lane: int
    step: Step
    state: StepState
    seconds: float = 0.0
    done_bytes: int | None = None
    total_bytes: int | None = None
    code: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class VerdictReached:
    """The run is over and recorded. `message` says what happened, `mend` what to do now."""

    lane: int
    run_id: int | None
    verdict: Verdict
    mac: Mac | None
    device_name: str | None
    seconds: float
    code: str | None = None
    message: str = ""
    mend: str = ""
    left: int | None = None
    failed_in_row: int = 0
    """FAILs of this unit since it passed or was decided about, this one included."""
    tries_max: int | None = None
    """So many the profile allows."""
    serial_number: str | None = None
    facts: Facts = field(default_factory=lambda: NO_FACTS)
    """What fills the screen's own sentence for the code."""


@dataclass(frozen=True, slots=True)
class UnitDisposed:
    """Somebody decided where a unit goes that did not pass, or (None) let it go again. Lane 0: not at a lane."""

    lane: int
    mac: Mac
    disposition: Disposition | None


@dataclass(frozen=True, slots=True)
class LabelPrinted:
    """The label of a unit that passed was handed to the printer, or (with a code) was not: `message` says why.

    Lane and run are those of the PASS.
    """

    lane: int
    run_id: int
    mac: Mac
    device_name: str | None
    code: str | None = None
    message: str = ""
    mend: str = ""
    facts: Facts = field(default_factory=lambda: NO_FACTS)
    """What fills the screen's own sentence for the code."""

    def hindered_by(self, fault: CodedError) -> LabelPrinted:
        """Give it as not printed, by what hindered it."""
        return replace(self, code=fault.code, message=fault.cause, mend=fault.mend, facts=fault.facts)


@dataclass(frozen=True, slots=True)
class LaneAppeared:
    """The adapter of a lane was found under this port name; the lane may be new, or its port may have another name now."""

    lane: int
    port: str


@dataclass(frozen=True, slots=True)
class LaneClosed:
    """The lane's thread has returned and its port is closed."""

    lane: int


WorkEvent = (
    LaneWaiting
    | RunStarted
    | UnitIdentified
    | CertificateAllocated
    | StepReported
    | VerdictReached
    | UnitDisposed
    | LabelPrinted
    | LaneAppeared
    | LaneClosed
)
LabelEvent = LabelWanted | LabelTaken | LabelRefused | SerialNumberBound
Event = WorkEvent | LabelEvent
