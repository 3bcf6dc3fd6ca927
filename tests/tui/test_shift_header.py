"""The numbers above the lanes: read again after a verdict, few certificates and what is away told in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from station.errors import Code, LedgerFault
from station.events import LaneWaiting, WaitReason
from station.line.shift_numbers import ShiftNumbers
from station.tui.settings import Bell, Settings
from station.tui.shift_header import ShiftHeader
from tests.tui.driving import on_line, settle
from tests.tui.fake_line import NUMBERS, fake_app, fake_line, passed, waiting
from tests.tui.pictures import screen_text


async def test_the_header_reads_the_numbers_again_after_a_verdict() -> None:
    line = fake_line(1)
    app = fake_app(line)
    async with on_line(app) as pilot:
        assert "312 / 500" in screen_text(app)
        line.numbers = replace(line.numbers, passed=313, left=187)
        line.say(*passed(1))
        await settle(pilot)

        assert "313 / 500" in screen_text(app)
        assert "187 certificates left" in screen_text(app)


async def test_few_certificates_are_a_warning_in_words() -> None:
    line = fake_line(1)
    app = fake_app(line)
    async with on_line(app, (120, 40)) as pilot:
        for numbers, warned in (
            (replace(NUMBERS, left=3), True),
            (replace(NUMBERS, left=110), True),  # less than the next hour needs
            (replace(NUMBERS, left=130), False),
            (replace(NUMBERS, left=3, wanted=3), False),  # enough for the orders
            (replace(NUMBERS, left=20, wanted=None, units_per_hour=None), True),
            (replace(NUMBERS, left=21, wanted=None, units_per_hour=None), False),
            (replace(NUMBERS, left=194, certificates=200, wanted=None, units_per_hour=1700.0), False),
            (replace(NUMBERS, left=51, certificates=200, wanted=None, units_per_hour=1700.0), False),
            (replace(NUMBERS, left=50, certificates=200, wanted=None, units_per_hour=1700.0), True),
        ):
            line.numbers = numbers
            app.screen.query_one(ShiftHeader).ask()
            await settle(pilot)
            words = f"▲ {numbers.left} certificates left: get the next batch"

            assert (words in screen_text(app)) is warned, numbers


async def test_the_yield_the_rate_and_the_time_to_finish_are_told_beside_a_warning_in_a_narrow_window() -> None:
    line = fake_line(1)
    line.numbers = replace(NUMBERS, left=12, errors=3)
    app = fake_app(line)
    async with on_line(app):
        assert "▲ 12 certificates left · 5 bad · first-pass 98.4 % · 114/h · done " in screen_text(app)


@pytest.mark.parametrize(("language", "words"), [("en", "stack light away"), ("zh-CN", "塔灯断开")])
async def test_a_stack_light_that_is_lost_is_told_in_the_header_until_it_is_back(
    language: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = fake_line(1)
    app = fake_app(line, settings=Settings(language=language, bell=Bell.ALL))
    rung: list[bool] = []
    monkeypatch.setattr(app, "bell", lambda: rung.append(True))
    async with on_line(app) as pilot:
        screen = app.screen
        for is_lost in (False, True, False):
            line.light_is_lost = is_lost
            app.screen.query_one(ShiftHeader).look_at_light()
            await settle(pilot)

            assert (words in screen_text(app)) is is_lost
        assert app.screen is screen
    assert rung == []


async def test_a_ledger_that_cannot_be_read_does_not_stop_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    line = fake_line(1)

    def busy() -> ShiftNumbers:
        raise LedgerFault(Code.LEDGER_BUSY, "The ledger is busy", "Wait")

    monkeypatch.setattr(line, "summary", busy)
    app = fake_app(line)
    async with on_line(app) as pilot:
        assert "numbers cannot be read" in screen_text(app)
        monkeypatch.undo()
        app.screen.query_one(ShiftHeader).ask()
        await settle(pilot)

        assert "188 certificates left" in screen_text(app)


@pytest.mark.parametrize(("language", "words"), [("en", "2 verdicts are kept here"), ("zh-CN", "本站保存着 2 个结果")])
async def test_a_server_that_is_away_is_told_with_what_is_kept_until_a_lane_goes_on(
    language: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = fake_line(1)

    def away() -> ShiftNumbers:
        raise LedgerFault(Code.LEDGER_UNREACHABLE, "No answer", "Wait", facts={"kept": 2})

    app = fake_app(line, settings=Settings(language=language))
    async with on_line(app) as pilot:
        monkeypatch.setattr(line, "summary", away)
        line.say(*passed(1))
        await settle(pilot)
        assert words in screen_text(app)

        fault = LaneWaiting(1, WaitReason.STATION_FAULT, "No answer. Wait", Code.LEDGER_UNREACHABLE, {"kept": 2})
        line.say(fault)
        await settle(pilot)
        monkeypatch.undo()
        line.say(waiting(1))
        await settle(pilot)
        assert words not in screen_text(app)
        assert "312 / 500" in screen_text(app)


async def test_without_an_order_the_header_counts_this_shifts_good_units_like_its_bad_ones() -> None:
    line = fake_line(1)
    line.numbers = replace(line.numbers, quantity=None, passed=312, passed_in_shift=7)
    app = fake_app(line)
    async with on_line(app):
        assert "7 good · 5 bad" in screen_text(app)
