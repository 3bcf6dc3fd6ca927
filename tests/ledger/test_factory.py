"""Many stations, one ledger: who joins, who is alive, who has which unit."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
import sqlalchemy
from sqlalchemy import MetaData

from station.errors import ChipError, Code, CodedError, LedgerFault, UsageError, WorkOrderComplete
from station.ledger import Ledger, event_hash, postgresql_prepared
from station.ledger.postgresql_prepared import PreparedStatements
from station.ledger.schema import METADATA
from station.ledger.sealed_batch import recipient_of
from station.ledger.shared_key import take_key
from station.verdict import Verdict
from tests.benchmarks.factory import work
from tests.ledger.making import begin, mac_of, name, write_csv
from tests.ledger.postgresql_server import new_database
from tests.waiting import wait_until


def join(first: Ledger, folder: Path) -> Path:
    """Make a data folder that has the key of a factory's ledger."""
    folder.mkdir()
    sealed = folder / "sealed.age"
    first.shared_key.seal_for(recipient_of(folder), sealed, operator="Wang")
    take_key(sealed, folder)
    return folder


@pytest.fixture
def first(factory: str, tmp_path: Path) -> Iterator[Ledger]:
    """The factory's first station, with certificates 1 to 10 in `batch`."""
    with Ledger.open(tmp_path / "first", url=factory) as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", range(1, 11)))
        yield ledger


@pytest.fixture
def second(first: Ledger, factory: str, tmp_path: Path) -> Iterator[Ledger]:
    """A further station."""
    with Ledger.open(join(first, tmp_path / "second"), url=factory) as ledger:
        yield ledger


def test_a_station_joins_without_a_gap_and_takes_the_next_certificate(first: Ledger, second: Ledger) -> None:
    first.allocate(begin(first, 1))
    allocation = second.allocate(begin(second, 2))
    events = list(second.audit_events())

    assert allocation.certificate.identity.device_name == name(2)
    assert (first.left("batch"), second.left("batch")) == (8, 8)
    assert next(one.kind for one in events if one.station == second.station) == "station_joined"
    assert all(event_hash(one) == one.hash for one in events)


def test_as_many_events_as_an_accepted_gap_tells_are_one_transaction_and_one_chain(first: Ledger) -> None:
    with first._changing() as change:
        for number in range(6000):  # a statement takes 65 535 values
            change.trail.append("note", data={"number": number})
    events = list(first.audit_events())
    assert [one.data["number"] for one in events[-6000:]] == list(range(6000))
    assert all(one.prev == before.hash for before, one in pairwise(events))
    assert all(event_hash(one) == one.hash for one in events)


def test_two_stations_make_no_more_units_than_an_order_has(first: Ledger, second: Ledger) -> None:
    first.work_orders.add("WO-1", profile="plug", batch="batch", quantity=5)

    def take(ledger: Ledger, units: range) -> list[int]:
        refused = []
        for unit in units:
            run = begin(ledger, unit, work_order="WO-1")
            try:
                ledger.allocate(run)
            except WorkOrderComplete:
                refused.append(unit)
        return refused

    with ThreadPoolExecutor() as pool:
        refused = pool.map(take, (first, second), (range(1, 6), range(6, 11)))
        assert sum(len(one) for one in refused) == 5
    assert (second.work_orders.find("WO-1").taken, first.left("batch")) == (5, 5)


def test_a_station_opens_again_after_others_worked(first: Ledger, second: Ledger, factory: str, tmp_path: Path) -> None:
    begin(second, 1)
    second.sign_head("test")
    second.close()
    for unit in (2, 3):
        first.allocate(begin(first, unit, lane=unit))

    with Ledger.open(tmp_path / "second", url=factory) as again:
        assert again.proof.gap is None
        assert again.station != first.station


def test_a_run_that_another_station_ended_was_told_by_that_one(first: Ledger, second: Ledger) -> None:
    for station in (first, second):
        station.results.begin("mes")
    begin(first, 1)
    first.close()
    begin(second, 1)
    (ended,) = second.results.waiting("mes", 9)
    second.results.note("mes", ended.run.id, "HTTP 422")

    counted = second.results.standing("mes")
    assert counted is not None
    assert (counted.refused, counted.waiting) == (1, 0)
    assert [one.run_id for one in second.results.refused("mes")] == [ended.run.id]


def test_a_station_whose_ledger_went_back_is_refused(first: Ledger, factory: str, tmp_path: Path, server: str) -> None:
    first.sign_head("test")
    older = sqlalchemy.make_url(new_database(server))
    with Ledger.open(tmp_path / "other", url=older.render_as_string(hide_password=False)):
        pass
    first.close()
    record = tmp_path / "first" / "audit.head"
    number = first.proof._newest[0]
    record.write_text(record.read_text(encoding="utf-8").replace(f"[{number}, ", f"[{number + 7}, "), encoding="utf-8")

    with pytest.raises(LedgerFault, match="7 events are missing") as caught:
        Ledger.open(tmp_path / "first", url=factory)
    assert caught.value.code is Code.LEDGER_BEHIND


def test_a_station_without_the_key_is_told_how_to_get_it(first: Ledger, factory: str, tmp_path: Path) -> None:
    with pytest.raises(LedgerFault, match="station key share") as caught:
        Ledger.open(tmp_path / "third", url=factory)
    assert caught.value.code is Code.KEY_MISSING


def test_a_shared_key_opens_for_its_station_alone(first: Ledger, tmp_path: Path) -> None:
    for folder in ("right", "wrong"):
        (tmp_path / folder).mkdir()
    sealed = tmp_path / "sealed.age"
    recipient_of(tmp_path / "wrong")
    first.shared_key.seal_for(recipient_of(tmp_path / "right"), sealed, operator="Wang")
    key = next((tmp_path / "first").glob("ledger-*.key")).read_bytes().strip()

    with pytest.raises(Exception, match="another station"):
        take_key(sealed, tmp_path / "wrong")
    assert key not in sealed.read_bytes()
    assert Path(take_key(sealed, tmp_path / "right")).read_bytes().strip() == key
    assert first.newest_events(1)[0].kind == "ledger_key_shared"


def test_no_key_is_sealed_that_the_log_does_not_tell_of(first: Ledger, factory: str, tmp_path: Path) -> None:
    (tmp_path / "right").mkdir()
    with psycopg.connect(factory) as connection:
        connection.execute("CREATE RULE deaf AS ON INSERT TO audit_events DO INSTEAD SELECT 1/0")

    with pytest.raises(CodedError):
        first.shared_key.seal_for(recipient_of(tmp_path / "right"), tmp_path / "sealed.age", operator="Wang")
    assert not (tmp_path / "sealed.age").exists()


def test_a_name_that_another_station_has_is_refused(first: Ledger, factory: str, tmp_path: Path) -> None:
    folder = join(first, tmp_path / "twin")
    (folder / "station.yaml").write_text(f"station: {first.station}\n", encoding="utf-8")
    events = len(list(first.audit_events()))

    with pytest.raises(UsageError, match="another station of this ledger is named"):
        Ledger.open(folder, url=factory)
    assert len(list(first.audit_events())) == events


def test_a_unit_at_two_stations_is_refused_at_the_second(first: Ledger, second: Ledger) -> None:
    begin(first, 1)

    with pytest.raises(ChipError, match=f"station {first.station}") as caught:
        begin(second, 1)
    assert caught.value.code is Code.UNIT_ON_OTHER_LANE


def test_a_unit_begun_at_one_station_and_finished_at_another_keeps_its_certificate(
    first: Ledger, second: Ledger
) -> None:
    run = begin(first, 1)
    before = first.allocate(run)
    first.begin_installing(run)
    first.close()

    run = begin(second, 1)
    after = second.allocate(run)
    second.begin_installing(run)
    second.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")

    assert after.resumed
    assert after.certificate == before.certificate
    assert [one.verdict for one in second.runs()] == [Verdict.PASS, Verdict.ABORTED]


def test_a_station_whose_sessions_were_cut_lives_again_with_its_next_call(
    first: Ledger, second: Ledger, factory: str
) -> None:
    begin(first, 1)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(factory) as connection:
        connection.execute(cut)

    begin(first, 2, lane=2)

    with pytest.raises(ChipError):
        begin(second, 1)


def test_processes_and_lanes_of_one_station_write_one_chain(first: Ledger, factory: str, tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "first", url=factory) as other, ThreadPoolExecutor(4) as lanes:
        ledgers = (first, other, first, other)
        list(lanes.map(lambda lane: ledgers[lane].allocate(begin(ledgers[lane], lane + 1, lane=lane + 1)), range(4)))
    numbers = [one.number for one in first.audit_events()]
    events = list(first.audit_events())

    assert numbers == list(range(1, len(numbers) + 1))
    assert all(event_hash(one) == one.hash for one in events)
    assert all(one.prev == before.hash for before, one in pairwise(events))


def test_no_statement_of_a_units_way_is_planned_anew_each_time(first: Ledger) -> None:
    for unit in range(1, 10):
        passed = begin(first, unit)
        first.allocate(passed)
        first.begin_installing(passed)
        first.finish_run(passed, Verdict.PASS, seconds=1, code=None, message="")
    with first._database.reading() as connection:
        planned = connection.exec_driver_sql(
            "SELECT statement, custom_plans, generic_plans FROM pg_prepared_statements"
        )
        rows = planned.all()

    assert len(rows) > 10
    assert [row.statement for row in rows if row.custom_plans > 5 and row.generic_plans == 0] == []


def test_the_schema_of_the_migrations_is_that_of_the_code(first: Ledger, server: str) -> None:
    bare = sqlalchemy.create_engine(new_database(server).replace("postgresql:", "postgresql+psycopg:"))
    schema = MetaData(
        naming_convention=METADATA.naming_convention
    )  # create_all marks the constraints that it adds by ALTER
    for table in METADATA.sorted_tables:
        table.to_metadata(schema)
    schema.create_all(bare)
    wanted = _described(bare)
    bare.dispose()

    assert _described(first._database._engine) == wanted


def _described(engine: sqlalchemy.Engine) -> dict[str, object]:
    look = sqlalchemy.inspect(engine)
    tables = [table for table in look.get_table_names() if table != "alembic_version"]
    return {
        table: (
            [(one["name"], str(one["type"]), one["nullable"]) for one in look.get_columns(table)],
            look.get_pk_constraint(table)["constrained_columns"],
            sorted(
                (one["name"], one["constrained_columns"], one["referred_table"]) for one in look.get_foreign_keys(table)
            ),
            sorted((one["name"], one["sqltext"]) for one in look.get_check_constraints(table)),
            sorted(str(one) for one in look.get_indexes(table)),
        )
        for table in sorted(tables)
    }


def test_processes_of_many_stations_never_take_the_same(first: Ledger, factory: str, tmp_path: Path) -> None:
    stations, units = 4, 10
    first.import_batch(write_csv(tmp_path / "large.csv", range(100, 100 + stations * units)), name="large")
    folders = [join(first, tmp_path / f"s{number}") for number in range(stations)]
    context = multiprocessing.get_context("spawn")
    answers: Queue[list[tuple[str, float]]] = context.Queue()
    processes = [
        context.Process(target=work, args=(folder, factory, "large", number * units, units, answers))
        for number, folder in enumerate(folders)
    ]
    for process in processes:
        process.start()
    taken = [one for _ in processes for one, _ in answers.get(timeout=100)]
    for process in processes:
        process.join(60)
    answers.close()
    answers.join_thread()

    assert [process.exitcode for process in processes] == [0] * stations
    assert Counter(taken) == dict.fromkeys([name(number) for number in range(100, 100 + stations * units)], 1)
    summary = first.batch("large")
    assert (summary.left, summary.counts["installed"]) == (0, stations * units)  # type: ignore[index]  # a StrEnum's word
    assert first.unit(mac_of(5)).certificates


def test_a_take_asks_the_server_three_times(first: Ledger) -> None:
    first.allocate(begin(first, 1))
    run, asked, together = begin(first, 2, lane=2), list[int](), PreparedStatements._together

    def counted(statements: PreparedStatements, waiting: Sequence[Any]) -> Any:
        asked.append(len(waiting))
        return together(statements, waiting)

    with patch.object(PreparedStatements, "_together", counted), patch.object(postgresql_prepared, "ALIVE_S", 600.0):
        first.allocate(run)
    assert asked == [4, 2, 2]  # begin, its commit's manner, run, candidates; take, event; commit, secrets


def test_a_unit_of_a_work_order_holds_no_certificate_while_it_waits_for_the_order(first: Ledger, factory: str) -> None:
    """Else the station that holds the order could wait for that certificate, and each for the other."""
    first.work_orders.add("WO-1", profile="plug", batch="batch", quantity=5)
    run = begin(first, 1, work_order="WO-1")
    with psycopg.connect(factory) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT id FROM work_orders FOR UPDATE")
        taken = pool.submit(first.allocate, run)
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait_until(lambda: other.execute(waits).fetchone() == (1,))
        free = other.execute("SELECT device_name FROM certificates ORDER BY id FOR UPDATE SKIP LOCKED").fetchall()
        other.rollback()
        assert (name(1),) in free
        assert taken.result(timeout=20).certificate.identity.device_name == name(1)


def test_the_secrets_of_a_run_are_found_without_a_look_at_any_other_open_run(first: Ledger, factory: str) -> None:
    runs = [begin(first, unit, lane=unit) for unit in range(1, 41)]  # so few that the server has no statistics yet
    first.allocate(runs[-1])
    read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'runs'"
    with psycopg.connect(factory) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute("SELECT ledger_secrets(certificate_id, id) FROM runs WHERE id = %s", (runs[-1],))
        (rows,) = connection.execute(read).fetchone() or ()
    assert 0 < rows <= 2
