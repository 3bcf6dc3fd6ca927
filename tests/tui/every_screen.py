"""What stands on the screens of a shift, one after the other: their letters, and all that a picture of them holds."""

from __future__ import annotations

from collections.abc import Sequence

from station.events import Event
from station.texts import LANGUAGES
from tests.tui.driving import on_line, settle
from tests.tui.fake_line import FakeLine, fake_app
from tests.tui.pictures import screen_svg, screen_text

SIZE = (120, 40)
WAYS: tuple[tuple[str, ...], ...] = (
    (),
    ("f1",),
    ("f1", "pagedown", "pagedown"),
    ("ctrl+p",),
    ("f6",),
    ("f6", "3"),
    ("f6", "3", "enter"),
    ("f2",),
    ("f2", "enter"),
    ("f2", "enter", "pagedown", "pagedown"),
    ("f2", "tab"),
    ("f2", "tab", "tab"),
    ("f2", "shift+tab"),
    ("f2", "shift+tab", "pagedown"),
    ("f10",),
)


async def every_screen(line: FakeLine, heard: Sequence[Event]) -> dict[str, str]:
    """Let a line tell what it heard, look at every screen; give keys → letters and picture. The shift ends."""
    seen: dict[str, str] = {}
    app = fake_app(line)
    async with on_line(app, SIZE) as pilot:

        async def look(name: str) -> None:
            seen[f"{name} {app.texts.language}"] = screen_text(app) + screen_svg(app)

        for number, event in enumerate(heard):
            line.say(event)
            await settle(pilot)
            await look(f"event {number}")
        for _ in LANGUAGES:
            for way in WAYS:
                for key in way:
                    await pilot.press(key)
                    await settle(pilot)
                await look("+".join(way) or "line")
                while app.screen is not app.line_screen:
                    await pilot.press("escape")
                    await settle(pilot)
            app.action_change_language()
        await pilot.press("f10", "enter")
        await settle(pilot)
        await look("ended")
    return seen
