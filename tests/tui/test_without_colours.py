"""Words and signs say all that the colours say: with NO_COLOR, and on a terminal that has none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.color import Color

from station.tui.app import StationApp
from station.tui.lesson import Hand, Stage
from station.verdict import Verdict
from tests.tui.driving import StationPilot, on_line, opened, settle
from tests.tui.fake_lessons import FakeLessons
from tests.tui.fake_line import FakeLine, failed, fake_app, fake_line, passed, writing
from tests.tui.made_shift import fill
from tests.tui.pictures import screen_text
from tests.tui.test_colours import contrast

READABLE_MIN = 3.0
"""Contrast of large text, WCAG 2 AA; keys that do nothing now are dimmer on purpose."""


@pytest.fixture(autouse=True)
def _no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "vt100")


@asynccontextmanager
async def five_lanes() -> AsyncIterator[tuple[StationApp, FakeLine, StationPilot]]:
    line, lessons = fake_line(5, training=True), FakeLessons()
    fill(line.record)
    app = fake_app(line, lessons=lessons)
    async with on_line(app, (120, 40)) as pilot:
        line.say(
            *passed(1),
            *failed(2),
            *failed(3, "E13", Verdict.ERROR),
            *failed(4, "A01", Verdict.ABORTED, message=""),
            *writing(5),
        )
        lessons.say(Stage.DONE, Hand.NEXT)
        await settle(pilot)
        yield app, line, pilot


def greys_and_contrast(app: StationApp) -> tuple[set[str], float]:
    """Colours that are not grey, and the least contrast between letters and their ground."""
    coloured, least = set(), 99.0
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            style = segment.style
            if style is None or style.color is None or style.bgcolor is None:
                continue
            ink, ground = (Color.from_rich_color(colour) for colour in (style.color, style.bgcolor))
            coloured |= {one.hex for one in (ink, ground) if max(one.rgb) - min(one.rgb) > 2}
            if any(sign.isalnum() for sign in segment.text) and not style.dim:
                least = min(least, contrast(ink, ground))
    return coloured, least


async def test_on_the_line_each_verdict_has_its_sign_and_its_word_and_nothing_but_grey_is_painted() -> None:
    async with five_lanes() as (app, _, pilot):
        shown = screen_text(app)
        coloured, least = greys_and_contrast(app)
        assert app.no_color
        await pilot.press("2")
        moved = screen_text(app)

    for words in ("✔ Good unit", "✘ F31 The unit does not start", "▲ E13 The port was lost", "■ A01", "▸ Writing"):
        assert words in shown
    for row in ("✔ PASS", "✘ FAIL", "▲ ERROR", "■ ABORTED"):
        assert row in shown
    assert "✔ Lesson 1 of 5" in shown
    assert ("▶ 1 " in shown, "▶ 2 " in moved) == (True, True)
    assert coloured == set()
    assert least >= READABLE_MIN


async def test_a_list_marks_its_cursor_by_a_sign() -> None:
    async with five_lanes() as (app, _, pilot):
        await pilot.press("2", "f6")
        await settle(pilot)
        assert "▸ 1  rework" in screen_text(app)
        await pilot.press("down")
        await settle(pilot)
        assert "▸ 2  hold" in screen_text(app)
        assert "▸ 1" not in screen_text(app)


async def test_looking_back_shows_the_open_page_in_reverse_and_marks_the_lane_that_stands_out() -> None:
    async with five_lanes() as (app, _, pilot):
        await pilot.press("f2", "tab")
        await settle(pilot)
        shown = screen_text(app)
        pages = app.screen._compositor.render_strips()[1]

    assert [segment.text.strip() for segment in pages if segment.style and segment.style.reverse] == ["Failures"]
    assert "▲ look at this fixture" in shown


async def test_the_start_marks_what_is_ready_and_what_is_not() -> None:
    line = fake_line(1)
    app = fake_app(line, start_at_once=False)
    async with opened(app):
        assert screen_text(app).count(" ✔ ") == 3
