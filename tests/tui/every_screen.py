"""What stands on the screens of a shift, one after the other: their letters, and all that a picture of them holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from station.events import Event, WaitReason
from station.texts import LANGUAGES
from station.tui.app import StationApp
from station.tui.asking_screen import AskingScreen
from station.tui.leaving_screen import LeavingScreen
from station.tui.lesson import Hand, Stage
from station.tui.line_screen import LineScreen
from station.tui.screen_app import ScreenApp
from station.tui.station_screen import StationScreen
from station.tui.watch_app import WatchApp
from tests.tui.driving import StationPilot, opened, press, settle, until
from tests.tui.fake_lessons import FakeLessons
from tests.tui.fake_line import FakeLine, StandingLine, waiting
from tests.tui.pictures import screen_svg, screen_text

SIZE = (120, 40)
WAYS: tuple[tuple[str, ...], ...] = (
    (),
    ("f1",),
    ("f1", "pagedown", "pagedown"),
    ("ctrl+p",),
    ("f3",),
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
    ("f10", "f7"),
)


def all_screens() -> list[type[StationScreen]]:
    """Every screen that there is."""
    return [*(one for one in StationScreen.__subclasses__() if one is not AskingScreen), *AskingScreen.__subclasses__()]


@dataclass
class Looks:
    """What was seen, by the keys that led there and the language; and on which screens."""

    seen: dict[str, str] = field(default_factory=dict)
    screens: set[type[StationScreen]] = field(default_factory=set)

    async def at(self, pilot: StationPilot, app: ScreenApp, name: str) -> None:
        """Look at what is shown, in each language."""
        for _ in LANGUAGES:
            self.seen[f"{name} {app.texts.language}"] = screen_text(app) + screen_svg(app)
            app.action_change_language()
            await (pilot.pause() if isinstance(app.screen, LeavingScreen) else settle(pilot))
        if isinstance(app.screen, StationScreen):
            self.screens.add(type(app.screen))


async def every_screen(app: StationApp, line: FakeLine, lessons: FakeLessons, heard: Sequence[Event]) -> Looks:
    """Sign in as the line's operator, choose, let the line tell what it heard, look at every screen, end the shift.

    The app asks who works here and has something to choose; its line wants labels.
    """
    looks = Looks()
    async with opened(app, SIZE) as pilot:
        await looks.at(pilot, app, "sign in")
        await press(pilot, *"nobody", "enter")
        await looks.at(pilot, app, "sign in refused")
        await press(pilot, *line.operator, "enter")
        await looks.at(pilot, app, "choose")
        await press(pilot, "enter")
        await looks.at(pilot, app, "ready")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, LineScreen))
        for number, event in enumerate(heard):
            line.say(event)
            await settle(pilot)
            await looks.at(pilot, app, f"event {number}")
        lessons.say(Stage.ACT, Hand.PUT_IN)
        for way in WAYS:
            await press(pilot, *way)
            await looks.at(pilot, app, "+".join(way) or "line")
            while app.screen is not app.line_screen:
                await press(pilot, "escape")
        line.say(waiting(1, WaitReason.SCAN_LABEL))
        await settle(pilot)
        await press(pilot, "f7")
        await looks.at(pilot, app, "f7")
        await press(pilot, "escape", "f10", "enter")
        await looks.at(pilot, app, "ended")
    return looks


async def leaving(app: StationApp, line: StandingLine) -> Looks:
    """Quit the shift, and look while the lanes stop."""
    looks = Looks()
    async with opened(app, SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LineScreen))
        await pilot.press("ctrl+c")
        await pilot.pause()
        await looks.at(pilot, app, "leaving")
        line.may_stop.set()
    return looks


async def overview_of(app: WatchApp) -> Looks:
    """Look at the overview."""
    looks = Looks()
    async with opened(app, SIZE) as pilot:
        await looks.at(pilot, app, "watch")
    return looks
