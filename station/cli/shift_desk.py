"""What the technician's screen asks before the shift, answered from profiles, ledger and ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from station.errors import InputError, UsageError
from station.ledger import Ledger
from station.line.line import Line
from station.line.readiness import ProductLink, ReadinessItem, check_readiness
from station.line.shift import Shift, possible_shifts
from station.peripherals.label_printer import LabelPrinter
from station.peripherals.stack_light import StackLight
from station.tui.choice import Choice
from station.tui.lesson import Lessons


@dataclass(slots=True)
class ShiftDesk:
    """Answers the screen's questions: who works here, what can be chosen, is it ready, open it. Its methods are called from the
    screen's worker threads.
    """

    profiles: Sequence[Path]
    ledger: Ledger
    batch: str | None
    lanes: Callable[[], Mapping[int, str]]
    make_line: Callable[[Shift, Mapping[int, str]], Line]
    order: str | None = None
    platform: Callable[[Shift], ProductLink | None] = lambda _shift: None
    printer: Callable[[Shift], LabelPrinter | None] = lambda _shift: None
    light: StackLight | None = None
    signs_in: bool = False
    """Whether somebody has to sign in at the screen."""
    training: bool = False
    lessons: Lessons | None = None
    """Those of a training."""
    _shifts: dict[Choice, Shift] = field(default_factory=dict, init=False)

    def sign_in(self, name_or_badge: str) -> object:
        """Let somebody work here from now on; CodedError when nobody is called so."""
        return self.ledger.operators.sign_in(name_or_badge)

    def choices(self) -> list[Choice]:
        """Prepare the profiles and list their orders and batches, and what is wrong with one; CodedError when there are none.

        Of several profiles, one that has another batch or order than the one asked for is left out.
        """
        found: dict[Choice, Shift] = {}
        offered: list[Choice] = []
        refused: UsageError | None = None
        for profile in self.profiles:
            try:
                shifts = possible_shifts(profile, self.ledger, self.batch, self.order)
            except InputError as error:
                if isinstance(error, UsageError) and (self.batch is not None or self.order is not None):
                    refused = refused or error
                else:
                    offered.append(Choice(profile, profile.stem, "", fault=error))
                continue
            of_profile = {self._choice(profile, shift): shift for shift in shifts}
            offered += of_profile
            found |= of_profile
        if refused is not None and not offered:
            raise refused
        self._shifts = found
        return offered

    def _choice(self, path: Path, shift: Shift) -> Choice:
        now, name = shift.progress(), shift.recipe.profile.name
        if shift.order is None:
            return Choice(path, name, shift.batch, now.left, shift.work_order)
        return Choice(path, name, shift.batch, now.left, shift.work_order, now.passed, now.quantity)

    def readiness(self, choice: Choice) -> list[ReadinessItem]:
        """Look whether the chosen shift can start."""
        shift = self._shifts[choice]
        return check_readiness(
            shift,
            self.lanes(),
            training=self.training,
            platform=lambda: self.platform(shift),
            printer=lambda: self.printer(shift),
            light=self.light,
        )

    def open_line(self, choice: Choice) -> Line:
        """Make the line of the chosen shift; CodedError."""
        return self.make_line(self._shifts[choice], self.lanes())
