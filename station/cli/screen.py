"""The technician's screen, fed by the line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from station.cli.context import Session
from station.cli.serving import is_served
from station.cli.settings_file import write_values
from station.cli.stopping import stopped_by
from station.errors import InputError, UsageError
from station.ledger import Ledger
from station.line.line import Line
from station.line.readiness import ProductLink, ReadinessItem, check_readiness
from station.line.shift import Shift, possible_shifts
from station.peripherals.label_printer import LabelPrinter
from station.peripherals.stack_light import StackLight
from station.tui.app import StationApp, run_station_app
from station.tui.choice import Choice
from station.tui.lesson import Lessons
from station.tui.settings import Settings

_logger = logging.getLogger(__name__)


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
        passed, left, _ = shift.progress()
        name = shift.recipe.profile.name
        if shift.order is None:
            return Choice(path, name, shift.batch, left, shift.work_order)
        return Choice(path, name, shift.batch, left, shift.work_order, passed, shift.quantity)

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


def _keep(session: Session, settings: Settings) -> None:
    try:
        before = session.settings().screen.model_dump(mode="json")
        after = settings.model_dump(mode="json", include={"language", "colours", "bell"}, exclude_none=True)
        write_values(session.data, "screen", {key: value for key, value in after.items() if value != before[key]})
    except UsageError as error:  # the shift goes on; the next one begins with the old colours
        _logger.warning("the screen's settings could not be kept: %s", error.cause)


def show_screen(
    session: Session,
    desk: ShiftDesk,
    *,
    sign_in: Callable[[str], object] | None = None,
    training: bool = False,
    lessons: Lessons | None = None,
) -> None:
    """Run the screen to its end; UsageError without a terminal. Exit code 3 when a port could not be closed in time.

    `sign_in` takes the name or badge that the screen asks for first; None: it asks for none.

    Stopped: a signal ended it, after the lanes had stopped.
    """
    if not is_served() and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The screen needs a terminal",
            "Use `station flash PROFILE --port URL`, or `station demo --auto`, without one",
        )
    settings = session.settings().screen
    app = StationApp(
        choices=desk.choices,
        readiness=desk.readiness,
        open_line=desk.open_line,
        sign_in=sign_in,
        training=training,
        lessons=lessons,
        settings=settings.model_copy(update={"language": session.lang or settings.language}),
        keep_settings=lambda changed: _keep(session, changed),
        start_at_once=training,
    )
    closed = run_station_app(app)
    if app.ended_by is not None:
        raise stopped_by(app.ended_by)
    if not closed:
        sys.exit(3)
