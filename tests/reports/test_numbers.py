"""The numbers are what their definitions say."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.errors import Code
from station.reports.numbers import Durations
from station.reports.report import Report, make_report
from station.verdict import Verdict
from tests.reports.made_runs import made_shift


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Nine units: 1 to 6 pass at once, 7 at the second run, 8 never, 9 has a station's fault before it passes."""
    with made_shift(tmp_path_factory.mktemp("numbers") / "data") as shift:
        for unit in range(1, 7):
            shift.run(unit, at_s=unit * 60)
        shift.run(7, Verdict.FAIL, Code.NO_BOOT, at_s=420, lane=2)
        shift.run(7, at_s=480, lane=2)
        shift.run(8, Verdict.FAIL, Code.NO_BOOT, at_s=540, lane=2)
        shift.run(8, Verdict.FAIL, Code.UNIT_GONE, at_s=600, lane=2)
        shift.run(9, Verdict.ERROR, Code.PORT_LOST, at_s=660)
        shift.run(None, Verdict.ABORTED, Code.ABORTED, at_s=700)
        shift.run(9, at_s=7200, seconds=48.0)
        return make_report(shift.ledger, "batch")


def test_yields_count_each_unit_once_by_its_first_and_by_its_last_judged_run(report: Report) -> None:
    numbers = report.numbers

    assert (numbers.units, numbers.passed_at_once, numbers.passed_at_last, numbers.repeats) == (9, 7, 8, 2)
    assert (numbers.first_pass_yield, numbers.final_yield) == (7 / 9, 8 / 9)
    assert [numbers.verdicts[verdict] for verdict in Verdict] == [8, 3, 1, 1]


def test_long_pauses_are_no_working_time(report: Report) -> None:
    assert report.hours_worked == pytest.approx((712 - 60 + 48) / 3600)
    assert report.units_per_hour == pytest.approx(8 / (700 / 3600))


def test_failures_are_counted_by_code_and_lane(report: Report) -> None:
    assert [(one.code, one.count) for one in report.numbers.codes] == [("F31", 2), ("E13", 1), ("F21", 1)]
    assert [(one.lane, one.runs, one.bad, one.stands_out) for one in report.numbers.lanes] == [
        (1, 9, 1, False),
        (2, 4, 3, True),
    ]


def test_each_lane_tells_what_failed_on_it(report: Report) -> None:
    assert {one.lane: [(code.code, code.count) for code in one.codes] for one in report.numbers.lanes} == {
        1: [("E13", 1)],
        2: [("F31", 2), ("F21", 1)],
    }


def test_a_unit_tells_what_failed_before_its_last_run(report: Report) -> None:
    earlier = {unit.last.device_name: unit.earlier_codes for unit in report.units}

    assert (earlier["plug-00007"], earlier["plug-00008"], earlier["plug-00009"]) == (("F31",), ("F31",), ("E13",))
    assert earlier["plug-00001"] == ()


def test_cycle_and_step_times_are_of_runs_that_passed(report: Report) -> None:
    assert report.numbers.cycle_s == 12.0
    steps = {one.step: (one.median_s, one.p95_s) for one in report.numbers.steps}
    assert steps["write"] == pytest.approx((10.0, 29.5))
    assert "record" not in steps


def test_units_come_newest_first_with_how_often_they_ran(report: Report) -> None:
    assert [(unit.last.device_name, unit.runs) for unit in report.units[:3]] == [
        ("plug-00009", 2),
        ("", 1),
        ("plug-00008", 2),
    ]
    assert report.units_in_all == 10


@given(st.lists(st.integers(0, 99_999), min_size=1, max_size=60))
@settings(max_examples=60)
def test_the_median_is_that_of_statistics(hundredths: list[int]) -> None:
    durations = Durations()
    for value in hundredths:
        durations.take(value / 100)

    assert durations.quantile(0.5) == pytest.approx(statistics.median(hundredths) / 100, abs=0.001)


def test_a_batch_that_nobody_used_has_a_report(tmp_path: Path) -> None:
    with made_shift(tmp_path / "data", 3) as shift:
        report = make_report(shift.ledger, "batch")

    assert (report.numbers.runs, report.numbers.first_pass_yield, report.units_per_hour) == (0, None, None)
    assert report.scope.batch.left == 3
