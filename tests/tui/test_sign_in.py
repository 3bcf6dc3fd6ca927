"""Where people are known, somebody signs in before anything else is asked."""

from __future__ import annotations

import threading

from textual.widgets import Input

from station.errors import Code, LedgerFault
from station.tui.app import StationApp
from station.tui.choice_screen import ChoiceScreen
from station.tui.sign_in_screen import SignInScreen
from tests.tui.driving import opened, settle, until
from tests.tui.fake_line import fake_app, fake_line
from tests.tui.pictures import screen_text


async def test_a_name_in_full_width_letters_signs_in_and_the_choice_comes_next() -> None:
    line = fake_line()
    line.people = ("Li7",)
    app = fake_app(line, signs_in=True, start_at_once=False)
    async with opened(app) as pilot:
        assert "Scan your badge" in screen_text(app)
        app.screen.query_one(Input).value = "Ｌｉ７"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChoiceScreen))

    assert line.operator == "Li7"


async def test_a_badge_signs_in_whatever_is_typed() -> None:
    line = fake_line()
    line.people = ("B-0017",)
    app = fake_app(line, signs_in=True, start_at_once=False)
    async with opened(app) as pilot:
        await pilot.press("W")
        assert isinstance(app.screen, SignInScreen)
        app.screen.take_scan("B-0017")
        await until(pilot, lambda: isinstance(app.screen, ChoiceScreen))

    assert line.operator == "B-0017"


async def test_who_is_not_known_is_told_so_and_asked_again() -> None:
    line = fake_line()
    app = fake_app(line, signs_in=True)
    async with opened(app) as pilot:
        await pilot.press("enter")
        await settle(pilot)
        assert "Scan your badge" in screen_text(app)
        await pilot.press(*"Lu", "enter")
        await until(pilot, lambda: "Lu is nobody here. Scan the badge again" in screen_text(app))
        await pilot.press(*"Wang", "enter")
        await until(pilot, lambda: line.calls == ["start"])

    assert line.operator == "Wang"


async def test_a_sentence_of_two_rows_stands_straight() -> None:
    app = fake_app(fake_line(), signs_in=True)
    async with opened(app) as pilot:
        app.screen.query_one(Input).value = "L" * 60
        await pilot.press("enter")
        await until(pilot, lambda: "is nobody here" in screen_text(app))
        first, second = screen_text(app).splitlines()[-3:-1]

        assert first.startswith(" ▲ ")
        assert second.startswith(" "), second
        assert second[1].isalpha(), second


async def test_only_one_is_signed_in_while_the_ledger_is_asked() -> None:
    asked: list[str] = []
    answer = threading.Event()

    def sign_in(name: str) -> None:
        asked.append(name)
        answer.wait(10)
        raise LedgerFault(Code.LEDGER_BUSY, "Another program holds the ledger", "Close it")

    line = fake_line()
    app = StationApp(
        choices=lambda: (), readiness=lambda _choice: (), open_line=lambda _choice: line, sign_in=sign_in, tick_s=None
    )
    async with app.run_test() as pilot:
        screen = app.screen
        assert isinstance(screen, SignInScreen)
        screen.take_scan("B-1")
        screen.take_scan("B-2")
        answer.set()
        await until(pilot, lambda: "E21 The ledger is busy" in screen_text(app))

    assert asked == ["B-1"]
