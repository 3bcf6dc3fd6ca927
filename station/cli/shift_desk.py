"""What the technician's screen asks before the shift, answered from profiles, ledger and ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from station.errors import InputError, UsageError
from station.ledger import Ledger
from station.line.line import Line
from station.line.readiness import ProductLink, ReadinessItem, check_readiness
from station.line.shift import Shift, possible_shifts
from station.peripherals.label_printer import LabelPrinter
from station.peripherals.stack_light import StackLight
from station.tui.choice import Choice


class ShiftDesk:
    """Answers the screen's questions: what can be chosen, is it ready, open it. Called from the screen's worker threads."""

    def __init__(
        self,
        profiles: Sequence[Path],
        ledger: Ledger,
        batch: str | None,
        lanes: Callable[[], Mapping[int, str]],
        open_line: Callable[[Shift, Mapping[int, str]], Line],
        *,
        training: bool = False,
        order: str | None = None,
        platform: Callable[[Shift], ProductLink | None] = lambda _shift: None,
        printer: Callable[[Shift], LabelPrinter | None] = lambda _shift: None,
        light: StackLight | None = None,
    ) -> None:
        self._light = light
        self._printer = printer
        self._platform = platform
        self._profiles = profiles
        self._ledger = ledger
        self._batch = batch
        self._order = order
        self._lanes = lanes
        self._open_line = open_line
        self._training = training
        self._shifts: dict[Choice, Shift] = {}

    def choices(self) -> list[Choice]:
        """Prepare the profiles and list their orders and batches, and what is wrong with one; CodedError when there are none.

        Of several profiles, one that has another batch or order than the one asked for is left out.
        """
        found: dict[Choice, Shift] = {}
        offered: list[Choice] = []
        refused: UsageError | None = None
        for profile in self._profiles:
            try:
                shifts = possible_shifts(profile, self._ledger, self._batch, self._order)
            except InputError as error:
                if isinstance(error, UsageError) and (self._batch is not None or self._order is not None):
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
        passed, left, _, quantity = shift.progress()
        name = shift.recipe.profile.name
        if shift.order is None:
            return Choice(path, name, shift.batch, left, shift.work_order)
        return Choice(path, name, shift.batch, left, shift.work_order, passed, quantity)

    def readiness(self, choice: Choice) -> list[ReadinessItem]:
        """Look whether the chosen shift can start."""
        shift = self._shifts[choice]
        return check_readiness(
            shift,
            self._lanes(),
            training=self._training,
            platform=lambda: self._platform(shift),
            printer=lambda: self._printer(shift),
            light=self._light,
        )

    def open_line(self, choice: Choice) -> Line:
        """Make the line of the chosen shift; CodedError."""
        return self._open_line(self._shifts[choice], self._lanes())
