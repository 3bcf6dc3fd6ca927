"""What a channel has to tell, and how far it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from station.ledger import Ledger, results
from station.verdict import Verdict
from tests.ledger.making import begin, write_csv


def passed(ledger: Ledger, unit: int) -> int:
    run = begin(ledger, unit)
    ledger.allocate(run)
    ledger.begin_installing(run)
    ledger.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")
    return run


def waiting(ledger: Ledger, limit: int = 50) -> list[int]:
    return [one.run.id for one in ledger.results.waiting("mes", limit)]


def test_runs_wait_in_the_order_in_which_they_ended_and_no_more_are_read_than_asked(stocked: Ledger) -> None:
    stocked.results.begin("mes")
    slow = begin(stocked, 1, lane=1)
    runs = [passed(stocked, unit) for unit in (2, 3)]
    stocked.finish_run(slow, Verdict.FAIL, seconds=1, code=None, message="")

    assert waiting(stocked) == [*runs, slow]
    assert waiting(stocked, 2) == runs
    assert stocked.results.waiting("unknown", 9) == []


def test_a_run_that_its_process_did_not_end_is_told_when_it_is_ended(stocked: Ledger, data: Path) -> None:
    stocked.results.begin("mes")
    with Ledger.open(data) as killed:
        run = begin(killed, 1)
    again = passed(stocked, 1)

    assert waiting(stocked) == [run, again]
    assert stocked.results.waiting("mes", 1)[0].run.verdict is Verdict.ABORTED


def test_what_is_behind_is_left_behind_and_nothing_that_waits(stocked: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_STEP_EVENTS", 1)
    monkeypatch.setattr(results, "_PAGE_EVENTS", 2)
    stocked.results.begin("mes")
    runs = [passed(stocked, unit) for unit in range(1, 7)]
    for run in (runs[0], runs[1], runs[3]):
        stocked.results.note("mes", run)
    stocked.results.advance("mes")

    assert waiting(stocked) == [runs[2], runs[4], runs[5]]
    for run in waiting(stocked):
        stocked.results.note("mes", run)
    stocked.results.advance("mes")
    last = passed(stocked, 7)
    assert waiting(stocked) == [last]
    stocked.results.begin("mes")
    assert waiting(stocked) == [last]


def test_how_far_a_channel_is(stocked: Ledger) -> None:
    assert stocked.results.standing("mes") is None
    stocked.results.begin("mes")
    runs = [passed(stocked, unit) for unit in range(1, 5)]
    stocked.results.note("mes", runs[0])
    stocked.results.note("mes", runs[1], "HTTP 422 no such product")

    standing = stocked.results.standing("mes")
    assert standing is not None
    assert (standing.told, standing.refused, standing.waiting) == (1, 1, 2)
    assert standing.waiting_since is not None
    stocked.results.note("mes", runs[1])
    assert stocked.results.refused("mes") == []


def test_what_was_told_has_the_time_of_the_ledger(tmp_path: Path) -> None:
    at = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    with Ledger.open(tmp_path / "data", clock=lambda: at) as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", range(1, 3)))
        ledger.results.begin("mes")
        ledger.results.note("mes", passed(ledger, 1), "HTTP 422")

        assert ledger.results.refused("mes")[0].at == "2031-02-03T04:05:06.000000Z"
