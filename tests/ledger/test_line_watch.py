"""A ledger that is only looked at: what a look tells, and that nothing is written by it, whatever state the folder is in."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy

from station.certificate import CertificateState
from station.errors import Code, LedgerFault
from station.ledger import Ledger, LedgerWatch
from station.ledger.key_sources import KEY_FILE
from station.verdict import Step, StepState, Verdict
from tests.ledger.making import begin, name, write_csv

PERIOD = timedelta(hours=8)
NOBODY = 65534


def passed(ledger: Ledger, unit: int, lane: int = 1) -> int:
    run = begin(ledger, unit, lane=lane)
    ledger.allocate(run)
    ledger.begin_installing(run)
    ledger.finish_run(run, Verdict.PASS, seconds=1.0, code=None, message="")
    return run


def now() -> datetime:
    return datetime.now(UTC)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_look_tells_what_ended_what_is_under_way_and_what_is_left(stocked: Ledger, data: Path) -> None:
    ended = passed(stocked, 1)
    with LedgerWatch.open(data, PERIOD) as watch:
        first = watch.look(now())
        run = begin(stocked, 2, lane=3)
        stocked.allocate(run)
        stocked.record_step(run, Step.WRITE, StepState.BEGUN, 0.0)
        second = watch.look(now())
        stocked.begin_installing(run)
        stocked.finish_run(run, Verdict.FAIL, seconds=1.0, code=Code.NO_BOOT, message="")
        third = watch.look(now())

    assert [one.id for one in first.finished] == [ended]
    assert [(one.lane, one.last_step, one.device_name) for one in second.under_way] == [(3, "write", name(2))]
    assert [(one.id, one.verdict) for one in third.finished] == [(ended, Verdict.PASS), (run, Verdict.FAIL)]
    assert third.under_way == ()
    (batch,) = third.batches
    assert (batch.left, batch.counts[CertificateState.INSTALLED]) == (8, 1)


def test_a_look_tells_how_far_the_work_orders_of_its_runs_are(stocked: Ledger, data: Path) -> None:
    for number in ("WO-1", "WO-2"):
        stocked.work_orders.add(number, profile="plug", batch="batch", quantity=2)
    run = begin(stocked, 1, work_order="WO-1")
    stocked.allocate(run)
    stocked.begin_installing(run)
    stocked.finish_run(run, Verdict.PASS, seconds=1.0, code=None, message="")
    with LedgerWatch.open(data, PERIOD) as watch:
        assert [(one.number, one.passed, one.quantity) for one in watch.look(now()).orders] == [("WO-1", 1, 2)]


def test_a_look_forgets_what_is_older_than_its_period(stocked: Ledger, data: Path) -> None:
    passed(stocked, 1)
    with LedgerWatch.open(data, PERIOD) as watch:
        assert len(watch.look(now()).finished) == 1
        assert watch.look(now() + PERIOD + timedelta(seconds=5)).finished == ()


def test_the_first_look_and_a_later_one_say_the_same(stocked: Ledger, data: Path) -> None:
    with LedgerWatch.open(data, PERIOD) as early:
        early.look(now())
        open_run = begin(stocked, 9, lane=9)
        for unit in range(1, 5):
            passed(stocked, unit)
            early.look(now())
        stocked.finish_run(open_run, Verdict.ABORTED, seconds=1.0, code=Code.ABORTED, message="")
        with LedgerWatch.open(data, PERIOD) as late:
            at = now()
            assert early.look(at) == late.look(at)


def test_looking_writes_nothing_and_needs_no_key(stocked: Ledger, data: Path) -> None:
    passed(stocked, 1)
    stocked.close()
    (data / KEY_FILE).unlink()
    before = contents(data)
    with LedgerWatch.open(data, PERIOD) as watch:
        assert len(watch.look(now()).finished) == 1
        assert contents(data) == before
    assert contents(data) == before
    assert not [path for path in before if path.endswith(("-wal", "-shm"))]


def test_a_folder_of_any_name_can_be_looked_at(tmp_path: Path) -> None:
    odd = tmp_path / "产线 1 #50%"
    with Ledger.open(odd):
        pass
    with LedgerWatch.open(odd, PERIOD) as watch:
        assert watch.look(now()).finished == ()


def test_what_a_killed_station_left_is_seen_and_left_as_it_is(stocked: Ledger, data: Path, tmp_path: Path) -> None:
    passed(stocked, 1)
    killed = tmp_path / "killed"
    shutil.copytree(data, killed)
    before = contents(killed)
    assert before["ledger.sqlite3-wal"]
    with LedgerWatch.open(killed, PERIOD) as watch:
        assert len(watch.look(now()).finished) == 1
        during = contents(killed)
    kept = ("ledger.sqlite3", "ledger.sqlite3-wal")
    assert [during[file] for file in kept] == [before[file] for file in kept]
    assert [contents(killed)[file] for file in kept] == [before[file] for file in kept]
    assert contents(killed).keys() == before.keys()


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="POSIX rights")
@pytest.mark.parametrize("is_working", [False, True], ids=["closed", "a station at work"])
def test_a_folder_that_may_only_be_read_can_be_looked_at(is_working: bool, tmp_path: Path) -> None:
    with open_to_others() as folder, Ledger.open(folder / "data") as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", range(1, 11)))
        passed(ledger, 1)
        if not is_working:
            ledger.close()
        for path in (folder / "data").rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        (folder / "data").chmod(0o555)
        with without_rights(), LedgerWatch.open(folder / "data", PERIOD) as watch:
            assert not os.access(folder / "data", os.W_OK, effective_ids=True)
            assert len(watch.look(now()).finished) == 1
        (folder / "data").chmod(0o755)


@contextmanager
def open_to_others() -> Iterator[Path]:
    """A folder that other users reach too, unlike the test's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def without_rights() -> Iterator[None]:
    """Whoever may do everything is somebody else meanwhile."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_where_no_ledger_is_none_is_made(data: Path) -> None:
    with pytest.raises(LedgerFault, match="no ledger here"):
        LedgerWatch.open(data, PERIOD)
    assert not data.exists()


def test_an_older_ledger_is_not_updated(stocked: Ledger, data: Path) -> None:
    stocked.close()
    engine = sqlalchemy.create_engine(f"sqlite:///{data / 'ledger.sqlite3'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    engine.dispose()
    with pytest.raises(LedgerFault, match="updated first"):
        LedgerWatch.open(data, PERIOD)


def test_a_factory_s_ledger_tells_of_all_stations_to_one_that_has_no_data_folder(
    factory: str, tmp_path: Path, data: Path
) -> None:
    with Ledger.open(tmp_path / "first", url=factory) as first:
        first.import_batch(write_csv(tmp_path / "batch.csv", range(1, 11)))
        with LedgerWatch.open(data, PERIOD, url=factory) as watch:
            watch.look(now())
            begin(first, 1, lane=2)
            passed(first, 2)
            look = watch.look(now())
            with pytest.raises(LedgerFault), watch._database.writing() as connection:
                connection.exec_driver_sql("DELETE FROM runs")
    assert [(one.station, one.lane) for one in look.finished] == [(first.station, 1)]
    assert [(one.station, one.lane) for one in look.under_way] == [(first.station, 2)]
    assert not data.exists()


def test_a_factory_s_database_without_a_ledger_stays_empty(factory: str, data: Path) -> None:
    with pytest.raises(LedgerFault, match="no ledger here"):
        LedgerWatch.open(data, PERIOD, url=factory)
