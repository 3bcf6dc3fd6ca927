"""A good unit's label: a tile says when it was not printed, F12 prints it, there or in the story that a scan opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from station.errors import Code, CodedError, LedgerFault, PeripheralFault, UsageError, Why
from station.events import LabelPrinted
from station.texts import LANGUAGES
from station.tui.app import StationApp
from station.tui.unit_screen import UnitScreen
from tests.tui.driving import StationPilot, on_line, press, scan, settle, view_of
from tests.tui.fake_line import FakeLine, FakePrinter, failed, fake_app, fake_line, mac_of, passed, waiting, writing
from tests.tui.made_shift import fill
from tests.tui.pictures import screen_text

AWAY = PeripheralFault(Code.PRINTER_UNREACHABLE, "The label printer does not answer (refused)", "Switch it on")


def not_printed(lane: int) -> LabelPrinted:
    return LabelPrinted(lane, 100 + lane, mac_of(lane), "plug-000312", AWAY.code, AWAY.cause, AWAY.mend)


@asynccontextmanager
async def printing(
    lanes: int = 1, refusal: CodedError | None = None
) -> AsyncIterator[tuple[StationApp, FakeLine, FakePrinter, StationPilot]]:
    """A line whose profile wants labels printed."""
    line = fake_line(lanes)
    fill(line.record)
    printer = line.record.prints = FakePrinter(line, refusal)
    app = fake_app(line)
    async with on_line(app) as pilot:
        yield app, line, printer, pilot


async def test_a_tile_says_that_its_good_unit_has_no_label_until_it_is_printed() -> None:
    async with printing() as (app, line, printer, pilot):
        line.say(*passed(1), not_printed(1))
        await settle(pilot)
        told = screen_text(app)
        assert "PASS" in told or "█" in told
        assert "Label not printed (E50)" in told
        assert "F12 prints it." in told

        await press(pilot, "f12")
        assert printer.asked == [mac_of(1)]
        assert "not printed" not in screen_text(app)
        assert "Label printed" in screen_text(app)


async def test_a_tile_says_of_a_label_that_waits_for_the_server_that_it_comes_by_itself() -> None:
    label = LabelPrinted(1, 101, mac_of(1), "plug-000312")
    waits = LedgerFault(Code.LEDGER_UNREACHABLE, "It waits", "By itself later", why=Why.LABEL_WAITS)
    async with printing() as (app, line, _, pilot):
        line.say(*passed(1), label.hindered_by(waits))
        await settle(pilot)
        assert "Label not printed (E29): It waits. By itself later" in screen_text(app)
        assert "F12 prints it." not in screen_text(app)

        line.say(label)
        await settle(pilot)
        assert "not printed" not in screen_text(app)
        assert "Label printed" in screen_text(app)


async def test_what_was_not_printed_stays_told_after_the_unit_is_out() -> None:
    async with printing(refusal=AWAY) as (app, line, printer, pilot):
        line.say(*passed(1), waiting(1), not_printed(1))
        await settle(pilot)
        assert "Label not printed (E50)" in screen_text(app)
        await press(pilot, "f12")
        assert printer.asked == [mac_of(1)]
        assert "Label not printed (E50)" in screen_text(app)

        line.say(*writing(1))
        await settle(pilot)
        assert "F12 prints it." not in screen_text(app)
        assert "plug-000312   14.2 s  E50 label not printed" in screen_text(app)
        await press(pilot, "f12")
        assert printer.asked == [mac_of(1)]


async def test_the_key_is_first_for_the_lane_whose_label_was_not_printed() -> None:
    async with printing(3) as (app, line, printer, pilot):
        line.say(*passed(1), *passed(2), *failed(3), not_printed(2))
        await settle(pilot)
        assert view_of(app, 1).good_unit is not None
        await press(pilot, "f12")
        assert printer.asked == [mac_of(2)]


async def test_there_is_no_label_for_a_unit_that_did_not_pass() -> None:
    async with printing() as (_, line, printer, pilot):
        line.say(*failed(1))
        await settle(pilot)
        await press(pilot, "f12")
        assert printer.asked == []


async def test_a_scan_opens_the_units_story_and_the_key_prints_its_label() -> None:
    async with printing() as (app, line, printer, pilot):
        good = next(mac for mac, story in line.record.stories.items() if story.runs[0].verdict == "PASS")
        await scan(pilot, good)
        assert isinstance(app.screen, UnitScreen)
        await press(pilot, "f12")
        assert printer.asked == [line.record.stories[good].mac]
        assert "✔ Label printed" in screen_text(app)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_hinders_the_printing_is_told_in_the_story(language: str) -> None:
    refusal = UsageError("the unit is of product a1, the label of b2", "Use the profile of that product")
    async with printing(refusal=refusal) as (app, line, _, pilot):
        if app.texts.language != language:
            await press(pilot, "f9")
        good = next(mac for mac, story in line.record.stories.items() if story.runs[0].verdict == "PASS")
        await scan(pilot, good)
        await press(pilot, "f12")
        assert "▲" in screen_text(app)
        assert "a1" in screen_text(app)


async def test_without_a_printer_there_is_no_key() -> None:
    app = fake_app(fake_line(1))
    async with on_line(app):
        assert "F12" not in screen_text(app)
