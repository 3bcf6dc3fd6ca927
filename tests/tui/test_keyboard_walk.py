"""By keyboard alone: every screen is reached, each key of a key bar does something, and every bar fits in both languages."""

from __future__ import annotations

import pytest
from textual.binding import Binding

from station.texts import LANGUAGES
from station.tui.answer_input import AnswerInput
from station.tui.app import StationApp
from station.tui.key_bar import KeyBar, place_keys
from station.tui.station_screen import StationScreen
from tests.tui.driving import StationPilot, on_line, settle
from tests.tui.fake_line import FakeLine, failed, fake_app, fake_line
from tests.tui.made_shift import fill
from tests.tui.pictures import screen_svg

WAYS = {
    "line": (),
    "help": ("f1",),
    "decision": ("f6",),
    "reason": ("f6", "2"),
    "look back": ("f2",),
    "failures": ("f2", "tab"),
    "unit": ("f2", "down", "enter"),
    "end": ("f10",),
    "hand over": ("f10", "f7"),
}


async def at(way: tuple[str, ...], app: StationApp, line: FakeLine, pilot: StationPilot) -> None:
    fill(line.record)
    line.say(*failed(1))
    await settle(pilot)
    for key in way:
        await pilot.press(key)
        await settle(pilot)


def shown_keys(app: StationApp) -> list[str]:
    return [word.key for word in app.screen.query_one(KeyBar).keys if word.enabled]


def seen(app: StationApp, line: FakeLine) -> tuple[object, ...]:
    """What a key could have changed: the cells with their colours, what the line was told, the screens."""
    return app.screen._compositor.render_strips(), list(line.calls), len(app.screen_stack)


@pytest.mark.parametrize("way", WAYS)
async def test_each_bar_fits_in_both_languages_and_each_of_its_keys_does_something(way: str) -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        await at(WAYS[way], app, line, pilot)
        keys = shown_keys(app)
        titles = {command.title for command in app.get_system_commands(app.screen)}
        words = {key.word for bar in app.screen.query(KeyBar) for key in bar.keys}
        assert words - titles == {app.texts.say("key.palette")}
        for _ in LANGUAGES:
            assert place_keys(app.screen.query_one(KeyBar).keys, 80)[-1].end <= 80, app.texts.language
            app.action_change_language()
    assert {"f9", "ctrl+p"} < set(keys)
    dead = []
    for key in keys:
        # Typing reads again the same, and an empty answer is none: these say so by their sentence.
        if key in {"f9", "ctrl+p", "f5", "enter", "up"} and way != "line":
            continue
        line = fake_line(2)
        app = fake_app(line)
        async with on_line(app) as pilot:
            await at(WAYS[way], app, line, pilot)
            before = seen(app, line)
            await pilot.press(key)
            await settle(pilot)
            if seen(app, line) == before:
                dead.append(key)

    assert dead == []


MOVES = {"move", "step", "scroll", "pick", "turn", "choose"}
"""What moves a choice or a page, and digits; the palette names lanes and pages by their own actions."""


def test_every_binding_is_in_the_palette_unless_it_only_moves_a_choice() -> None:
    bound = [one for screen in screens() for one in screen.BINDINGS] + [*StationApp.BINDINGS, *AnswerInput.BINDINGS]
    bindings = [one for one in bound if isinstance(one, Binding)]
    named = {one.action for one in bindings if one.description.startswith("key.")}

    assert len(bindings) > 50
    assert {one.action for one in bindings if one.action.split("(")[0] not in MOVES} - named == set()
    assert {"turn(1)", "scroll(-1)"} < named


def screens() -> list[type[StationScreen]]:
    return [screen for screen in StationScreen.__subclasses__() if "BINDINGS" in vars(screen)]


async def test_without_colours_word_and_symbol_still_tell_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    line = fake_line(1)
    app = fake_app(line)
    async with on_line(app) as pilot:
        await at((), app, line, pilot)
        svg = screen_svg(app)

    assert app.no_color
    assert "✘" in svg
    assert "F31" in svg
