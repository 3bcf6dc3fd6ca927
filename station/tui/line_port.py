"""What the screen needs of a line: the real one fits by its shape, and so do the tests' fakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from station.events import Event, LabelPrinted, LabelRefused
from station.ledger import AuditEvent, RunRow, UnitStanding, UnitStory
from station.line.decision import CarriedChoice, Decision
from station.line.shift_numbers import ShiftNumbers
from station.serial_number import EntryWay
from station.unit import Disposition, Mac

if TYPE_CHECKING:
    from station.ledger import SignedHead


class LaneInfo(Protocol):
    """One lane as the technician sees it."""

    @property
    def number(self) -> int: ...
    @property
    def port(self) -> str: ...


class PrintPort(Protocol):
    """Where labels of good units are printed. Waits for the printer, so never on the screen's own thread."""

    @property
    def is_incomplete(self) -> bool:
        """Whether the shift has ended before each label was printed or noted as missing."""

    def print_again(self, subject: str, /) -> LabelPrinted:
        """Print one more, or at last; CodedError when the unit has no label, or the ledger is away."""


class RecordPort(Protocol):
    """The shift's door to the ledger. Everything may wait for the disk, so never on the screen's own thread; CodedError."""

    @property
    def signed_head(self) -> SignedHead | None: ...
    @property
    def began(self) -> datetime: ...
    @property
    def prints(self) -> PrintPort | None:
        """None where the profile wants no labels printed, or the station has no printer."""

    def subject_of(self, code: str, /) -> str:
        """Give the serial number of a unit's whole label; any other code names a unit itself."""

    def is_label(self, code: str, /) -> bool:
        """Whether a scan has the form of a unit's label; looks nowhere, so it is for any thread."""

    def runs(self) -> tuple[RunRow, ...]: ...
    def earlier_runs(self) -> tuple[RunRow, ...]: ...
    def events(self) -> tuple[AuditEvent, ...]: ...
    def story(self, subject: str, /) -> UnitStory: ...
    def standing(self, mac: Mac, /) -> UnitStanding: ...
    def lead_needed(
        self, mac: Mac, disposition: Disposition | None, carried: CarriedChoice | None = None, /
    ) -> bool: ...
    def decide(self, decision: Decision, /) -> None: ...


class LabelPort(Protocol):
    """Where units' labels come in. Looks into the ledger, so never on the screen's own thread."""

    def give(self, lane: int, code: str, entry: EntryWay, /, *, replace: bool = False) -> LabelRefused | None:
        """Give a lane a label; why not, when it is refused. With `replace` one that was given goes."""

    def take_back(self, lane: int, /) -> bool:
        """Take a given label back; False when there is none that may still go."""


class LinePort(Protocol):
    """The line behind the screen."""

    @property
    def labels(self) -> LabelPort | None:
        """None where the profile wants no labels."""

    @property
    def record(self) -> RecordPort: ...
    @property
    def operator(self) -> str: ...
    @property
    def places(self) -> Sequence[LaneInfo]:
        """The lanes by number; without a port's name: the place of a lane that comes with its adapter."""

    @property
    def profile_name(self) -> str: ...
    @property
    def firmware_version(self) -> str: ...
    @property
    def batch(self) -> str: ...
    @property
    def training(self) -> bool: ...
    @property
    def light_is_lost(self) -> bool:
        """Whether there is a stack light that does not take its signals now."""

    def subscribe(self, callback: Callable[[Event], None], /) -> None:
        """Call back with every event, from the lanes' own threads."""

    def start(self) -> None:
        """Start every lane."""

    def abort(self, lane: int, /) -> None:
        """Stop this lane's run at once."""

    def retry(self, lane: int, /) -> None:
        """Walk the same unit again, or start where the profile wants a key."""

    def hand_over(self, name_or_badge: str, /) -> None:
        """Begin another operator's shift; CodedError. May wait for the ledger."""

    def stop(self, timeout_s: float) -> bool:
        """Stop all lanes and wait; True when every port is closed. May take as long as the limit."""

    def summary(self) -> ShiftNumbers:
        """Read the numbers; may wait for the ledger, so never on the screen's own thread."""
