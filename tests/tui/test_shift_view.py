"""The shift's numbers are made from its runs, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from rich.cells import cell_len

from station.ledger import RunRow
from station.reports.numbers import CodeCount
from station.texts import LANGUAGES, Texts
from station.tui.look_back_pages import failure_rows, run_row, shift_rows, unit_rows
from station.tui.plot import columns, lying_bar
from station.tui.shift_view import ShiftView, shift_view
from station.verdict import Verdict
from tests.tui.fake_line import NOW, FakeRecord, fake_line
from tests.tui.made_shift import fill, run

BEGAN = NOW - timedelta(hours=2)


def made() -> FakeRecord:
    record = fake_line().record
    fill(record)
    return record


def view_of(*runs: RunRow) -> ShiftView:
    return shift_view(tuple(reversed(runs)), (), BEGAN, NOW)


def at(minutes: int, unit: int, verdict: Verdict = Verdict.PASS, code: str | None = None, lane: int = 4) -> RunRow:
    return run(lane - 1, BEGAN + timedelta(minutes=minutes), verdict=verdict, code=code, unit=unit)


def test_first_pass_yield_counts_each_unit_once_by_its_first_run() -> None:
    view = view_of(
        at(1, 1),
        at(2, 2, Verdict.FAIL, "F31"),
        at(3, 2),
        at(4, 3, Verdict.ERROR, "E13"),
        at(5, 3),
        at(6, 1, Verdict.FAIL, "F31"),
    )

    assert (view.numbers.units, view.numbers.first_pass_yield) == (3, 2 / 3)
    assert [view.numbers.verdicts[verdict] for verdict in Verdict] == [3, 2, 1, 0]


def test_the_rate_needs_some_units_and_is_per_hour_of_the_shift() -> None:
    assert view_of(*(at(number, number) for number in range(4))).units_per_hour is None
    assert view_of(*(at(number, number) for number in range(8))).units_per_hour == 4.0


def test_failures_are_counted_by_code_most_often_first() -> None:
    view = view_of(
        at(1, 1, Verdict.FAIL, "F31"),
        at(2, 2, Verdict.FAIL, "F21"),
        at(3, 3, Verdict.FAIL, "F31"),
        at(4, 4, Verdict.ABORTED, "A01"),
    )

    assert view.numbers.codes == (CodeCount("F31", 2), CodeCount("F21", 1))


@pytest.mark.parametrize(("bad", "stands_out"), [(2, False), (3, True)])
def test_a_lane_stands_out_with_three_bad_runs_and_twice_the_share_of_the_others(bad: int, stands_out: bool) -> None:
    runs = [at(number, number, lane=1 + number % 2) for number in range(20)]
    runs += [at(30 + number, 50 + number, Verdict.FAIL, "F21", lane=2) for number in range(bad)]

    assert [lane.stands_out for lane in view_of(*runs).numbers.lanes] == [False, stands_out]


def test_the_only_lane_never_stands_out() -> None:
    assert not view_of(*(at(number, number, Verdict.FAIL, "F21") for number in range(9))).numbers.lanes[0].stands_out


def test_the_plots_columns_cover_the_whole_shift() -> None:
    view = view_of(at(1, 1), at(119, 2), at(119, 3, Verdict.FAIL, "F31"))

    assert (view.numbers.bin_minutes, len(view.numbers.bins)) == (5, 24)
    assert [(one.passed, one.seen, one.passed_at_once) for one in (view.numbers.bins[0], view.numbers.bins[-1])] == [
        (1, 1, 1),
        (1, 2, 1),
    ]
    assert shift_view((), (), NOW - timedelta(hours=12), NOW).numbers.bin_minutes == 30


def test_a_clock_that_went_back_breaks_nothing() -> None:
    view = view_of(at(-30, 1), at(200, 2))

    assert sum(one.passed for one in view.numbers.bins) == 2


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("00:13", True),
        ("0013", True),
        ("24-0A-C4", True),
        ("PLUG-000019", True),
        ("ｐｌｕｇ－０００", True),
        ("x", False),
    ],
)
def test_a_run_is_found_by_part_of_a_name_however_it_is_written(words: str, found: bool) -> None:
    assert view_of(at(1, 19)).runs[0].is_meant_by(words) is found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", [(40, 12), (80, 18), (120, 34), (300, 90)], ids=str)
def test_every_page_fits_its_width(size: tuple[int, int], language: str) -> None:
    record, texts, (width, height) = made(), Texts(language), size
    view = shift_view(record.runs(), record.earlier_runs(), record.began, NOW)
    rows = [
        *unit_rows(view.runs, view.earlier, 240, texts, width, height),
        *failure_rows(view, texts, width),
        *shift_rows(view, texts, width, height),
        *failure_rows(view_of(), texts, width),
        *unit_rows((), (), 0, texts, width, height),
    ]

    assert max(row.cell_length for row in rows) <= width


def test_the_chosen_unit_is_always_seen_and_earlier_ones_stand_below_their_line() -> None:
    record, texts = made(), Texts("en")
    view = shift_view(record.runs(), record.earlier_runs(), record.began, NOW)
    for chosen in (0, 7, 120, 239, 240, 251):
        rows = [row.plain for row in unit_rows(view.runs, view.earlier, chosen, texts, 80, 15)]
        run_shown = [*view.runs, *view.earlier][chosen]
        assert sum(row.startswith("▶") and run_shown.device_name in row for row in rows) == 1
        assert len(rows) == 15
    below = [row.plain for row in unit_rows(view.runs, view.earlier, 240, texts, 80, 15)]
    assert sum("Before this shift" in row for row in below) == 1


def test_units_stand_in_the_order_in_which_they_ended_whichever_began_first() -> None:
    runs = (at(6, 1), at(3, 2), at(9, 3))
    view = shift_view(runs, runs, BEGAN, NOW)

    for lines in (view.runs, view.earlier):
        assert [line.device_name for line in lines] == ["plug-000003", "plug-000001", "plug-000002"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_narrow_row_tells_the_reason_instead_of_the_mac_and_a_wide_one_both(language: str) -> None:
    texts = Texts(language)
    good, bad = view_of(at(1, 1, Verdict.FAIL, "F21"), at(2, 2)).runs
    name_cells = len("training-q2fqyh-0001")

    narrow = [run_row(run, texts, name_cells, 79).plain for run in (good, bad)]
    wide = [run_row(run, texts, name_cells, 119).plain for run in (good, bad)]

    assert [good.mac in narrow[0], bad.mac in narrow[1], texts.titled("F21") in narrow[1]] == [True, False, True]
    assert [good.mac in wide[0], bad.mac in wide[1], texts.titled("F21") in wide[1]] == [True, True, True]


def test_a_narrow_list_of_short_names_leaves_the_room_to_the_reason() -> None:
    texts = Texts("en")
    runs = view_of(at(1, 1, Verdict.FAIL, "F31"), at(2, 2)).runs

    assert texts.titled("F31") in unit_rows(runs, (), 0, texts, 80, 9)[1].plain


def test_a_narrow_row_names_a_unit_without_a_device_name_by_its_mac_once() -> None:
    unnamed = replace(view_of(at(1, 1, Verdict.FAIL, "F12")).runs[0], device_name="")

    assert run_row(unnamed, Texts("en"), 17, 79).plain.count(unnamed.mac) == 1


def test_bars_and_columns_have_their_size() -> None:
    assert [lying_bar(share, 8, "red").plain.count("█") for share in (0.0, 0.001, 0.5, 2.0)] == [0, 0, 4, 8]
    assert lying_bar(0.001, 8, "red").plain.startswith("▏")
    rows = [row.plain for row in columns([0.0, 5.0, None, 10.0], 40, 4, top=10, unit="", style="red")]
    assert [row[8:].count("█") for row in rows] == [5, 5, 10, 10]
    assert {cell_len(row) for row in rows} == {7 + 4 * 6}


def test_a_run_of_another_day_is_told_with_its_date() -> None:
    line = view_of(at(1, 1)).runs[0]

    assert " 11-24 13:03:11 " in run_row(line, Texts("en"), 12, 80, dated=True).plain
