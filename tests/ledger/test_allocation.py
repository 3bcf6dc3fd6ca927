"""Taking certificates: in order, once each, by whoever asks first."""

from __future__ import annotations

import multiprocessing
import threading
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from station.certificate import CertificateState
from station.errors import Code, InternalFault, NoCertificateLeft
from station.ledger import Ledger
from station.unit import Mac
from station.verdict import Verdict
from tests.ledger.making import PRODUCT, begin, known_device, mac_of, name, secret, write_csv


def finish(ledger: Ledger, run: int, verdict: Verdict = Verdict.FAIL) -> None:
    code = None if verdict is Verdict.PASS else Code.UNIT_GONE
    ledger.finish_run(run, verdict, seconds=1.0, code=code, message="done")


def test_certificates_are_taken_in_the_order_of_the_file(ledger: Ledger, tmp_path: Path) -> None:
    numbers = [5, 2, 9, 4]
    ledger.import_batch(write_csv(tmp_path / "batch.csv", numbers))

    taken = [ledger.allocate(begin(ledger, unit, lane=unit)) for unit in range(1, 5)]

    assert [one.certificate.identity.device_name for one in taken] == [name(n) for n in numbers]
    assert [one.certificate.device_secret.reveal() for one in taken] == [secret(n) for n in numbers]
    assert [one.left for one in taken] == [3, 2, 1, 0]
    assert all(one.state is CertificateState.ALLOCATED and not one.resumed for one in taken)


def test_the_same_unit_gets_the_same_certificate_again(stocked: Ledger) -> None:
    run = begin(stocked, 1)
    first = stocked.allocate(run)
    stocked.begin_installing(run)
    finish(stocked, run)

    other = stocked.allocate(begin(stocked, 2, lane=2))
    again = stocked.allocate(begin(stocked, 1))

    assert again.certificate == first.certificate != other.certificate
    assert (again.resumed, again.state, again.left) == (True, CertificateState.INSTALLING, 8)


def test_asking_twice_in_one_run_takes_one(stocked: Ledger) -> None:
    run = begin(stocked, 1)

    assert stocked.allocate(run).certificate == stocked.allocate(run).certificate
    assert stocked.left("batch") == 9


def test_a_passed_unit_keeps_its_certificate_installed_when_it_comes_back(stocked: Ledger) -> None:
    run = begin(stocked, 1)
    first = stocked.allocate(run)
    stocked.begin_installing(run)
    finish(stocked, run, Verdict.PASS)

    rework = begin(stocked, 1)
    again = stocked.allocate(rework)
    stocked.begin_installing(rework)
    finish(stocked, rework)

    assert (again.certificate, again.state) == (first.certificate, CertificateState.INSTALLED)
    assert stocked.certificates("batch")[0].state is CertificateState.INSTALLED


def test_a_certificate_that_never_left_the_station_is_free_again(stocked: Ledger) -> None:
    run = begin(stocked, 1)
    stocked.allocate(run)
    finish(stocked, run)

    assert stocked.left("batch") == 10
    assert stocked.allocate(begin(stocked, 2)).certificate.identity.device_name == name(1)


def test_an_empty_batch_is_told_and_the_unit_untouched(ledger: Ledger, tmp_path: Path) -> None:
    ledger.import_batch(write_csv(tmp_path / "batch.csv", [1]))
    ledger.allocate(begin(ledger, 1))
    run = begin(ledger, 2, lane=2)

    with pytest.raises(NoCertificateLeft) as caught:
        ledger.allocate(run)
    finish(ledger, run, Verdict.ERROR)

    assert caught.value.code is Code.NO_CERTIFICATE_LEFT
    assert caught.value.exit_code == 4
    assert known_device(ledger, mac_of(2), PRODUCT) is None


def test_a_unit_of_an_older_batch_keeps_its_certificate_in_a_newer_one(stocked: Ledger, tmp_path: Path) -> None:
    run = begin(stocked, 1)
    stocked.allocate(run)
    stocked.begin_installing(run)
    finish(stocked, run, Verdict.PASS)
    stocked.import_batch(write_csv(tmp_path / "newer.csv", range(50, 53)))

    again = stocked.allocate(begin(stocked, 1, batch="newer"))

    assert (again.certificate.identity.device_name, again.batch, again.left) == (name(1), "batch", 3)


def test_one_unit_may_hold_certificates_of_two_products(stocked: Ledger, tmp_path: Path) -> None:
    stocked.import_batch(write_csv(tmp_path / "lamp.csv", range(1, 4), product="b2Lamp"))
    for batch in ("batch", "lamp"):
        run = begin(stocked, 1, batch=batch)
        stocked.allocate(run)
        stocked.begin_installing(run)
        finish(stocked, run, Verdict.PASS)

    assert known_device(stocked, mac_of(1), PRODUCT) == known_device(stocked, mac_of(1), "b2Lamp") == name(1)


def test_no_certificate_without_an_identified_unit(stocked: Ledger) -> None:
    run = begin(stocked)

    with pytest.raises(InternalFault):
        stocked.allocate(run)
    with pytest.raises(InternalFault):
        stocked.begin_installing(run)
    with pytest.raises(InternalFault):
        finish(stocked, run, Verdict.PASS)


def test_no_pass_with_a_certificate_that_never_left_the_station(stocked: Ledger) -> None:
    run = begin(stocked, 1)
    stocked.allocate(run)

    with pytest.raises(InternalFault):
        finish(stocked, run, Verdict.PASS)
    assert stocked.certificates("batch")[0].state is CertificateState.ALLOCATED


def take(ledger: Ledger, lane: int, units: range) -> list[tuple[str, str]]:
    taken: list[tuple[str, str]] = []
    for unit in units:
        run = begin(ledger, unit, lane=lane)
        certificate = ledger.allocate(run).certificate
        ledger.begin_installing(run)
        finish(ledger, run, Verdict.PASS)
        taken.append((mac_of(unit), certificate.identity.device_name))
    return taken


def test_threads_never_take_the_same(ledger: Ledger, tmp_path: Path) -> None:
    ledger.import_batch(write_csv(tmp_path / "batch.csv", range(200)))
    taken: list[tuple[str, str]] = []
    lanes = [
        threading.Thread(target=lambda lane=lane: taken.extend(take(ledger, lane, range(lane * 100, lane * 100 + 20))))
        for lane in range(1, 9)
    ]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()

    assert len(taken) == 160
    assert sorted(device for _, device in taken) == [name(n) for n in range(160)]
    assert ledger.batch("batch").counts[CertificateState.INSTALLED] == 160


def _take_in_a_process(data: str, first: int, barrier: Barrier, answers: Queue[list[tuple[str, str]]]) -> None:
    with Ledger.open(Path(data)) as ledger:
        barrier.wait(60)
        answers.put(take(ledger, 1, range(first, first + 40)))


def test_processes_in_the_same_instant_never_take_the_same(ledger: Ledger, data: Path, tmp_path: Path) -> None:
    ledger.import_batch(write_csv(tmp_path / "batch.csv", range(100)))
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    answers: Queue[list[tuple[str, str]]] = context.Queue()
    processes = [
        context.Process(target=_take_in_a_process, args=(str(data), first, barrier, answers)) for first in (1000, 2000)
    ]
    for process in processes:
        process.start()
    taken = [pair for _ in processes for pair in answers.get(timeout=60)]
    for process in processes:
        process.join(60)
    answers.close()
    answers.join_thread()

    assert [process.exitcode for process in processes] == [0, 0]
    assert sorted(device for _, device in taken) == [name(n) for n in range(80)]
    assert all(known_device(ledger, Mac(mac), PRODUCT) == device for mac, device in taken)
    assert ledger.left("batch") == 20
