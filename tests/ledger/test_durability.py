"""What is on the disk when a call returns, and what a power cut may still take back; `tests.simulation` cuts the power."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from station.errors import Code, LedgerFault
from station.ledger import Ledger
from station.ledger.log_sync import LogSync
from station.verdict import Step, StepState, Verdict
from tests.ledger.making import begin, chip_of, mac_of

LIMIT_S = 20.0


@pytest.fixture
def syncs(stocked: Ledger, data: Path, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Give a list that grows with each sync of the ledger's log; True when the ledger's lock was free meanwhile."""
    log, fsync, seen = data / "ledger.sqlite3-wal", os.fsync, list[bool]()

    def hear(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), log.stat()):
            with stocked._database.writing(durable=False):
                seen.append(True)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", hear)
    return seen


def test_nothing_that_a_run_does_before_its_credentials_leave_waits_for_the_disk(
    stocked: Ledger, syncs: list[bool]
) -> None:
    run = begin(stocked)
    stocked.identify_run(run, chip_of(1))
    stocked.record_step(run, Step.IDENTIFY, StepState.DONE, 0.1)
    stocked.allocate(run)

    assert syncs == []


def test_what_leaves_the_station_is_on_the_disk_before_and_others_write_while_it_gets_there(
    stocked: Ledger, syncs: list[bool]
) -> None:
    run = begin(stocked, 1)
    stocked.allocate(run)
    durable: tuple[Callable[[], object], ...] = (
        lambda: stocked.begin_installing(run),
        lambda: stocked.begin_installing(run),  # changes nothing, but what was done before it is on the disk too
        lambda: stocked.finish_run(run, Verdict.PASS, seconds=1.0, code=None, message=""),
        lambda: stocked.void(mac_of(1), reason="scrapped", operator="Li"),
    )
    for number, call in enumerate(durable, 1):
        call()
        assert syncs == [True] * number


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


def test_one_sync_serves_all_that_wait_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"")
    sync, begun, go_on, syncs = LogSync(log), threading.Event(), threading.Event(), list[int]()

    def hear(_descriptor: int) -> None:
        syncs.append(len(syncs))
        begun.set()
        assert go_on.wait(LIMIT_S)

    monkeypatch.setattr(os, "fsync", hear)
    threads = [threading.Thread(target=sync.sync) for _ in range(8)]
    threads[0].start()
    assert begun.wait(LIMIT_S)
    for thread in threads[1:]:
        thread.start()
    while len(sync._turn._others) < len(threads) - 1:
        threads[0].join(0.001)
    go_on.set()
    for thread in threads:
        thread.join()

    assert len(syncs) == 2


def test_a_disk_that_does_not_sync_is_told(stocked: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(stocked, 1)
    stocked.allocate(run)

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(LedgerFault) as fault:
            stocked.begin_installing(run)

    assert fault.value.code is Code.LEDGER_NOT_WRITABLE
