"""The technician's screen in its terminal, or in the window of a browser. It loads nothing that its first paint does not need."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from station.cli.behind import Behind
from station.cli.context import Session
from station.cli.serving import is_served
from station.cli.settings_file import write_values
from station.cli.stopping import stopped_by
from station.errors import InputError, InternalFault, UsageError
from station.texts import Texts
from station.tui.app import StationApp, run_station_app
from station.tui.settings import Settings

if TYPE_CHECKING:
    from station.cli.shift_desk import ShiftDesk

_logger = logging.getLogger(__name__)


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


def show_screen(session: Session, behind: Behind[ShiftDesk], *, signs_in: bool = False, training: bool = False) -> None:
    """Run the screen to its end; UsageError without a terminal. Exit code 3 when a port could not be closed in time.

    `behind` is opened once the screen is painted, unless it is open; the screen's threads wait for it. With `signs_in` the
    screen asks first who works here.

    Stopped: a signal ended it, after the lanes had stopped.
    """
    if not has_screen():
        raise UsageError(
            "The screen needs a terminal",
            "Use `station flash PROFILE --port URL`, or `station demo --auto`, without one",
        )
    settings = session.settings().screen
    app = StationApp(
        choices=lambda: behind.value().choices(),
        readiness=lambda choice: behind.value().readiness(choice),
        open_line=lambda choice: behind.value().open_line(choice),
        sign_in=(lambda name_or_badge: behind.value().sign_in(name_or_badge)) if signs_in else None,
        open_behind=None if behind.is_begun else behind.open,
        give_up_behind=behind.give_up,
        training=training,
        lessons=lambda: behind.value().lessons,
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
