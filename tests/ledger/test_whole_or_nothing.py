"""Whatever statement fails, a call has happened with its event or not at all (I3), and the next one works."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import psycopg
import pytest

from station.certificate import CertificateState
from station.errors import LedgerFault
from station.ledger import Ledger, event_hash
from station.ledger.event_kind import EventKind
from station.ledger.postgresql_prepared import PreparedStatements
from station.ledger.quick import Hear
from station.verdict import Step, StepState, Verdict
from tests.ledger.making import begin, chip_of, failing_at, mac_of, write_csv


def contents(ledger: Ledger) -> list[str]:
    with ledger._database.reading() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        return list(raw.iterdump())


_REFUSED: Final = "DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$"


CALLS: dict[str, Callable[[Ledger, int, Path], Any]] = {
    "identify": lambda ledger, run, _: ledger.identify_run(run, chip_of(1)),
    "allocate": lambda ledger, run, _: ledger.allocate(run),
    "install": lambda ledger, run, _: ledger.begin_installing(run),
    "step": lambda ledger, run, _: ledger.record_step(run, Step.WRITE, StepState.DONE, 1.0),
    "finish": lambda ledger, run, _: ledger.finish_run(run, Verdict.PASS, seconds=1, code=None, message=""),
    "void": lambda ledger, _run, _: ledger.void(mac_of(1), reason="x", operator="Wang"),
    "import": lambda ledger, _run, folder: ledger.import_batch(write_csv(folder / "more.csv", range(50, 60))),
}


def test_every_statement_of_every_call_may_fail(stocked: Ledger, tmp_path: Path) -> None:
    run = begin(stocked)
    failed = 0
    for name, call in CALLS.items():
        first = before = contents(stocked)
        for number in range(1, 100):
            with failing_at(stocked, number) as seen:
                try:
                    call(stocked, run, tmp_path)
                except LedgerFault:
                    failed += 1
                else:
                    assert seen[0] < number
                    break
            if name == "allocate" and before == first != contents(stocked):
                # Taken, and told for good; only its secrets were not handed out: the next call hands out the same.
                before = contents(stocked)
                assert next(reversed(list(stocked.audit_events()))).kind == EventKind.CERTIFICATE_ALLOCATED
            assert contents(stocked) == before
        assert contents(stocked) != first
    events = list(stocked.audit_events())

    assert failed > 50
    assert all(one.hash == event_hash(one) for one in events)
    assert [one.number for one in events] == list(range(1, len(events) + 1))


def test_whatever_a_server_refuses_of_a_units_way_is_taken_back_whole(
    factory: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "station.ledger.postgresql_prepared.ALIVE_S", 1e9
    )  # no connection is asked, and refused, by itself
    with Ledger.open(data, url=factory) as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", range(1, 4)))
        run = begin(ledger)
        failed = 0
        for name in ("identify", "allocate", "install"):
            before = rows(factory)
            for number in range(1, 60):
                with refused_at(number) as seen:
                    try:
                        CALLS[name](ledger, run, tmp_path)
                    except LedgerFault:
                        failed += 1
                    else:
                        assert seen[0] < number
                        break
                if name != "allocate" or is_free(factory):
                    assert rows(factory) == before
        assert failed > 20
        assert [row.state for row in ledger.certificates("batch", limit=1)] == [CertificateState.INSTALLING]
        assert all(one.hash == event_hash(one) for one in ledger.audit_events())


@contextmanager
def refused_at(number: int) -> Iterator[list[int]]:
    """Let a server refuse the n-th statement from now on, be it a transaction's begin or commit; gives how many were asked."""
    asked, seen = PreparedStatements._asked, [0]

    def one(statements: PreparedStatements, sql: str, arguments: Mapping[str, Any], hear: Hear | None = None) -> Any:
        seen[0] += 1
        return asked(statements, _REFUSED, {}, hear) if seen[0] == number else asked(statements, sql, arguments, hear)

    with patch.object(PreparedStatements, "_asked", one):
        yield seen


def rows(url: str) -> list[Any]:
    """Everything that a unit's way changes."""
    tables = ("runs", "certificates", "batch_counts", "audit_events", "audit_heads")
    with psycopg.connect(url) as connection:
        return [connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2".encode()).fetchall() for table in tables]  # noqa: S608  names of our own schema


def is_free(url: str) -> bool:
    """Whether no unit has a certificate yet; a take that was committed stays, though its secrets were refused."""
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT count(*) FROM certificates WHERE mac IS NOT NULL").fetchone() == (0,)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM certificates WHERE batch_id = 1 AND state = 'available' ORDER BY position LIMIT 1",
        "SELECT * FROM certificates WHERE mac = 'x' AND product_key = 'y'"
        " AND state IN ('allocated', 'installing', 'installed', 'activated')",
        "SELECT quantity FROM batch_counts WHERE batch_id = 1 AND state = 'available'",
        "SELECT taken, passed FROM work_order_counts WHERE work_order_id = 1",
        "SELECT * FROM certificates WHERE device_name = 'x'",
        "SELECT * FROM runs WHERE mac = 'x' AND finished_at IS NULL",
        "SELECT * FROM certificates WHERE batch_id = 1 ORDER BY position LIMIT 20",
        "SELECT * FROM audit_events WHERE mac = 'x' AND id > 0 ORDER BY id LIMIT 9",
    ],
)
def test_no_question_of_the_walk_scans_a_table(stocked: Ledger, query: str) -> None:
    with stocked._database.reading() as connection:
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]

    assert all(step.startswith("SEARCH") for step in plan), plan
