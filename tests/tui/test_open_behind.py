"""The first screen is there before what it needs is open."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from station.errors import Code, LedgerFault
from station.tui.app import StationApp
from station.tui.choice import Choice
from station.tui.choice_screen import ChoiceScreen, Stage
from station.tui.sign_in_screen import SignInScreen
from tests.tui.driving import until
from tests.tui.fake_line import ALL_READY, CHOICE, fake_line
from tests.tui.pictures import screen_text


class Station:
    """What is opened behind the screen when the test lets it."""

    def __init__(self, *, opens: bool = True) -> None:
        self._opens = opens
        self.may_open = threading.Event()
        self._is_open = threading.Event()
        self.signed_in = ""

    def open(self) -> bool:
        assert self.may_open.wait(10)
        self._is_open.set()
        return self._opens

    def choices(self) -> Sequence[Choice]:
        assert self._is_open.wait(10)
        if not self._opens:
            raise LedgerFault(Code.LEDGER_BUSY, "Another program holds the ledger", "Close it")
        return (CHOICE,)

    def sign_in(self, name: str) -> None:
        assert self._is_open.wait(10)
        self.signed_in = name


def app_on(station: Station, *, signs_in: bool) -> StationApp:
    return StationApp(
        choices=station.choices,
        readiness=lambda _choice: ALL_READY,
        open_line=lambda _choice: fake_line(),
        sign_in=station.sign_in if signs_in else None,
        open_behind=station.open,
        tick_s=None,
    )


async def test_a_name_typed_meanwhile_signs_in_once_the_station_is_open() -> None:
    station = Station()
    app = app_on(station, signs_in=True)
    async with app.run_test() as pilot:
        assert "Scan your badge" in screen_text(app)
        await pilot.press(*"Li", "enter")
        while not (isinstance(app.screen, SignInScreen) and not app.screen.is_asking):
            await pilot.pause(0)
        assert station.signed_in == ""
        station.may_open.set()
        await until(pilot, lambda: isinstance(app.screen, ChoiceScreen))

    assert station.signed_in == "Li"


async def test_where_nobody_signs_in_the_choice_looks_until_the_station_is_open() -> None:
    station = Station()
    app = app_on(station, signs_in=False)
    async with app.run_test() as pilot:
        screen = app.screen
        assert isinstance(screen, ChoiceScreen)
        assert screen.stage is Stage.LOOKING
        station.may_open.set()
        await until(pilot, lambda: screen.stage is Stage.CHECKED)


@pytest.mark.parametrize("signs_in", [True, False])
async def test_a_station_that_cannot_be_opened_ends_the_screen(signs_in: bool) -> None:
    station = Station(opens=False)
    app = app_on(station, signs_in=signs_in)
    async with app.run_test() as pilot:
        station.may_open.set()
        await until(pilot, lambda: not app.is_running)

    assert app.return_value is None
