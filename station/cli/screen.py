"""The technician's screen in its terminal, or in the window of a browser. It loads nothing that its first paint does not need."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import click

from station.cli.context import Session
from station.cli.serving import is_served
from station.cli.settings_file import write_values
from station.cli.stopping import stopped_by
from station.errors import InputError, InternalFault, UsageError
from station.line.readiness import ReadinessItem
from station.texts import Texts
from station.tui.app import StationApp, run_station_app
from station.tui.choice import Choice
from station.tui.lesson import Lessons
from station.tui.line_port import LinePort
from station.tui.settings import Settings

_logger = logging.getLogger(__name__)


class Desk(Protocol):
    """What the screen asks before the shift, in threads."""

    def choices(self) -> Sequence[Choice]: ...
    def readiness(self, choice: Choice, /) -> Sequence[ReadinessItem]: ...
    def open_line(self, choice: Choice, /) -> LinePort: ...


class LateDesk:
    """Answers once the real desk is there; the screen's threads wait for it."""

    def __init__(self, desk: Callable[[], Desk]) -> None:
        """`desk` waits until it can give it; CodedError when it never can."""
        self._desk = desk

    def choices(self) -> Sequence[Choice]:
        return self._desk().choices()

    def readiness(self, choice: Choice) -> Sequence[ReadinessItem]:
        return self._desk().readiness(choice)

    def open_line(self, choice: Choice) -> LinePort:
        return self._desk().open_line(choice)


def _keep(session: Session, settings: Settings) -> None:
    try:
        before = session.settings().screen.model_dump(mode="json")
        after = settings.model_dump(mode="json", include={"language", "colours", "bell"}, exclude_none=True)
        write_values(session.data, "screen", {key: value for key, value in after.items() if value != before[key]})
    except InputError as error:  # the shift goes on; the next one begins with the old colours
        _logger.warning("the screen's settings could not be kept: %s", error.cause)


def tell_closing(session: Session) -> None:
    """Say, where the screen was, why there is no prompt yet."""
    with suppress(OSError, InputError):  # a terminal that was closed, settings that somebody is writing
        click.echo(Texts(session.language()).say("screen_ended.closing"), err=True)


def has_screen() -> bool:
    """Whether there is something to show the screen on."""
    return is_served() or (sys.stdin.isatty() and sys.stdout.isatty())


def show_screen(
    session: Session,
    desk: Desk,
    *,
    sign_in: Callable[[str], object] | None = None,
    open_behind: Callable[[], bool] | None = None,
    give_up_behind: Callable[[], None] = lambda: None,
    training: bool = False,
    lessons: Callable[[], Lessons | None] = lambda: None,
) -> None:
    """Run the screen to its end; UsageError without a terminal. Exit code 3 when a port could not be closed in time.

    `sign_in` takes the name or badge that the screen asks for first; None: it asks for none. `open_behind` opens what the desk
    needs while the screen is there already; it gives False when the screen has to go. `give_up_behind` is
    called when the screen has ended, and lets go who waits for the desk. `lessons` are asked for once there is a line.

    Stopped: a signal ended it, after the lanes had stopped.
    """
    if not has_screen():
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
        open_behind=open_behind,
        give_up_behind=give_up_behind,
        training=training,
        lessons=lessons,
        settings=settings.model_copy(update={"language": session.lang or settings.language}),
        keep_settings=lambda changed: _keep(session, changed),
        start_at_once=training,
    )
    closed = run_station_app(app)
    if app.ended_by is not None:
        raise stopped_by(app.ended_by)
    if app.return_code:
        raise InternalFault("the screen ended by an error of its own")
    if not closed:
        sys.exit(3)
