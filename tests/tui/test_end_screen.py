"""F10: the shift's numbers, hand-over while the lanes go on, and an end with the signed head of the log."""

from __future__ import annotations

import pytest

from station.errors import Code, LedgerFault
from station.ledger import RunRow
from station.tui.end_screen import EndScreen
from station.tui.line_screen import LineScreen
from tests.tui.driving import on_line, press, settle, until
from tests.tui.fake_line import FakePrinter, FakeRecord, fake_app, fake_line, writing
from tests.tui.made_shift import shift_at
from tests.tui.pictures import screen_text


async def test_the_summary_stops_nothing_and_esc_leads_back() -> None:
    line = fake_line(2)
    async with shift_at("f10", line) as (app, pilot):
        for words in ("End of shift  Li W.", "225 units seen", "First-pass yield 88.4 %", "Order: 312 of 500", "F31"):
            assert words in screen_text(app)
        await press(pilot, "escape")

        assert isinstance(app.screen, LineScreen)
        assert line.calls == ["start"]


async def test_enter_stops_the_lanes_shows_the_signed_head_and_enter_again_closes() -> None:
    line = fake_line(2)
    async with shift_at("f10", line) as (app, pilot):
        await press(pilot, "enter")
        assert line.calls == ["start", "stop"]
        assert "signed up to event 306, 4f1c9a224f1c9a22" in screen_text(app)
        await press(pilot, "escape")
        assert isinstance(app.screen, EndScreen)
        await pilot.press("enter")
        await until(pilot, lambda: app.return_value is not None)

    assert app.return_value is True


async def test_f10_three_times_ends_it_too_and_a_stuck_lane_is_told() -> None:
    line = fake_line(1)
    line.stops_in_time = False
    async with shift_at("f10", line) as (app, pilot):
        await press(pilot, "f10")
        assert "A lane did not stop within 10 s" in screen_text(app)
        await pilot.press("f10")
        await until(pilot, lambda: app.return_value is not None)

    assert app.return_value is False


async def test_label_printing_that_the_end_broke_off_is_told_once_the_shift_has_ended() -> None:
    line = fake_line(1)
    line.record.prints = FakePrinter(line, is_incomplete=True)
    async with shift_at("f10", line) as (app, pilot):
        assert "Label printing is incomplete" not in screen_text(app)
        await press(pilot, "enter")
        assert "Label printing is incomplete" in screen_text(app)


async def test_labels_left_and_the_signed_head_are_told_though_the_ledger_gives_no_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_record: FakeRecord) -> tuple[RunRow, ...]:
        raise LedgerFault(Code.LEDGER_UNREACHABLE, "the server does not answer", "Look at the network")

    line = fake_line(1)
    line.record.prints = FakePrinter(line, is_incomplete=True)
    monkeypatch.setattr(FakeRecord, "runs", away)
    async with shift_at("f10", line) as (app, pilot):
        await press(pilot, "enter")
        assert "Label printing is incomplete" in screen_text(app)
        assert "signed up to event 306" in screen_text(app)


async def test_working_lanes_are_named_before_they_are_stopped() -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*writing(2))
        await settle(pilot)
        await press(pilot, "f10")

        assert "Lanes still working: 2." in screen_text(app)


async def test_a_hand_over_leads_back_to_the_lanes_with_another_name() -> None:
    line = fake_line(2)
    async with shift_at("f10", line) as (app, pilot):
        await press(pilot, "f7")
        await press(pilot, *"Wang", "enter")

        assert isinstance(app.screen, LineScreen)
        assert line.calls == ["start", "hand over to Wang"]
        assert "· Wang" in screen_text(app).split("\n")[0]


async def test_nobody_takes_over_who_is_not_known() -> None:
    line = fake_line(2)
    async with shift_at("f10", line) as (app, pilot):
        await press(pilot, "f7")
        await press(pilot, *"Wong", "enter")

        assert "▲ Wong is nobody here. Scan the badge again" in screen_text(app)
        assert line.operator == "Li W."
        await press(pilot, "escape")
        await press(pilot, "escape")
        assert isinstance(app.screen, LineScreen)
