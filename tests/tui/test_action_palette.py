"""The palette: every action in words, found by its key too, and no more than its key would do."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from tests.tui.driving import on_line, press, settle, until
from tests.tui.fake_line import fake_app, fake_line, writing
from tests.tui.pictures import screen_text


async def test_the_palette_offers_the_actions_in_words() -> None:
    line = fake_line(1)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*writing(1))
        await settle(pilot)
        await pilot.press("ctrl+p")
        await settle(pilot)
        await pilot.press(*"abort")
        await settle(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: line.calls == ["start", "abort 1"])


@pytest.mark.parametrize(
    ("typed", "found"),
    [("next language", "F9"), ("f9", "next language"), ("Ｆ９", "next language"), ("xyz", "Fewer letters")],
)
async def test_the_palette_finds_an_action_by_its_key_and_by_what_it_does_and_says_when_there_is_none(
    typed: str, found: str
) -> None:
    app = fake_app(fake_line(1))
    async with on_line(app) as pilot:
        await press(pilot, "ctrl+p")
        app.screen.query_one(Input).value = typed
        await until(pilot, lambda: found in screen_text(app))

        assert "No matches" not in screen_text(app)


async def test_the_palette_does_not_what_a_key_would_not_do() -> None:
    line = fake_line(1)
    app = fake_app(line)
    async with on_line(app) as pilot:
        commands = {command.title: command.callback for command in app.get_system_commands(app.screen)}
        commands["Abort"]()
        commands["Start"]()
        await settle(pilot)

        assert line.calls == ["start"]
