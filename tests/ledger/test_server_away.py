"""The factory's server dies or loses connections: units that were begun finish, and each verdict is recorded exactly once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
import sqlalchemy
from psycopg.pq.abc import PGresult

from station.certificate import CertificateState
from station.errors import Code, LedgerFault, RunLost
from station.ledger import Allocation, AuditEvent, Ledger, run_recorder
from station.ledger.allocated import Allocated
from station.ledger.audit_verify import verify_export
from station.ledger.database import Dialect
from station.ledger.key_ring import KeyRing
from station.ledger.postgresql_prepared import PreparedStatements
from station.ledger.quick import QuickConnection
from station.ledger.records import StepRecord, VerdictRecord
from station.ledger.verdict_spool import SPOOL_FILE, KeptVerdict, VerdictSpool
from station.verdict import Step, StepState, Verdict
from tests.ledger.making import STAMP, begin, chip_of, mac_of, name, write_csv
from tests.ledger.postgresql_server import Server, new_database
from tests.ledger.test_factory import join
from tests.waiting import wait_until

LIMIT_S = 30.0


@pytest.fixture(scope="module")
def mortal() -> Iterator[Server]:
    """A server that a test may kill, and must start again; what did not have to be on its disk is lost then."""
    with closing(Server("wal_writer_delay = 10s")) as server:
        yield server


@pytest.fixture
def url(mortal: Server) -> str:
    """An empty database there."""
    return new_database(mortal.url)


@pytest.fixture
def ledger(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """A station's ledger there, with certificates 1 to 3; it has no patience with a server that is away."""
    monkeypatch.setattr(run_recorder, "PATIENCE_S", 0.0)
    with Ledger.open(tmp_path / "data", url=url) as opened:
        opened.import_batch(write_csv(tmp_path / "batch.csv", range(1, 4)))
        yield opened


@contextmanager
def away(server: Server) -> Iterator[None]:
    """Kill the server for as long as the block lasts."""
    server.kill()
    try:
        yield
    finally:
        server.start()


@contextmanager
def shut(url: str) -> Iterator[None]:
    """Let the server cut every connection to a database and refuse new ones for as long as the block lasts."""
    database = sqlalchemy.make_url(url).database
    with psycopg.connect(
        sqlalchemy.make_url(url).set(database="postgres").render_as_string(), autocommit=True
    ) as owner:
        owner.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false'.encode())
        owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))
        try:
            yield
        finally:
            owner.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true'.encode())


@contextmanager
def answer_lost(times: int) -> Iterator[None]:
    """Let a commit reach the server and its answer be lost, so often: as when the connection is cut in the middle of it."""
    commit, together, left = psycopg.Connection.commit, PreparedStatements._together, iter(range(times))

    def lost(connection: psycopg.Connection[Any]) -> None:
        commit(connection)
        if next(left, None) is not None:
            connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    def lost_together(statements: PreparedStatements, asked: Sequence[Any]) -> list[PGresult]:
        results = together(statements, asked)
        is_commit = statements._prepared.get("COMMIT") in [one.prepared for one in asked]
        if is_commit and next(left, None) is not None:
            statements._server.finish()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return results

    with (
        patch.object(psycopg.Connection, "commit", lost),
        patch.object(PreparedStatements, "_together", lost_together),
    ):
        yield


@contextmanager
def before_secrets_are_read(act: Callable[[], None]) -> Iterator[None]:
    """Do something once, when a certificate is taken and its secrets are not read yet."""
    read, acts = Allocated.read, iter([act])

    def later(self: Allocated, connection: QuickConnection, dialect: Dialect, keys: KeyRing) -> Allocation | None:
        connection.settle()  # the commit
        next(acts, lambda: None)()
        return read(self, connection, dialect, keys)

    with patch.object(Allocated, "read", later):
        yield


def installing(ledger: Ledger, unit: int, *, lane: int = 1) -> int:
    """Begin a run and bring its unit to where its certificate leaves the PC."""
    run = begin(ledger, unit, lane=lane)
    ledger.allocate(run)
    ledger.begin_installing(run)
    return run


def passed(ledger: Ledger, run: int) -> None:
    """Give the verdict."""
    ledger.finish_run(run, Verdict.PASS, seconds=1.0, code=None, message="", data={"proven": ["app"]})


def ended_in_error(ledger: Ledger, run: int) -> None:
    """Give the verdict of a run that could not go on."""
    ledger.finish_run(run, Verdict.ERROR, seconds=1.0, code=Code.LEDGER_UNREACHABLE, message="the server is away")


def spool_of(ledger: Ledger) -> VerdictSpool:
    assert ledger.recorder._spool is not None
    return ledger.recorder._spool


def oldest(ledger: Ledger) -> tuple[int, KeptVerdict]:
    found = spool_of(ledger).oldest()
    assert found is not None
    return found


def told(ledger: Ledger, kind: str) -> list[AuditEvent]:
    return [event for event in ledger.audit_events() if event.kind == kind]


def is_proven(ledger: Ledger, folder: Path) -> bool:
    ledger.export_audit(folder / "audit.jsonl", force=True)
    return verify_export(folder / "audit.jsonl").flaw is None


def test_a_verdict_without_a_server_is_recorded_once_when_it_is_back(
    ledger: Ledger, mortal: Server, tmp_path: Path
) -> None:
    run = installing(ledger, 1)
    with away(mortal):
        ledger.record_step(run, Step.VERIFY, StepState.DONE, 0.5)
        passed(ledger, run)
        assert ledger.recorder.kept == 1
    ledger.recorder.require_server()

    (row,) = ledger.runs()
    assert (row.verdict, row.seconds, ledger.recorder.kept) == (Verdict.PASS, 1.0, 0)
    assert row.finished_at is not None
    assert told(ledger, "run_finished")[0].at > row.finished_at  # it ended then, and is told now
    assert (
        len(told(ledger, "run_finished"))
        == len(told(ledger, "certificate_installed"))
        == len(told(ledger, "step"))
        == 1
    )
    assert ledger.certificates("batch")[0].state is CertificateState.INSTALLED
    assert is_proven(ledger, tmp_path)


def test_without_a_server_no_unit_starts_and_the_station_tells_what_it_keeps(ledger: Ledger, url: str) -> None:
    run = installing(ledger, 1)
    with shut(url):
        passed(ledger, run)
        with pytest.raises(LedgerFault, match="does not answer") as caught:
            ledger.recorder.require_server()
        with pytest.raises(LedgerFault):
            begin(ledger, lane=2)

    assert (caught.value.code, caught.value.facts) == (Code.LEDGER_UNREACHABLE, {"kept": 1})


def test_a_verdict_is_kept_when_each_new_connection_dies_at_once(ledger: Ledger) -> None:
    run = installing(ledger, 1)
    with patch.object(PreparedStatements, "begin", side_effect=psycopg.OperationalError("the server is away")):
        passed(ledger, run)
        assert ledger.recorder.kept == 1
    ledger.recorder.require_server()

    assert [row.verdict for row in ledger.runs()] == [Verdict.PASS]


def test_an_interrupt_of_a_flight_is_told_as_it_is_and_the_next_call_works(ledger: Ledger) -> None:
    run = installing(ledger, 1)
    interrupted = patch.object(PreparedStatements, "_next_result", side_effect=KeyboardInterrupt)
    with interrupted, pytest.raises(KeyboardInterrupt):
        ledger.record_step(run, Step.VERIFY, StepState.DONE, 0.5)
    passed(ledger, run)

    assert ledger.recorder.kept == 0
    assert len(told(ledger, "step")) == 1


def test_what_is_kept_goes_to_the_server_by_itself(ledger: Ledger, url: str) -> None:
    run = installing(ledger, 1)
    with shut(url):
        passed(ledger, run)

    wait_until(lambda: not ledger.recorder.kept)
    assert [row.verdict for row in ledger.runs()] == [Verdict.PASS]


def test_a_station_that_starts_records_what_an_earlier_one_kept(ledger: Ledger, url: str, tmp_path: Path) -> None:
    run = installing(ledger, 1)
    with shut(url):
        passed(ledger, run)
        ledger.close()

    with Ledger.open(tmp_path / "data", url=url) as again:
        assert again.recorder.kept == 0
        assert [row.verdict for row in again.runs()] == [Verdict.PASS]
        assert again.unfinished_runs() == []


def test_a_unit_whose_certificate_was_not_to_leave_yet_gets_none_without_a_server(ledger: Ledger, url: str) -> None:
    run = begin(ledger, 1)
    ledger.allocate(run)
    ledger.sign_head("test")  # now it is on the server's disk
    with shut(url):
        with pytest.raises(LedgerFault):
            ledger.begin_installing(run)
        ended_in_error(ledger, run)
    ledger.recorder.require_server()

    assert [row.state for row in ledger.certificates("batch")] == [CertificateState.AVAILABLE] * 3
    assert [(row.verdict, row.code) for row in ledger.runs()] == [(Verdict.ERROR, Code.LEDGER_UNREACHABLE)]


def test_a_run_that_the_server_lost_never_acts_as_the_one_that_has_its_number_now(
    ledger: Ledger, mortal: Server, url: str, tmp_path: Path
) -> None:
    ledger.sign_head("test")
    lost = begin(ledger, 1)
    ledger.allocate(lost)
    with away(mortal):
        pass
    ledger.recorder.require_server()
    with Ledger.open(join(ledger, tmp_path / "second"), url=url) as second:
        found = begin(second, 2)
        own = second.allocate(found).certificate
        assert (found, own.identity.device_name) == (lost, name(1))
        with pytest.raises(RunLost):
            ledger.allocate(lost)
        with pytest.raises(RunLost):
            ledger.begin_installing(lost)
        ended_in_error(ledger, lost)
        second.begin_installing(found)
        passed(second, found)
    ledger.recorder.require_server()

    assert [(row.mac, row.verdict) for row in ledger.runs()] == [(mac_of(2), Verdict.PASS)]
    assert told(ledger, "verdict_late")[0].data["code"] == Code.LEDGER_UNREACHABLE


def test_steps_that_the_server_told_to_have_and_lost_are_recorded_with_the_verdict(
    ledger: Ledger, mortal: Server
) -> None:
    run = installing(ledger, 1)
    for step in (Step.WRITE, Step.VERIFY, Step.START):
        ledger.record_step(run, step, StepState.DONE, 0.5)
    with away(mortal):
        passed(ledger, run)
    ledger.recorder.require_server()

    assert [event.data["step"] for event in told(ledger, "step")] == ["write", "verify", "start"]


def test_a_unit_in_the_fixture_waits_for_a_server_that_restarts(
    ledger: Ledger, mortal: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_recorder, "PATIENCE_S", LIMIT_S)
    run = begin(ledger, 1)
    ledger.allocate(run)
    ledger.sign_head("test")
    mortal.kill()
    restart = threading.Thread(target=mortal.start)
    restart.start()
    ledger.begin_installing(run)
    restart.join()

    passed(ledger, run)
    ledger.recorder.require_server()
    assert [row.verdict for row in ledger.runs()] == [Verdict.PASS]


@pytest.mark.parametrize("is_taken", [True, False], ids=["the take is on its disk", "the take is lost"])
def test_a_server_that_restarts_between_a_take_and_its_secrets_is_waited_for(
    ledger: Ledger, mortal: Server, monkeypatch: pytest.MonkeyPatch, is_taken: bool
) -> None:
    monkeypatch.setattr(run_recorder, "PATIENCE_S", LIMIT_S)
    run = begin(ledger, 1)
    ledger.sign_head("test")

    def die() -> None:
        if is_taken:
            ledger.sign_head("test")
        mortal.kill()
        restart.start()

    restart = threading.Thread(target=mortal.start)
    with before_secrets_are_read(die):
        assert ledger.allocate(run).certificate.identity.device_name == name(1)
    restart.join()
    ledger.begin_installing(run)
    passed(ledger, run)
    ledger.recorder.require_server()

    assert [row.verdict for row in ledger.runs()] == [Verdict.PASS]
    assert [row.mac for row in ledger.certificates("batch")] == [mac_of(1), None, None]


def test_what_is_kept_holds_no_secret(ledger: Ledger, url: str, tmp_path: Path) -> None:
    run = installing(ledger, 1)
    with shut(url):
        passed(ledger, run)
        kept = b"".join(file.read_bytes() for file in (tmp_path / "data").glob(f"{SPOOL_FILE}*"))

    assert b"PASS" in kept
    assert STAMP.encode() not in kept


CHANGES: dict[str, Callable[[Ledger, int], object]] = {
    "identify": lambda ledger, run: ledger.identify_run(run, chip_of(1)),
    "allocate": lambda ledger, run: ledger.allocate(run),
    "install": lambda ledger, run: ledger.begin_installing(run),
    "step": lambda ledger, run: ledger.record_step(run, Step.VERIFY, StepState.DONE, 0.5),
    "finish": lambda ledger, run: ledger.finish_run(
        run, Verdict.PASS, seconds=1.0, code=None, message="", data={"a": 1}
    ),
}


@pytest.mark.parametrize("lost", CHANGES)
def test_a_commit_whose_answer_is_lost_is_neither_lost_nor_doubled(
    ledger: Ledger, lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_recorder, "PATIENCE_S", LIMIT_S)
    run = begin(ledger)
    for change, act in CHANGES.items():
        if change == lost:
            with answer_lost(times=1):
                act(ledger, run)
        else:
            act(ledger, run)
    ledger.recorder.require_server()

    (row,) = ledger.runs()
    assert (row.verdict, row.mac, row.device_name) == (Verdict.PASS, mac_of(1), name(1))
    assert ledger.left("batch") == 2
    for kind in ("unit_identified", "certificate_installing", "step", "run_finished", "certificate_installed"):
        assert len(told(ledger, kind)) == 1, kind
    assert is_proven(ledger, tmp_path)


def test_a_transaction_whose_connection_was_cut_before_it_is_still_whole_or_nothing(
    ledger: Ledger, mortal: Server
) -> None:
    def half() -> None:
        with ledger._changing() as change:
            change.trail.append("half", data={})
            change.trail.close()
            raise ZeroDivisionError

    mortal.cut()
    with pytest.raises(ZeroDivisionError):
        half()

    assert told(ledger, "half") == []


def test_a_run_whose_begin_was_committed_without_an_answer_is_ended_by_its_lanes_next(ledger: Ledger) -> None:
    with answer_lost(times=9), pytest.raises(LedgerFault):
        begin(ledger)
    passed(ledger, installing(ledger, 1))

    assert [row.verdict for row in ledger.runs()] == [Verdict.PASS, Verdict.ABORTED]


def test_a_verdict_of_a_run_that_another_has_ended_is_told_in_the_log_once(
    ledger: Ledger, url: str, tmp_path: Path
) -> None:
    run = installing(ledger, 1)
    with shut(url):
        passed(ledger, run)
        (_, kept) = oldest(ledger)
        ledger.close()
    with psycopg.connect(url) as connection:  # what another station does with the run of a unit that it gets
        connection.execute("UPDATE runs SET finished_at = started_at, verdict = 'ABORTED', code = 'A02'")
    with Ledger.open(tmp_path / "data", url=url) as again:
        spool_of(again).keep(kept)  # as if its removal had not reached the disk
        again.recorder.require_server()
        (event,) = told(again, "verdict_late")
        assert (event.mac, event.data["verdict"], event.data["recorded"]) == (mac_of(1), "PASS", "ABORTED")
        assert [row.verdict for row in again.runs()] == [Verdict.ABORTED]
        assert again.certificates("batch")[0].state is CertificateState.INSTALLING
        assert again.recorder.kept == 0


def test_a_pass_whose_certificate_was_made_void_meanwhile_is_told_in_the_log(
    ledger: Ledger, url: str, tmp_path: Path
) -> None:
    run = installing(ledger, 1)
    with shut(url):
        passed(ledger, run)
        ledger.close()
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE certificates SET state = 'void', void_reason = 'lost' WHERE state = 'installing'")
    with Ledger.open(tmp_path / "data", url=url) as again:
        assert [row.verdict for row in again.runs()] == [Verdict.ABORTED]
        assert len(told(again, "verdict_late")) == 1
        assert again.recorder.kept == 0


def test_a_verdict_of_another_life_of_the_ledger_ends_no_run_of_this_one(ledger: Ledger) -> None:
    run = installing(ledger, 1)
    stranger = KeptVerdict("0" * 32, run, "2026-11-24T10:00:00.000000Z", (), VerdictRecord(Verdict.FAIL, 1.0, None, ""))
    spool_of(ledger).keep(stranger)
    ledger.recorder.require_server()

    passed(ledger, run)
    assert [row.verdict for row in ledger.runs()] == [Verdict.PASS]
    assert told(ledger, "verdict_late")[0].data["recorded"] is None


def test_a_file_of_kept_verdicts_that_was_cut_off_as_it_was_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / SPOOL_FILE).touch()
    with closing(VerdictSpool(tmp_path)) as spool:
        assert (len(spool), spool.oldest(), spool.all()) == (0, None, [])
        spool.keep(KeptVerdict("a" * 32, 7, "2026-11-24", (), VerdictRecord(Verdict.PASS, 1.0, None, "")))
        assert len(spool) == 1


def test_a_kept_verdict_is_read_as_it_was_written(ledger: Ledger) -> None:
    spool = spool_of(ledger)
    steps = (StepRecord(Step.ONLINE, StepState.FAILED, 1.25, {"cause": "没有应答"}, Code.NOT_ONLINE),)
    verdict = VerdictRecord(
        Verdict.FAIL, 9.5, Code.NOT_ONLINE, "没有应答", {"timings_s": {"write": 1.5}}, activated=True
    )
    kept = KeptVerdict("a" * 32, 7, "2026-11-24T10:00:00.000000Z", steps, verdict)
    spool.keep(kept)
    spool.keep(kept)

    assert len(spool) == 1
    assert oldest(ledger)[1] == kept
    spool.remove(oldest(ledger)[0])
    assert spool.oldest() is None
