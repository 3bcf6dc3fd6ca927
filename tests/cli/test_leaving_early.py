"""A screen that ends before what it needs is open: its threads let go, and the wait that remains is the main thread's."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence

import pytest
from textual.drivers.headless_driver import HeadlessDriver

from station.cli.behind import Behind
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


def test_an_error_of_the_screens_own_before_its_first_paint_ends_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    mounted = ChoiceScreen.on_mount

    def fail(screen: ChoiceScreen) -> None:
        mounted(screen)
        raise ValueError("of our own")

    monkeypatch.setattr(ChoiceScreen, "on_mount", fail)
    with Behind(SlowStation()) as behind:
        app = app_on(behind)
        run_station_app(app)

    assert app.return_code == 1
    assert "of our own" in capfd.readouterr().err


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
