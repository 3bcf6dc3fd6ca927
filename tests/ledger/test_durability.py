"""What is on the disk when a call returns, and what a power cut may still take back; `tests.simulation` cuts the power."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from station.ledger import Ledger
from station.verdict import Step, StepState, Verdict
from tests.ledger.making import begin, chip_of

FULL = 2


@pytest.fixture
def levels(stocked: Ledger) -> list[int]:
    """Give how each commit from here on was synced, as `PRAGMA synchronous` says it."""
    seen = list[int]()

    def before_commit(connection: Connection) -> None:
        seen.append(int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one()))

    event.listen(stocked._database._engine, "commit", before_commit)
    return seen


def test_what_a_run_does_before_its_credentials_leave_is_synced_by_the_commit_that_lets_them_leave(
    stocked: Ledger, levels: list[int]
) -> None:
    run = begin(stocked)
    stocked.identify_run(run, chip_of(1))
    stocked.record_step(run, Step.IDENTIFY, StepState.DONE, 0.1)
    stocked.allocate(run)
    assert max(levels) < FULL

    levels.clear()
    stocked.begin_installing(run)
    stocked.finish_run(run, Verdict.PASS, seconds=1.0, code=None, message="")
    stocked.void("24:0a:c4:00:00:01", reason="scrapped", operator="Li")
    assert set(levels) == {FULL}


def test_a_durable_transaction_that_changes_nothing_still_syncs_what_was_committed_before_it(
    stocked: Ledger, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(stocked, 1)
    stocked.allocate(run)
    stocked.begin_installing(run)
    stocked.record_step(run, Step.WRITE, StepState.DONE, 1.0)
    log = (data / "ledger.sqlite3-wal").stat().st_ino
    synced = list[int]()
    fsync = os.fsync

    def hear(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", hear)
    stocked.begin_installing(run)

    assert log in synced


def test_the_record_outside_the_database_never_tells_of_what_a_power_cut_may_take_back(
    stocked: Ledger, data: Path
) -> None:
    run = begin(stocked, 1)
    stocked.allocate(run)
    stocked.begin_installing(run)
    durable = (data / "audit.head").read_text(encoding="utf-8")
    stocked.record_step(run, Step.WRITE, StepState.DONE, 1.0)
    stocked.proof.keep_up()

    assert (data / "audit.head").read_text(encoding="utf-8") == durable
