"""A ledger moves from its data folder to a factory's server: whole or not at all, and never two that give certificates out."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Table, select

from station.certificate import Secret
from station.errors import Code, CodedError, LedgerFault, UsageError
from station.held_baud import HeldBaud
from station.ledger import Ledger, Role, moving
from station.ledger.database import Database, choose_dialect
from station.ledger.moving import MoveResult, finish_move
from station.ledger.postgresql_copy import Receiver
from station.ledger.schema import HELD_BAUDS, METADATA, STATIONS
from station.ledger.server_confirmations import confirm
from station.serial_number import EntryWay, UnitLabel
from station.verdict import Verdict
from tests.cli.calling import station_in
from tests.ledger.making import PRODUCT, STAMP, begin, mac_of, name, write_csv
from tests.ledger.test_factory import join
from tests.ledger.test_orders import NAMES

PIN = Secret("493817")


@pytest.fixture
def lived_in(stocked: Ledger) -> Ledger:
    """A ledger with something in each of its tables; unit 1 has passed, unit 2 was interrupted with its certificate."""
    stocked.operators.add("Li", by="Wang", role=Role.LINE_LEAD, pin=PIN, badge="B7")
    stocked.held_bauds.keep("usb-1", HeldBaud(921600))
    stocked.orders.begin("ordered", PRODUCT, NAMES, part_max=10, work_order="WO-1")
    stocked.results.begin("mes")
    passed(stocked, 1)
    stocked.results.note("mes", 1)
    stocked.work_orders.add("WO-1", profile="plug", batch="batch", quantity=5)
    run = begin(stocked, 2, work_order="WO-1")
    stocked.serial_numbers.bind(run, UnitLabel("SP00000002", EntryWay.SCANNED, {"hardware": "R02"}))
    stocked.allocate(run)
    stocked.sign_head("test")
    with stocked._database.writing() as connection:  # only a server's ledger writes this table
        confirm(connection, "history", ["a", "b"], "a", "2026-11-29T06:00:00Z")
    return stocked


def passed(ledger: Ledger, unit: int) -> str:
    """Walk a unit to its end; give its DeviceName."""
    run = begin(ledger, unit)
    device = ledger.allocate(run).certificate.identity.device_name
    ledger.begin_installing(run)
    ledger.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")
    return device


def moved(data: Path, url: str) -> MoveResult:
    """Move the ledger of a data folder, or finish that."""
    with Ledger.open(data) as ledger:
        return ledger.moving.to(url, operator="Li")


def contents(url: str | None, data: Path) -> dict[str, list[str]]:
    """Give every row of every table, without whose login a station is."""
    database = Database(choose_dialect(url, data / "ledger.sqlite3", read_only=True))
    try:
        with database.reading() as connection:
            return {
                table.name: sorted(repr(row) for row in connection.execute(_shown(table)))
                for table in METADATA.sorted_tables
            }
    finally:
        database.close()


def _shown(table: Table) -> Any:
    return select(*(column for column in table.columns if column is not STATIONS.c.login))


def test_every_table_arrives_as_it_was(lived_in: Ledger, data: Path, factory: str) -> None:
    lived_in.close()
    result = moved(data, factory)
    before, after = contents(None, data), contents(factory, data)

    assert all(after.values()), "a table without a row proves nothing: let `lived_in` fill it"
    assert {table for table in METADATA.tables if before[table] != after[table]} == {"ledger_meta"}
    assert set(before["ledger_meta"]) - set(after["ledger_meta"]) == {
        repr(("moved_to", result.place)),
    }
    assert result.rows == {table: len(rows) - (table == "ledger_meta") for table, rows in before.items()}


def test_the_station_goes_on_there_and_another_joins(
    lived_in: Ledger, data: Path, factory: str, tmp_path: Path
) -> None:
    lived_in.close()
    moved(data, factory)
    with Ledger.open(data, url=factory) as here:
        assert [one.kind for one in here.newest_events(2)] == ["server_confirmed", "ledger_moved"]
        assert here.unit(mac_of(1)).certificates[0].identity.device_name == name(1)
        assert here.operators.confirm_line_lead("Li", PIN, action="test") == "Li"
        assert passed(here, 2) == name(2)
        with Ledger.open(join(here, tmp_path / "second"), url=factory) as second:
            assert passed(second, 3) == name(3)
        assert here.left("batch") == 7


def test_no_key_and_no_clear_secret_is_on_the_server(lived_in: Ledger, data: Path, factory: str) -> None:
    lived_in.close()
    moved(data, factory)
    everything = repr(contents(factory, data))

    assert STAMP not in everything
    assert (data / "ledger.key").read_text(encoding="ascii").strip() not in everything


def test_again_it_says_that_all_is_there_though_stations_have_worked_since(
    lived_in: Ledger, data: Path, factory: str
) -> None:
    lived_in.close()
    first = moved(data, factory)
    assert finish_move(f"sqlite:///{data / 'ledger.sqlite3'}", factory) == MoveResult(
        first.place, True, first.rows, first.heads
    )
    with Ledger.open(data, url=factory) as here:
        passed(here, 2)

    again = finish_move(f"sqlite:///{data / 'ledger.sqlite3'}", factory)
    assert again is not None
    assert (again.was_there, again.rows["runs"]) == (True, first.rows["runs"] + 1)


def test_a_station_that_has_it_open_is_told_where_it_went(stocked: Ledger, data: Path, factory: str) -> None:
    place = moved(data, factory).place

    for call in (lambda: begin(stocked, 1), lambda: Ledger.open(data)):
        with pytest.raises(LedgerFault, match=f"the ledger was moved to {place}") as caught:
            call()
        assert caught.value.code is Code.LEDGER_NOT_WRITABLE


def test_a_unit_at_work_gets_its_verdict_first(stocked: Ledger, data: Path, factory: str) -> None:
    run = begin(stocked, 1)
    with pytest.raises(LedgerFault, match=f"lane 1 of {stocked.station}") as caught:
        moved(data, factory)
    assert caught.value.code is Code.LEDGER_BUSY
    stocked.finish_run(run, Verdict.FAIL, seconds=1, code=Code.NO_BOOT, message="")

    assert moved(data, factory).rows["runs"] == 1


def _die_on_the_way(data: Path, url: str) -> None:
    with Ledger.open(data) as ledger:
        ledger.moving.to(url, operator="Li", progress=lambda _done, _all: os._exit(9))


def test_a_process_that_is_killed_while_it_copies_changes_nothing(
    stocked: Ledger, data: Path, factory: str, tmp_path: Path
) -> None:
    stocked.import_batch(write_csv(tmp_path / "large.csv", range(100, 3000)), name="large")
    process = multiprocessing.get_context("spawn").Process(target=_die_on_the_way, args=(data, factory))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    with psycopg.connect(factory) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    passed(stocked, 1)

    assert moved(data, factory).rows["runs"] == 1


def test_broken_off_before_the_source_closes_it_brings_what_came_since(
    lived_in: Ledger, data: Path, factory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived_in.close()
    with monkeypatch.context() as broken:
        broken.setattr(moving, "_leave", lambda *_: _break())
        with pytest.raises(KeyboardInterrupt):
            moved(data, factory)
    with pytest.raises(LedgerFault, match="on its way") as caught:
        Ledger.open(data, url=factory)
    assert caught.value.code is Code.LEDGER_BUSY
    with Ledger.open(data) as still:
        assert passed(still, 3) == name(3)

    moved(data, factory)
    with Ledger.open(data, url=factory) as here:
        assert here.unit(mac_of(3)).certificates[0].identity.device_name == name(3)


def test_broken_off_after_the_source_closed_the_same_command_opens_the_copy(
    lived_in: Ledger, data: Path, factory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived_in.close()
    with monkeypatch.context() as broken:
        broken.setattr(moving, "_admit", lambda _: _break())
        with pytest.raises(KeyboardInterrupt):
            moved(data, factory)
    for url in (None, factory):
        with pytest.raises(LedgerFault):
            Ledger.open(data, url=url)

    done = station_in(data)("ledger", "migrate", "--to", factory)
    assert (done.code, "was moved before; all of it is on" in done.out) == (0, True), done.err
    with Ledger.open(data, url=factory) as here:
        assert passed(here, 2) == name(2)


def _break() -> None:
    raise KeyboardInterrupt


def test_a_row_that_does_not_arrive_moves_nothing(
    lived_in: Ledger, data: Path, factory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Receiver.take

    def lossy(self: Receiver, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        take(self, table, list(rows)[table is HELD_BAUDS :])

    lived_in.close()
    monkeypatch.setattr(Receiver, "take", lossy)
    with pytest.raises(LedgerFault, match="held_bauds did not arrive as it was"):
        moved(data, factory)
    with Ledger.open(data) as still:
        passed(still, 2)


def test_a_log_that_was_changed_does_not_move(lived_in: Ledger, data: Path, factory: str) -> None:
    lived_in.close()
    with closing(sqlite3.connect(data / "ledger.sqlite3")) as forger:
        forger.execute("DROP TRIGGER audit_events_unchanged")
        forger.execute("UPDATE audit_events SET operator = 'Zhao' WHERE number = 4")
        forger.commit()

    with pytest.raises(LedgerFault, match=f"event 4 of {lived_in.station} is not as it was written"):
        moved(data, factory)


def test_a_database_with_another_ledger_is_refused(lived_in: Ledger, data: Path, factory: str, tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "other", url=factory) as other:
        events = len(list(other.audit_events()))
        lived_in.close()
        with pytest.raises(UsageError, match="another ledger"):
            moved(data, factory)
        assert len(list(other.audit_events())) == events
    with Ledger.open(data) as still:
        passed(still, 2)


def test_a_copy_of_before_the_move_does_not_overwrite_what_is_in_use(
    lived_in: Ledger, data: Path, factory: str, tmp_path: Path
) -> None:
    lived_in.back_up(tmp_path / "copy.sqlite3")
    lived_in.close()
    moved(data, factory)
    for file in data.glob("ledger.sqlite3*"):
        file.unlink()
    (tmp_path / "copy.sqlite3").rename(data / "ledger.sqlite3")
    (data / "audit.head").unlink()

    with Ledger.open(data, despite_gap=True) as old, pytest.raises(UsageError, match="there already and in use"):
        old.moving.to(factory, operator="Li")


def test_the_command_moves_and_tells_what(stocked: Ledger, data: Path, factory: str) -> None:
    stocked.close()
    call = station_in(data)
    done = call("ledger", "migrate", "--from", f"sqlite:///{data / 'ledger.sqlite3'}", "--to", factory)

    assert (done.code, "1 batches, 10 certificates, 0 runs" in done.out) == (0, True), done.err
    listed = call("batch", "list", "--ledger", factory)
    assert (listed.code, "batch" in listed.out) == (0, True)


@pytest.mark.parametrize(
    ("source", "target", "code", "said"),
    [
        (None, "sqlite:///other.sqlite3", 2, "a ledger moves to a server only"),
        (None, "postgresql://nobody@127.0.0.1:1/none", 3, "does not answer"),
        ("sqlite:///missing.sqlite3", "postgresql://nobody@127.0.0.1:1/none", 2, "there is no ledger"),
        ("postgresql://nobody@127.0.0.1:1/none", "postgresql://nobody@127.0.0.1:1/none", 2, "from a file only"),
    ],
)
def test_what_cannot_be_moved_is_one_clear_error(
    stocked: Ledger, data: Path, source: str | None, target: str, code: int, said: str
) -> None:
    stocked.close()
    named = () if source is None else ("--from", source)
    done = station_in(data)("ledger", "migrate", *named, "--to", target)

    assert (done.code, said in done.err, done.err.count("\n")) == (code, True, 1), done.err
    with Ledger.open(data) as still:
        passed(still, 1)


def test_the_place_is_shown_without_the_password(stocked: Ledger, data: Path) -> None:
    with pytest.raises(CodedError) as caught:
        stocked.moving.to("postgresql://owner:hunter2@127.0.0.1:1/none", operator="Li")
    assert "hunter2" not in str(caught.value)
