"""Who waits for whom: lanes in turn, everybody for an import, nobody for ever."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from station.errors import Code, LedgerFault
from station.ledger import Ledger, sqlite
from station.ledger.fair_lock import URGENT_IN_A_ROW, FairLock
from tests.ledger.making import begin, write_csv

LIMIT_S = 20.0


def served_by(lock: FairLock, urgent: list[bool]) -> list[int]:
    """Let threads come to a held lock one after another; give their numbers in the order in which they got it."""
    served = list[int]()
    assert lock.acquire(0)
    threads = []

    def serve(number: int) -> None:
        assert lock.acquire(LIMIT_S, urgent=urgent[number])
        served.append(number)
        lock.release()

    for number in range(len(urgent)):
        thread = threading.Thread(target=serve, args=(number,))
        thread.start()
        while len(lock._urgent) + len(lock._others) <= number:
            thread.join(0.001)
        threads.append(thread)
    lock.release()
    for thread in threads:
        thread.join()
    assert lock.acquire(0)
    return served


def test_the_lock_serves_threads_in_the_order_they_came() -> None:
    assert served_by(FairLock(), [False] * 5) == [0, 1, 2, 3, 4]


def test_the_lock_serves_urgent_threads_first() -> None:
    assert served_by(FairLock(), [False, False, True, False, True]) == [2, 4, 0, 1, 3]


def test_no_thread_waits_for_more_urgent_ones_than_there_are_lanes() -> None:
    served = served_by(FairLock(), [False, False, *[True] * (URGENT_IN_A_ROW + 4)])

    assert served.index(0) == URGENT_IN_A_ROW
    assert served.index(1) == len(served) - 1


def test_the_lock_gives_up_when_the_time_is_over_and_forgets_who_gave_up() -> None:
    lock = FairLock()
    assert lock.acquire(0)
    assert not lock.acquire(0.01)
    lock.release()
    assert lock.acquire(0)


@pytest.mark.parametrize("same_process", [True, False])
def test_everybody_waits_for_a_running_import(
    stocked: Ledger, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same_process: bool
) -> None:
    path = write_csv(tmp_path / "large.csv", range(100, 20_000))
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.02)
    writing, go_on, begun = threading.Event(), threading.Event(), threading.Event()

    def heard(done_bytes: int, total_bytes: int) -> None:
        if done_bytes > total_bytes * 0.5:
            writing.set()
            assert go_on.wait(LIMIT_S)

    def work(ledger: Ledger) -> None:
        begin(ledger)
        begun.set()

    with Ledger.open(data) as other:
        importing = threading.Thread(target=stocked.import_batch, args=(path,), kwargs={"progress": heard})
        lane = threading.Thread(target=work, args=(stocked if same_process else other,))
        importing.start()
        assert writing.wait(LIMIT_S)
        lane.start()
        assert not begun.wait(0.3), "the lane did not wait"
        go_on.set()
        assert begun.wait(LIMIT_S)
        importing.join()
        lane.join()

    assert stocked.left("large") == 19_900


def test_a_lane_that_holds_the_ledger_for_ever_is_told_to_the_others(
    stocked: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    caught: list[LedgerFault] = []

    def other_lane() -> None:
        with pytest.raises(LedgerFault) as fault:
            begin(stocked)
        caught.append(fault.value)

    with stocked._changing():
        thread = threading.Thread(target=other_lane)
        thread.start()
        thread.join()

    assert caught[0].code is Code.LEDGER_BUSY
