"""A station's login on a real server: what its work needs, and nothing that reads others' secrets or rewrites the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from station.cli.context import Session
from station.cli.ledger_looks import look_at_ledger
from station.errors import Code, LedgerFault
from station.ledger import Ledger, migrating, opening
from station.ledger.database import Database, choose_dialect
from station.ledger.postgresql_roles import apply_roles, roles_sql
from station.serial_number import EntryWay, UnitLabel
from station.verdict import Verdict
from tests.ledger.making import PRODUCT, begin, mac_of, name, write_csv
from tests.ledger.postgresql_server import new_database
from tests.ledger.test_factory import join


@pytest.fixture(scope="module")
def stations(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, Ledger, str]]:
    """The owner's station, whose run 1 holds certificate 1; one under the login `line1`, and that login's URL."""
    folder, url = tmp_path_factory.mktemp("roles"), new_database(server)
    with Ledger.open(folder / "owner", url=url) as owner:
        owner.import_batch(write_csv(folder / "batch.csv", range(1, 11)))
        database = Database(choose_dialect(url, folder, read_only=False))
        for _ in range(2):
            apply_roles(database, roles_sql([("line1", None)]))
        database.close()
        owner.allocate(begin(owner, 1))
        login = sqlalchemy.make_url(url).set(username="line1").render_as_string(hide_password=False)
        with Ledger.open(join(owner, folder / "line1"), url=login) as line:
            yield owner, line, login


def test_it_joins_takes_and_records(stations: tuple[Ledger, Ledger, str], tmp_path: Path) -> None:
    _, line, _ = stations
    run = begin(line, 2, lane=2)
    assert not line.serial_numbers.bind(run, UnitLabel("SP00000002", EntryWay.SCANNED, {"hardware": "R02"}))
    taken = line.allocate(run)
    line.begin_installing(run)
    line.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")

    assert taken.certificate.identity.device_name == name(2)
    assert line.sign_head("test") is not None
    assert line.import_batch(write_csv(tmp_path / "more.csv", range(50, 53))).imported == 3

    bearer = line.serial_numbers.bearer(PRODUCT, "SP00000002")
    assert bearer is not None
    line.serial_numbers.release(bearer, reason="wrong unit", operator="Li")
    assert line.serial_numbers.bearer(PRODUCT, "SP00000002") is None


def test_it_notes_what_it_told_of_its_own_runs(stations: tuple[Ledger, Ledger, str]) -> None:
    owner, line, _ = stations
    for ledger in (owner, line):
        ledger.results.begin("mes")
    runs = [begin(ledger, unit, lane=4) for unit, ledger in ((30, owner), (31, line))]
    for run, ledger in zip(runs, (owner, line), strict=True):
        ledger.allocate(run)
        ledger.begin_installing(run)
        ledger.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")

    assert [[one.run.id for one in ledger.results.waiting("mes", 9)] for ledger in (owner, line)] == [
        [run] for run in runs
    ]
    line.results.note("mes", runs[1])
    assert line.results.waiting("mes", 9) == []
    assert len(owner.results.waiting("mes", 9)) == 1


def test_it_opens_an_order_and_works_on_it(stations: tuple[Ledger, Ledger, str]) -> None:
    owner, line, _ = stations
    line.work_orders.add("WO-1", profile="plug", batch="batch", quantity=2)
    for unit, ledger in ((20, line), (21, owner)):
        run = begin(ledger, unit, work_order="WO-1", lane=3)
        ledger.allocate(run)
        ledger.begin_installing(run)
        ledger.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")

    assert line.work_orders.close("WO-1", reason="done").passed == 2


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT secrets FROM certificates",
        "UPDATE certificates SET secrets = '{}'",
        "DELETE FROM certificates",
        "UPDATE audit_events SET operator = 'nobody'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "INSERT INTO audit_events (station, number, at, operator, kind, data, prev, hash) SELECT station, number + 1, 'now',"
        " '', 'forged', '{}', hash, hash FROM audit_heads WHERE station <> (SELECT station FROM stations WHERE login = 'line1')",
        "UPDATE audit_heads SET number = number + 1 WHERE station NOT IN (SELECT station FROM stations WHERE login = 'line1')",
        "UPDATE serial_numbers SET mac = '24:0a:c4:00:00:01'",
        "DELETE FROM serial_numbers",
        "UPDATE stations SET login = 'line1'",
        "UPDATE runs SET finished_at = 'now', verdict = 'PASS' WHERE id = 1",
        "UPDATE runs SET finished_at = 'now', verdict = 'ABORTED', code = 'A02' WHERE id = 1",
        "UPDATE runs SET station = (SELECT station FROM stations WHERE login = 'line1') WHERE id = 1",
        "UPDATE certificates SET run_id = (SELECT max(id) FROM runs) WHERE run_id = 1",
        "UPDATE certificates SET state = 'void', void_reason = 'mine' WHERE run_id = 1",
        "UPDATE ledger_keys SET source = 'file'",
        "UPDATE work_orders SET quantity = 1000",
        "DELETE FROM work_order_units",
        "CREATE TEMPORARY TABLE stations (station text)",
    ],
)  # fmt: skip
def test_it_is_refused(stations: tuple[Ledger, Ledger, str], statement: str) -> None:
    with (
        psycopg.connect(stations[2]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_it_gets_no_secrets_of_a_certificate_in_anothers_run(stations: tuple[Ledger, Ledger, str]) -> None:
    with psycopg.connect(stations[2]) as connection:
        query = "SELECT ledger_secrets(certificate_id, id) FROM runs WHERE finished_at IS NULL AND certificate_id IS NOT NULL"
        assert connection.execute(query).fetchall() == [(None,)]


@pytest.fixture
def left_behind(server: str, tmp_path: Path) -> Iterator[tuple[Ledger, str]]:
    """A station under the login `line1`, its URL; the owner's station has passed unit 1, and died in the middle of unit 2."""
    url = new_database(server)
    login = sqlalchemy.make_url(url).set(username="line1").render_as_string(hide_password=False)
    with Ledger.open(tmp_path / "owner", url=url) as owner:
        owner.import_batch(write_csv(tmp_path / "batch.csv", range(1, 11)))
        database = Database(choose_dialect(url, tmp_path, read_only=False))
        apply_roles(database, roles_sql([("line1", None)]))
        database.close()
        folder = join(owner, tmp_path / "line1")
        run = begin(owner, 1)
        owner.allocate(run)
        owner.begin_installing(run)
        owner.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")
        owner.allocate(begin(owner, 2))
    with Ledger.open(folder, url=login) as line:
        yield line, login


def test_a_unit_that_a_dead_station_left_goes_on_with_its_certificate(left_behind: tuple[Ledger, str]) -> None:
    line, _ = left_behind
    run = begin(line, 2)
    allocation = line.allocate(run)
    line.begin_installing(run)
    line.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")

    assert (allocation.certificate.identity.device_name, allocation.resumed) == (name(2), True)
    assert [one.verdict for one in line.runs(mac=mac_of(2))] == [Verdict.PASS, Verdict.ABORTED]
    assert line.allocate(begin(line, 1)).certificate.identity.device_name == name(1)


def test_a_dead_stations_run_can_only_end_as_interrupted(left_behind: tuple[Ledger, str]) -> None:
    with (
        psycopg.connect(left_behind[1]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("UPDATE runs SET finished_at = 'now', verdict = 'PASS' WHERE id = 2")


def test_secrets_are_not_given_before_the_log_tells_of_it_for_good(left_behind: tuple[Ledger, str]) -> None:
    line, login = left_behind
    run = begin(line, 1)
    secrets = f"SELECT ledger_secrets(id, {run}) FROM certificates WHERE device_name = '{name(1)}'".encode()  # noqa: S608
    forged = (
        "INSERT INTO audit_events (station, number, at, operator, kind, mac, device_name, data, prev, hash)"
        " SELECT station, number + 1, 'now', '', 'certificate_allocated', %s, %s, %s, hash, hash FROM audit_heads"
        " WHERE station = %s"
    )  # fmt: skip
    told = (mac_of(1), name(1), f'{{"run":{run}}}', line.station)
    with psycopg.connect(login) as connection:
        connection.execute("UPDATE certificates SET run_id = %s WHERE device_name = %s", (run, name(1)))
        connection.commit()
        assert connection.execute(secrets).fetchone() == (None,)
        connection.execute("SAVEPOINT one")
        connection.execute(forged.encode(), told)
        connection.execute("RELEASE one")
        assert connection.execute(secrets).fetchone() == (None,)
        connection.rollback()
        connection.execute(forged.encode(), told)
        connection.commit()
        (sealed,) = connection.execute(secrets).fetchone() or (None,)

    assert sealed
    assert line.newest_events(1)[0].kind == "certificate_allocated"


def test_tables_that_are_to_be_made_or_updated_are_left_to_the_owner(
    stations: tuple[Ledger, Ledger, str], server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusal(url: str, data: Path) -> str:
        login = sqlalchemy.make_url(url).set(username="line1").render_as_string(hide_password=False)
        with pytest.raises(LedgerFault, match="only their owner") as caught:
            Ledger.open(data, url=login)
        assert "ledger roles --apply" in caught.value.mend
        return str(caught.value.code)

    monkeypatch.setattr(opening, "migrate", migrating.migrate)
    folder = tmp_path / "none"
    assert refusal(new_database(server), folder) == Code.LEDGER_NOT_WRITABLE
    assert list(folder.glob("*.key")) == []

    monkeypatch.setattr(opening, "HEAD", "newer")  # so that the tables count as older
    monkeypatch.setattr(
        opening, "migrate", lambda connection: connection.exec_driver_sql("ALTER TABLE runs ADD more int")
    )
    assert refusal(stations[2], tmp_path / "older") == Code.LEDGER_NOT_WRITABLE


def test_it_makes_no_logins(stations: tuple[Ledger, Ledger, str], tmp_path: Path) -> None:
    database = Database(choose_dialect(stations[2], tmp_path, read_only=False))
    with closing(database), pytest.raises(LedgerFault, match="may not make logins") as caught:
        apply_roles(database, roles_sql([("line2", None)]))
    assert "CREATEROLE" in caught.value.mend


def test_a_key_that_it_may_not_put_into_use_is_not_left_behind(stations: tuple[Ledger, Ledger, str]) -> None:
    line = stations[1]
    before = sorted(line._data.glob("*.key"))
    with pytest.raises(LedgerFault) as caught:
        line.rekey(operator="Wang")
    assert caught.value.code is Code.LEDGER_NOT_WRITABLE
    assert sorted(line._data.glob("*.key")) == before


def test_it_may_not_give_rights(stations: tuple[Ledger, Ledger, str], tmp_path: Path) -> None:
    database = Database(choose_dialect(stations[2], tmp_path, read_only=False))
    with pytest.raises(LedgerFault) as caught:
        apply_roles(database, roles_sql())
    database.close()
    assert caught.value.code is Code.LEDGER_NOT_WRITABLE


def test_a_data_folder_of_another_login_is_told_with_the_way_to_give_it(stations: tuple[Ledger, Ledger, str]) -> None:
    owner, _, login = stations
    with (
        Ledger.open(owner._data, url=login) as as_line,
        pytest.raises(LedgerFault, match="--login LOGIN=STATION") as caught,
    ):
        begin(as_line, 3, lane=3)
    assert caught.value.code is Code.LEDGER_NOT_WRITABLE


def test_doctor_asks_no_station_to_back_up_the_server(stations: tuple[Ledger, Ledger, str]) -> None:
    _, line, login = stations
    findings = list(look_at_ledger(Session(data=line._data, ledger_url=login)))
    assert {"factory", "ledger", "batches"} <= {finding.subject for finding in findings}
    assert "backup" not in {finding.subject for finding in findings}
