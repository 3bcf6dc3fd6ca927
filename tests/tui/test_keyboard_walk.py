"""By keyboard alone: every screen is reached, each key of a key bar does something, and every bar fits in both languages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from station.events import LabelPrinted, LabelTaken, WaitReason
from station.serial_number import EntryWay
from station.texts import LANGUAGES
from station.tui.answer_input import AnswerInput
from station.tui.app import StationApp
from station.tui.cell_text import wrap
from station.tui.choice import Choice
from station.tui.choice_screen import ChoiceScreen
from station.tui.decision_screen import DecisionScreen
from station.tui.end_screen import EndScreen
from station.tui.help_screen import HelpScreen
from station.tui.key_bar import KeyBar, place_keys
from station.tui.label_screen import LabelScreen
from station.tui.leaving_screen import LeavingScreen
from station.tui.lesson import Hand, Stage
from station.tui.lesson_screen import LessonScreen
from station.tui.line_screen import LineScreen
from station.tui.look_back_screen import LookBackScreen
from station.tui.screen_app import ScreenApp
from station.tui.sign_in_screen import SignInScreen
from station.tui.station_screen import StationScreen, TitleRow
from station.tui.unit_screen import UnitScreen
from station.tui.watch_app import WatchApp
from station.tui.watch_screen import WatchScreen
from tests.tui.driving import StationPilot, opened, settle, until
from tests.tui.every_screen import all_screens
from tests.tui.fake_lessons import FakeLessons
from tests.tui.fake_line import (
    CHOICE,
    FakeLabels,
    FakeLine,
    FakePrinter,
    StandingLine,
    failed,
    fake_app,
    fake_line,
    mac_of,
    passed,
    waiting,
)
from tests.tui.made_overview import one_line, watching
from tests.tui.made_overview import seen as overview_of
from tests.tui.made_shift import fill
from tests.tui.pictures import screen_text


@dataclass(frozen=True)
class Way:
    """How a screen is reached, from the line or from a start of the app that waits for somebody."""

    screen: type[StationScreen]
    keys: tuple[str, ...] = ()
    starts: bool = True
    signs_in: bool = False
    trains: bool = False
    watches: bool = False
    labels: bool = False
    prints: bool = False
    mute: frozenset[str] = frozenset()
    """Keys that change nothing that is seen: reading again reads the same, an empty answer is none."""


WAYS = {
    "sign in": Way(SignInScreen, signs_in=True, mute=frozenset({"enter"})),
    "choose": Way(ChoiceScreen, starts=False),
    "ready": Way(ChoiceScreen, ("enter",), starts=False),
    "line": Way(LineScreen),
    "lesson": Way(LineScreen, trains=True),
    "lessons": Way(LessonScreen, ("f3",), trains=True),
    "help": Way(HelpScreen, ("f1",)),
    "decision": Way(DecisionScreen, ("f6",)),
    "reason": Way(DecisionScreen, ("f6", "2")),
    "lead": Way(DecisionScreen, ("f6", "3", "enter"), mute=frozenset({"enter"})),
    "PIN": Way(DecisionScreen, ("f6", "3", "enter", "W", "enter"), mute=frozenset({"enter"})),
    "look back": Way(LookBackScreen, ("f2",), mute=frozenset({"f5"})),
    "failures": Way(LookBackScreen, ("f2", "tab"), mute=frozenset({"f5"})),
    "shift": Way(LookBackScreen, ("f2", "tab", "tab"), mute=frozenset({"f5"})),
    "audit": Way(LookBackScreen, ("f2", "shift+tab"), mute=frozenset({"f5"})),
    "unit": Way(UnitScreen, ("f2", "down", "enter"), mute=frozenset({"up"})),
    "line with labels": Way(LineScreen, labels=True),
    "line with a printer": Way(LineScreen, labels=True, prints=True),
    "unit with a label": Way(UnitScreen, ("f2", "down", "enter"), prints=True, mute=frozenset({"up"})),
    "label": Way(LabelScreen, ("f7",), labels=True, mute=frozenset({"enter"})),
    "end": Way(EndScreen, ("f10",)),
    "hand over": Way(EndScreen, ("f10", "f7"), mute=frozenset({"enter"})),
    "watch": Way(WatchScreen, watches=True),
    "watch help": Way(HelpScreen, ("f1",), watches=True),
    "leaving": Way(LeavingScreen, ("ctrl+c",)),
}
EVERYWHERE = frozenset({"f1", "f9", "f10", "ctrl+p"})
"""The app's own keys do the same on each screen: one is enough."""
NOT_PRINTED = LabelPrinted(2, 102, mac_of(2), "plug-000312", "E51", "The label printer is open", "Close it")
TWO = (CHOICE, Choice(Path("bulb.yaml"), "bulb", "2026-10", 1200))


@asynccontextmanager
async def at(way: Way) -> AsyncIterator[tuple[ScreenApp, FakeLine, StationPilot]]:
    """The app on a screen, quiet."""
    line = fake_line(2, training=True)
    if way.watches:
        app: ScreenApp = watching(lambda: overview_of(one_line()), training=True)
        async with opened(app) as pilot:
            for key in way.keys:
                await pilot.press(key)
                await settle(pilot)
            yield app, line, pilot
        return
    if way.screen is LeavingScreen:
        line = StandingLine(line.lanes, training=True)
    line.record.lead_pin = "739164"
    if way.labels:
        line.labels = FakeLabels(line)
    if way.prints:
        line.record.prints = FakePrinter(line)
    lessons = FakeLessons() if way.trains else None
    choices = TWO[: 1 if way.starts else 2]
    app = fake_app(line, choices=choices, start_at_once=way.starts, signs_in=way.signs_in, lessons=lessons)
    async with opened(app) as pilot:
        fill(line.record)
        if way.starts and not way.signs_in:
            await until(pilot, lambda: isinstance(app.screen, LineScreen))
            line.say(*failed(1))
        if way.prints and way.screen is LineScreen:
            line.say(*passed(2), NOT_PRINTED)
        if way.labels:
            line.say(waiting(1, WaitReason.SCAN_LABEL), LabelTaken(1, "SP00000001", EntryWay.SCANNED), waiting(1))
        if lessons is not None:
            lessons.say(Stage.ACT, Hand.PUT_IN)
        for key in way.keys:
            await settle_or_go(pilot, way)
            await pilot.press(key)
        await settle_or_go(pilot, way)
        yield app, line, pilot
        if isinstance(line, StandingLine):
            line.may_stop.set()


async def settle_or_go(pilot: StationPilot, way: Way) -> None:
    """Wait for quiet; while the lanes are being stopped there is none."""
    await (pilot.pause() if isinstance(pilot.app.screen, LeavingScreen) else settle(pilot))


def shown_keys(app: ScreenApp) -> list[str]:
    return [word.key for bar in app.screen.query(KeyBar) for word in bar.keys if word.enabled]


def seen(app: ScreenApp, line: FakeLine) -> tuple[object, ...]:
    """What a key could have changed: the cells with their colours, what the line and the lessons were told, the screens."""
    lessons = app._lessons() if isinstance(app, StationApp) else None
    told = lessons.calls if isinstance(lessons, FakeLessons) else []
    return app.screen._compositor.render_strips(), list(line.calls), list(told), len(app.screen_stack)


def test_every_screen_is_walked() -> None:
    assert {way.screen for way in WAYS.values()} == set(all_screens())


@pytest.mark.parametrize("name", WAYS)
async def test_each_screen_fits_and_bears_the_training_mark_and_each_key_does_something_and_is_in_the_palette(
    name: str,
) -> None:
    way = WAYS[name]
    async with at(way) as (app, _, pilot):
        assert type(app.screen) is way.screen
        assert "TRAINING" in screen_text(app)
        keys = shown_keys(app)
        if way.screen is not LeavingScreen:
            assert {"f9", "ctrl+p"} < set(keys)
            titles = {command.title for command in app.get_system_commands(app.screen)}  # type: ignore[arg-type]  # Textual's own type is the narrower one
            words = {key.word for bar in app.screen.query(KeyBar) for key in bar.keys}
            assert words - titles == {app.texts.say("key.palette")}
        for size in ((80, 24), (120, 40)):
            await pilot.resize_terminal(*size)
            for _ in LANGUAGES:
                await pilot.pause()
                assert unfitting(app) == [], (app.texts.language, size)
                app.action_change_language()
    dead = []
    for key in keys:
        if key in way.mute or (key in EVERYWHERE and name not in {"line", "watch"}):
            continue
        async with at(way) as (app, line, pilot):
            before = seen(app, line)
            await pilot.press(key)
            await settle_or_go(pilot, way)
            if app.is_running and seen(app, line) == before:
                dead.append(key)

    assert dead == []


def unfitting(app: ScreenApp) -> list[str]:
    """What is cut: keys beyond the bar's end, a sentence of more rows than it has, a title that is too long."""
    screen, cut = app.screen, []
    for bar in screen.query(KeyBar):
        cut += [placed.words for placed in place_keys(bar.keys, bar.size.width) if placed.end > bar.size.width]
    for sentence in screen.query("#sentence, #lesson_sentence, #lesson_title").results(Static):
        shown = sentence.render()
        words = shown.plain.strip() if isinstance(shown, Content) else ""
        if len(wrap(words, sentence.size.width - 1)) > max(1, sentence.size.height):
            cut.append(words)
    return cut + [row.render().plain for row in screen.query(TitleRow) if row.render().cell_length > row.size.width]


MOVES = {"move", "step", "scroll", "pick", "turn", "choose"}
"""What moves a choice or a page, and digits; the palette names lanes and pages by their own actions."""


def test_every_binding_is_in_the_palette_unless_it_only_moves_a_choice() -> None:
    bound = [one for screen in screens() for one in screen.BINDINGS] + [
        binding for one in (ScreenApp, StationApp, WatchApp, AnswerInput) for binding in one.BINDINGS
    ]
    bindings = [one for one in bound if isinstance(one, Binding)]
    named = {one.action for one in bindings if one.description.startswith("key.")}

    assert len(bindings) > 50
    assert {one.action for one in bindings if one.action.split("(")[0] not in MOVES} - named == set()
    assert {"turn(1)", "scroll(-1)"} < named


def screens() -> list[type[StationScreen]]:
    return [screen for screen in all_screens() if "BINDINGS" in vars(screen)]
