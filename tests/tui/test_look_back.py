"""F2: the shift's units, one unit's story, what failed where, how it went, and the audit log."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from station.errors import Code, LedgerFault
from station.ledger import RunRow
from station.tui.decision_screen import DecisionScreen
from station.tui.line_screen import LineScreen
from station.tui.look_back_screen import LookBackPage, LookBackScreen
from station.tui.unit_screen import UnitScreen
from tests.tui.driving import on_line, press, scan, settle, until
from tests.tui.fake_line import fake_app, fake_line
from tests.tui.made_shift import fill, shift_at
from tests.tui.pictures import screen_text


async def test_the_newest_units_stand_first_and_a_search_finds_the_others() -> None:
    async with shift_at("f2") as (app, pilot):
        assert "plug-000240" in screen_text(app)
        await press(pilot, *"00:13")
        assert "plug-000240" not in screen_text(app)
        assert screen_text(app).count("plug-000019") == 2
        await press(pilot, "escape")
        assert "plug-000240" in screen_text(app)
        await press(pilot, "escape")

        assert isinstance(app.screen, LineScreen)


async def test_enter_opens_the_chosen_units_story_and_esc_leads_back() -> None:
    async with shift_at("f2") as (app, pilot):
        await press(pilot, *"000019", "down", "enter")
        assert isinstance(app.screen, UnitScreen)
        for words in (
            "MAC 24:0a:c4:5e:00:13",
            "It is now: rework. BOOT pin stuck",
            "plug-000019 · batch 2026-11 · installed",
        ):
            assert words in screen_text(app)
        assert "Recorded: 6 events" in screen_text(app)
        await press(pilot, "escape")

        assert isinstance(app.screen, LookBackScreen)


async def test_a_story_leads_to_a_decision_and_tells_it_afterwards() -> None:
    async with shift_at("f2") as (app, pilot):
        await press(pilot, *"000019", "enter")
        await press(pilot, "f6")
        assert isinstance(app.screen, DecisionScreen)
        await press(pilot, "2")
        await press(pilot, "enter")

        assert isinstance(app.screen, UnitScreen)
        assert "It is now: hold." in screen_text(app)


async def test_what_is_in_no_list_is_looked_for_in_the_whole_ledger() -> None:
    async with shift_at("f2") as (app, pilot):
        await press(pilot, *"plug-7", "enter")

        assert isinstance(app.screen, UnitScreen)
        assert "No unit and no certificate is known by this name" in screen_text(app)


async def test_a_whole_label_that_is_scanned_opens_the_story_of_its_serial_number_on_both_screens() -> None:
    line = fake_line(1)
    line.record.label_form = "SP[0-9]+;R[0-9]+"
    async with shift_at("f2", line) as (app, pilot):
        await scan(pilot, "SP00000001;R02")
        await until(pilot, lambda: "Unit  SP00000001\n" in screen_text(app))
        await scan(pilot, "SP00000002;R02")
        await until(pilot, lambda: "Unit  SP00000002\n" in screen_text(app))
        await press(pilot, "escape")

        assert app.screen.query_one(Input).value == "SP00000001"


async def test_a_click_chooses_a_unit_a_second_one_opens_it_and_a_name_turns_the_page() -> None:
    async with shift_at("f2") as (app, pilot):
        await pilot.click(LookBackPage, offset=(10, 3))
        await settle(pilot)
        assert "▶ 14:59:41" in screen_text(app)
        await pilot.click(LookBackPage, offset=(10, 3))
        await until(pilot, lambda: isinstance(app.screen, UnitScreen))
        assert "Unit  24:0a:c4:5e:00:ee" in screen_text(app)
        await press(pilot, "escape")
        await pilot.click("#pages", offset=(24, 0))
        await settle(pilot)
        assert "Good units per hour, in steps" in screen_text(app)
        await pilot.click(LookBackPage, offset=(10, 3))
        await pilot.click("#pages", offset=(79, 0))
        await settle(pilot)

        assert "Good units per hour, in steps" in screen_text(app)


async def test_tab_turns_the_pages_round() -> None:
    async with shift_at("f2") as (app, pilot):
        told = []
        for words in ("look at this fixture", "First-pass yield 88.4 %", "unit put aside", "plug-000240"):
            await press(pilot, "tab")
            told.append(words in screen_text(app))
        await press(pilot, "shift+tab")

        assert told == [True] * 4
        assert "unit put aside" in screen_text(app)


async def test_a_ledger_that_fails_is_told_and_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    line = fake_line(1)
    fill(line.record)

    def busy() -> tuple[RunRow, ...]:
        raise LedgerFault(Code.LEDGER_BUSY, "The ledger is busy", "Wait")

    monkeypatch.setattr(line.record, "runs", busy)
    app = fake_app(line)
    async with on_line(app) as pilot:
        await press(pilot, "f2")
        assert "▲ E21 The ledger is busy" in screen_text(app)
        monkeypatch.undo()
        await press(pilot, "f5")

        assert "plug-000240" in screen_text(app)
