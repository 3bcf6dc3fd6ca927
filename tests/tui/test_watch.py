"""`station watch`: what stands on the big screen, that it goes on by itself, and what it says when the ledger is away."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from station.errors import Code, LedgerFault
from station.ledger import LineLook, WorkOrder
from station.texts import LANGUAGES, Texts
from station.tui.help_screen import HelpScreen
from station.tui.overview import LaneNow, Overview, as_object
from station.tui.overview_picture import overview_rows
from station.tui.watch_app import WatchApp
from station.tui.watch_screen import WatchScreen
from station.verdict import Verdict
from tests.tui.driving import opened, settle
from tests.tui.fake_line import NOW
from tests.tui.made_overview import LOOKS, ended, factory, one_line, seen, summary, under_way, watching
from tests.tui.pictures import expect_picture, screen_svg, screen_text
from tests.tui.test_pictures import SIZES

SVGS = {"watch", "watch-factory"}
TEXTS = Texts("en")


def painted(look: LineLook, width: int, height: int, language: str = "en") -> list[str]:
    return [row.plain for row in overview_rows(seen(look), Texts(language), 20, width, height)]


def lane(look: LineLook, number: int) -> LaneNow:
    return next(one for one in seen(look).lanes if one.lane == number)


@pytest.mark.parametrize("name", LOOKS)
async def test_the_overview_looks_as_kept_in_each_size_and_language(name: str) -> None:
    app = watching(lambda: seen(LOOKS[name]()))
    async with opened(app, SIZES[0]) as pilot:
        for size in SIZES:
            await pilot.resize_terminal(*size)
            for language in LANGUAGES:
                if app.texts.language != language:
                    await pilot.press("f9")
                await settle(pilot)
                picture = f"{name}-{size[0]}x{size[1]}" + ("" if language == "en" else f"-{language}")
                expect_picture(f"{picture}.txt", screen_text(app))
                if name in SVGS:
                    expect_picture(f"{picture}.svg", screen_svg(app))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stations", [1, 3, 12])
def test_every_row_fits_whatever_the_room(stations: int, language: str) -> None:
    for width, height in ((40, 10), (80, 22), (120, 38), (400, 100)):
        view = seen(factory(stations))
        rows = overview_rows(view, Texts(language), 20, width, height)
        assert len(rows) <= height
        assert max(row.cell_length for row in rows) <= width


def test_lanes_without_room_are_counted() -> None:
    rows = painted(factory(12, 16), 80, 22)
    shown = sum(row.count(sign) for row in rows for sign in "✔✘▸")
    told = next(int(word) for row in rows if "lanes more" in row for word in row.split() if word.isdigit())
    assert (told > 0, shown > 0, shown + told) == (True, True, 12 * 16)


def test_a_lane_s_unit_under_way_comes_before_its_last_verdict() -> None:
    in_hand = lane(one_line(), 2).in_hand
    assert in_hand is not None
    assert (in_hand.step, in_hand.name, in_hand.began) == ("write", "plug-000401", NOW - timedelta(seconds=9))


def test_a_run_that_was_broken_off_gives_way_to_what_came_after_it() -> None:
    look = LineLook((ended(1, 1, 20.0),), (under_way(2, 1, 60.0, "write"), under_way(3, 2, 3000.0, "write")), ())
    assert lane(look, 1).in_hand is None
    rows = "\n".join(painted(look, 80, 22))
    assert "not finished" in rows
    assert "3000" not in rows


def test_an_old_verdict_fills_its_tile_no_more() -> None:
    look = LineLook((ended(1, 1, 20.0), ended(2, 2, 16 * 60.0)), (), ())
    rows = overview_rows(seen(look), TEXTS, 20, 80, 22)
    fills = {str(span.style) for row in rows for span in row.spans if " on " in str(span.style)}
    assert "$verdict-pass-ink on $verdict-pass" in fills
    assert "$quiet on $surface" in fills


def test_the_rate_is_that_of_the_last_hour_and_of_no_time_before_the_first_run() -> None:
    late = tuple(ended(number, 1, 60.0 * (30 - number)) for number in range(30))
    early = tuple(ended(100 + number, 1, 7200.0 + number) for number in range(50))
    both, fresh = seen(LineLook((*early, *late), (), ())), seen(LineLook(late, (), ()))
    assert (
        both.total.units_per_hour == fresh.total.units_per_hour == pytest.approx(30 / (30 * 60 + 14) * 3600, rel=0.01)
    )
    assert both.numbers.verdicts[Verdict.PASS] == 80


def test_a_line_that_has_just_begun_has_no_rate() -> None:
    assert (
        seen(LineLook(tuple(ended(number, 1, 10.0 * number) for number in range(10)), (), ())).total.units_per_hour
        is None
    )


def test_few_certificates_are_warned_of_before_they_are_gone() -> None:
    def left(count: int) -> str:
        batches = (summary("2026-11", None, installed=480, available=count),)
        return "\n".join(painted(LineLook((ended(1, 1, 20.0),), (), batches), 80, 22))

    assert "▲ left" not in left(21)
    assert "▲ left" in left(20)
    assert "▲ 20 certificates left" in left(20)


def test_certificates_that_are_enough_for_the_open_orders_of_a_batch_are_no_warning() -> None:
    look = one_line()
    (order,) = look.orders
    other = replace(order, number="WO-5000", quantity=2, taken=0, passed=0)

    def warned(left: int, *orders: WorkOrder) -> bool:
        batches = (summary("2026-11", None, installed=498, allocated=2, available=left),)
        return "▲ left" in "\n".join(painted(replace(look, batches=batches, orders=orders), 80, 22))

    last = replace(order, taken=498, passed=496)
    assert not warned(2, last)
    assert warned(2, last, other)
    assert not warned(2, last, replace(other, closed_at=NOW.isoformat()))
    assert warned(20, replace(last, quantity=None))


def test_a_void_certificate_is_no_part_of_what_is_to_be_made() -> None:
    look = LineLook(
        (ended(1, 1, 20.0),), (), (summary("2026-11", None, installed=40, allocated=1, available=9, void=3),)
    )
    assert (seen(look).total.quantity, seen(look).total.passed) == (50, 40)


def test_a_work_order_is_counted_by_its_own_quantity_and_units_without_one_by_their_batch() -> None:
    look = one_line()
    both = seen(replace(look, finished=(*look.finished, ended(900, 1, 5.0, batch="2026-10"))))
    assert [(one.batch, one.work_order, one.passed, one.quantity) for one in both.batches] == [
        ("2026-10", "WO-4600", 1200, 1200),
        ("2026-11", "WO-4711", 312, 500),
    ]
    assert (both.total.passed, both.total.quantity, both.total.left) == (1512, 1700, 1486)


def test_two_work_orders_of_one_batch_share_its_certificates() -> None:
    look = one_line()
    other = replace(look.orders[0], number="WO-5000", quantity=None, passed=7)
    both = seen(
        replace(look, under_way=(replace(look.under_way[0], work_order="WO-5000"),), orders=(*look.orders, other))
    )
    assert [(one.work_order, one.passed, one.quantity) for one in both.batches] == [
        ("WO-4711", 312, 500),
        ("WO-5000", 7, None),
    ]
    assert (both.total.passed, both.total.quantity, both.total.left) == (319, None, 1486)
    assert "good of" not in "\n".join(row.plain for row in overview_rows(both, TEXTS, 20, 80, 22))


def test_a_program_gets_the_same_numbers() -> None:
    told = as_object(seen(one_line()))
    assert told["total"] | {"first_pass_yield": 0} == {
        "passed": 312,
        "quantity": 500,
        "left": 1486,
        "failed": 4,
        "errors": 1,
        "first_pass_yield": 0,
        "units_per_hour": told["total"]["units_per_hour"],
        "done_about": told["total"]["done_about"],
    }
    assert told["failures"] == {"F31": 3, "E13": 1, "F21": 1}
    assert [one["lane"] for one in told["lanes"]] == [1, 2, 3, 4]
    assert [one["stands_out"] for one in told["lanes"]] == [False, False, True, False]


async def test_it_reads_in_a_thread_and_a_ledger_that_is_away_is_told_over_the_last_numbers() -> None:
    threads: set[threading.Thread] = set()
    fault = LedgerFault(Code.LEDGER_UNREADABLE, "the server does not answer", "Look at the network")
    answers: list[Overview | LedgerFault] = [seen(one_line()), fault, seen(factory())]

    def read() -> Overview:
        threads.add(threading.current_thread())
        answer = answers.pop(0)
        if isinstance(answer, LedgerFault):
            raise answer
        return answer

    app = watching(read)
    async with opened(app) as pilot:
        screen = app.screen
        assert isinstance(screen, WatchScreen)
        assert "WO-4711" in screen_text(app)
        screen.ask()
        await settle(pilot)
        assert "the server does not answer" in screen_text(app)
        assert "WO-4711" in screen_text(app)
        screen.ask()
        await settle(pilot)
        assert "the server does not answer" not in screen_text(app)
        assert "WO-4600" in screen_text(app)
    assert threading.main_thread() not in threads


async def test_the_clock_and_the_seconds_of_a_unit_go_on_between_two_reads() -> None:
    clock = [NOW]
    app = WatchApp(lambda: seen(one_line()), now=lambda: clock[0], is_periodic=False)
    async with opened(app) as pilot:
        before = screen_text(app)
        clock[0] += timedelta(seconds=2)
        assert isinstance(app.screen, WatchScreen)
        app.screen.tick()
        await settle(pilot)
        after = screen_text(app)
    assert "15:02:11" in before
    assert "15:02:13" in after
    assert before.replace("15:02:11", "15:02:13") != after


async def test_the_palette_of_the_overview_says_nothing_of_lanes_that_it_would_stop() -> None:
    async with opened(app := watching(lambda: seen(one_line()))):
        told = {command.title: command.help for command in app.get_system_commands(app.screen)}

    assert "Quit" not in told
    assert told["Close"] == "F10  Close this view; the lanes go on"


async def test_help_tells_what_the_overview_shows_and_f10_closes_it() -> None:
    app = watching(lambda: seen(one_line()))
    async with opened(app) as pilot:
        await pilot.press("f1")
        await settle(pilot)
        assert isinstance(app.screen, HelpScreen)
        assert "What the overview shows" in screen_text(app)
        await pilot.press("escape", "f10")
        await settle(pilot)
        assert not app.is_running


def test_texts_from_outside_are_harmless() -> None:
    bad = replace(ended(1, 1, 5.0), device_name="plug\x1b[2J", station="li\u202ene")
    rows = "".join(painted(LineLook((bad,), (), (summary("b\x07", "w\x1b]0;x", available=9),)), 120, 38))
    assert not any(sign in rows for sign in "\x1b\x07\u202e")
