"""A screen that ends before what it needs is open: its threads let go, and the wait that remains is the main thread's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

import pytest
from textual.drivers.headless_driver import HeadlessDriver

from station.cli import screen
from station.cli.behind import Behind
from station.cli.context import Session
from station.cli.shift_desk import ShiftDesk
from station.errors import InternalFault
from station.tui import ending
from station.tui.app import StationApp, run_station_app
from station.tui.choice import Choice
from station.tui.choice_screen import ChoiceScreen
from tests.tui.fake_line import ALL_READY, CHOICE, fake_line

LIMIT_S = 10.0


class SlowStation:
    """Is being opened until the test lets it."""

    def __init__(self) -> None:
        self.may_open = threading.Event()
        self.app: StationApp | None = None
        self.left = 0

    @contextlib.contextmanager
    def __call__(self) -> Iterator[Sequence[Choice]]:
        if self.app is not None:
            self.app.call_from_thread(self.app.action_leave)
        assert self.may_open.wait(LIMIT_S)
        yield (CHOICE,)
        self.left += 1


def app_on(behind: Behind[Sequence[Choice]]) -> StationApp:
    app = StationApp(
        choices=behind.value,
        readiness=lambda _choice: ALL_READY,
        open_line=lambda _choice: fake_line(),
        open_behind=behind.open,
        give_up_behind=behind.give_up,
        tick_s=None,
    )
    app.driver_class = HeadlessDriver
    return app


@pytest.fixture
def fails_at_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = ChoiceScreen.on_mount

    def fail(choice: ChoiceScreen) -> None:
        mounted(choice)
        raise ValueError("of our own")

    monkeypatch.setattr(ChoiceScreen, "on_mount", fail)


@pytest.mark.usefixtures("fails_at_mount")
def test_an_error_of_the_screens_own_before_its_first_paint_ends_it(capfd: pytest.CaptureFixture[str]) -> None:
    with Behind(SlowStation()) as behind:
        app = app_on(behind)
        run_station_app(app)

    assert app.return_code == 1
    assert "of our own" in capfd.readouterr().err


@pytest.mark.usefixtures("fails_at_mount")
def test_an_error_of_the_screens_own_is_no_success(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(screen, "has_screen", lambda: True)
    monkeypatch.setattr(StationApp, "get_driver_class", lambda _app: HeadlessDriver)
    behind = Behind[ShiftDesk](lambda: pytest.fail("something was opened"))
    with pytest.raises(InternalFault), behind:
        screen.show_screen(Session(data=tmp_path), behind)


@pytest.mark.skipif(sys.platform == "win32", reason="a closed console of Windows ends the process")
def test_a_window_that_is_closed_after_the_screen_has_ended_breaks_nothing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_let_go_of_terminal", lambda: None)
    last_resort = mock.Mock()
    monkeypatch.setattr(threading, "Timer", last_resort)
    hung_up = signal.SIGHUP  # type: ignore[attr-defined,unused-ignore]  # POSIX
    before = signal.getsignal(hung_up)
    loop = asyncio.new_event_loop()
    ending.leave_on_signals(loop, lambda _number: None, LIMIT_S)
    loop.close()
    try:
        signal.raise_signal(hung_up)
    finally:
        signal.signal(hung_up, before)

    last_resort.assert_called_once_with(LIMIT_S, os._exit, (ending.HUNG_UP_EXIT_CODE,))


def test_a_screen_that_is_left_while_the_station_opens_ends_before_that() -> None:
    station = SlowStation()
    with Behind(station) as behind:
        station.app = app_on(behind)
        run_station_app(station.app)
        station.may_open.set()

    assert station.left == 1


def wait_and_press_ctrl_c(station: SlowStation) -> None:
    begun = threading.Event()

    def opened() -> contextlib.AbstractContextManager[Sequence[Choice]]:
        begun.set()
        return station()

    with Behind(opened, tell_wait=lambda: signal.raise_signal(signal.SIGINT), patience_s=0) as behind:
        opening = threading.Thread(target=behind.open)
        opening.start()
        assert begun.wait(LIMIT_S)


def test_the_wait_for_the_opening_is_told_and_ctrl_c_breaks_it_off() -> None:
    station = SlowStation()
    with pytest.raises(KeyboardInterrupt):
        wait_and_press_ctrl_c(station)
    station.may_open.set()
