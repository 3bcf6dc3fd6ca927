"""F6: a unit that did not pass goes to rework, on hold or to scrap, for a reason, by whom the station lets decide."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.widgets import Input

from station.certificate import Secret
from station.ledger import UnitStanding
from station.line.decision import CarriedChoice, Decision
from station.tui.app import StationApp
from station.tui.decision_screen import DecisionScreen
from station.tui.line_screen import LineScreen
from station.unit import Disposition
from tests.tui.driving import StationPilot, on_line, press, settle
from tests.tui.fake_line import FakeLine, failed, fake_app, fake_line, mac_of, passed
from tests.tui.pictures import screen_text

PIN = "273 Garden"
TITLE = "F31 The unit does not start"


@asynccontextmanager
async def beside_failure(
    *, lead_pin: str | None = None, failed_in_row: int = 1
) -> AsyncIterator[tuple[StationApp, FakeLine, StationPilot]]:
    """A line on whose only lane a unit has failed."""
    line = fake_line(1)
    line.record.lead_pin = lead_pin
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*failed(1, failed_in_row=failed_in_row, tries_max=3))
        await settle(pilot)
        yield app, line, pilot


async def test_a_unit_goes_to_rework_with_three_keys() -> None:
    async with beside_failure() as (app, line, pilot):
        assert "Try 1 of 3." in screen_text(app)
        await press(pilot, "f6", "enter", "enter")

        assert line.record.decisions == [Decision(mac_of(1), Disposition.REWORK, TITLE, 1)]
        assert isinstance(app.screen, LineScreen)
        assert "Put the unit into the rework box." in screen_text(app)
        assert "→ rework  F31" in screen_text(app)


async def test_after_the_last_try_the_tile_asks_for_a_decision_and_f5_waits_for_it() -> None:
    async with beside_failure(failed_in_row=3) as (app, line, pilot):
        assert "Failed 3 times. Press F6" in screen_text(app)
        await press(pilot, "f5")
        assert line.calls == ["start"]
        await press(pilot, "f6", "1", "enter", "f5")

        assert line.calls == ["start", "retry 1"]


async def test_a_good_unit_is_not_put_aside() -> None:
    line = fake_line(1)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*passed(1))
        await press(pilot, "f6")

        assert isinstance(app.screen, LineScreen)


async def test_scrap_needs_the_line_leads_pin_and_a_wrong_one_is_asked_again() -> None:
    async with beside_failure(lead_pin=PIN) as (app, line, pilot):
        await press(pilot, "f6", "3", "enter", *"Wang", "enter", *"1234", "enter")
        assert "I40 The PIN is wrong" in screen_text(app)
        assert line.record.decisions == []
        await press(pilot, *PIN.replace(" ", ""))
        assert PIN.replace(" ", "") not in screen_text(app)
        app.screen.query_one(Input).value = PIN
        await press(pilot, "enter")

        assert line.record.decisions == [Decision(mac_of(1), Disposition.SCRAP, TITLE, 1, "Wang", Secret(PIN))]
        assert PIN not in repr(line.record.decisions)


async def test_esc_goes_one_step_back_and_decides_nothing() -> None:
    async with beside_failure(lead_pin=PIN) as (app, line, pilot):
        await press(pilot, "f6", "3", "enter", *"W", "enter")
        for asked in ("A line lead must allow this", "Why?", "Press a digit"):
            await press(pilot, "escape")
            assert asked in screen_text(app)
        await press(pilot, "escape")

        assert isinstance(app.screen, LineScreen)
    assert line.record.decisions == []


async def test_what_was_decided_is_told_and_can_be_taken_back() -> None:
    async with beside_failure() as (app, line, pilot):
        line.record.standings[mac_of(1)] = UnitStanding(Disposition.HOLD, "bent pin")
        await press(pilot, "f6")
        assert "It is now: hold. bent pin" in screen_text(app)
        await press(pilot, "4", *"ok now", "enter")

        assert [(one.disposition, one.reason) for one in line.record.decisions] == [(None, "ok now")]


async def test_the_tile_says_how_a_decision_is_changed_and_f6_changes_it_and_takes_it_back() -> None:
    async with beside_failure() as (app, line, pilot):
        await press(pilot, "f6", "1", "enter")
        assert "Put the unit into the rework box. F6 changes this." in screen_text(app)
        await press(pilot, "f6", "2", "enter")
        assert "Put the unit to those on hold. F6 changes this." in screen_text(app)
        await press(pilot, "f6", "4", *"wrong unit", "enter")
        assert "F6 changes this." not in screen_text(app)

        assert [one.disposition for one in line.record.decisions] == [Disposition.REWORK, Disposition.HOLD, None]


async def test_a_reason_is_needed() -> None:
    async with beside_failure() as (app, line, pilot):
        await press(pilot, "f6", "2")
        app.screen.query_one(Input).value = "  "
        await press(pilot, "enter")

        assert isinstance(app.screen, DecisionScreen)
        assert line.record.decisions == []


async def test_enter_twice_decides_once() -> None:
    async with beside_failure() as (_, line, pilot):
        await press(pilot, "f6", "2")
        await pilot.press("enter", "enter")
        await settle(pilot)

        assert len(line.record.decisions) == 1


async def test_an_answer_to_what_is_no_longer_asked_decides_nothing() -> None:
    async with beside_failure() as (app, line, pilot):
        await press(pilot, "f6", "1")
        screen = app.screen
        assert isinstance(screen, DecisionScreen)
        late = screen.LeadAsked(screen.view.because("rework it"), needed=False)
        await press(pilot, "escape", "2")
        screen.post_message(late)
        await settle(pilot)

        assert isinstance(app.screen, DecisionScreen)
        assert line.record.decisions == []


async def test_a_line_lead_lets_one_unit_have_its_foreign_certificate_replaced() -> None:
    line = fake_line(2)
    line.record.lead_pin = PIN
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*failed(1, "F50"))
        await press(pilot, "f6", "2")
        app.screen.query_one(Input).value = "from the old line"
        await press(pilot, "enter", *"Wang", "enter")
        app.screen.query_one(Input).value = PIN
        await press(pilot, "enter")

        assert isinstance(app.screen, LineScreen)
    wanted = Decision(mac_of(1), None, "from the old line", 1, "Wang", Secret(PIN), carried=CarriedChoice.REPLACE)
    assert line.record.decisions == [wanted]


async def test_only_a_foreign_certificate_that_stands_in_a_lane_is_kept_or_replaced() -> None:
    async with beside_failure() as (app, _, pilot):
        await press(pilot, "f6")

        assert "1  rework" in screen_text(app)
        assert "what it carries" not in screen_text(app)
