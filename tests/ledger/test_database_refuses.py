"""The database itself refuses what the code never tries, whatever program asks."""

# ruff: noqa: S608  the statements are this file's own

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from station.certificate import ALLOWED_MOVES, CertificateState
from station.ledger import Ledger, postgresql_triggers, sqlite_triggers
from station.ledger.schema import METADATA
from station.serial_number import EntryWay, UnitLabel
from station.verdict import Verdict
from tests.ledger.making import PRODUCT, begin, mac_of, write_csv
from tests.ledger.postgresql_server import new_database

OTHER = mac_of(77)
REST = "at, lane, operator, kind, mac, device_name, batch, data, prev, hash"
BORNE = "id, product_key, serial_number, mac, run_id, entry, fields, bound_at"
LABEL = "entry, fields, bound_at"
EVENT = f"id, station, number, {REST}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def raw(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Another program on the database. Certificate 1 is installed, 2 installing, 3 allocated, 4 void, the others available.

    Unit 2 bears a serial number, unit 1 bore one.
    """
    folder = tmp_path_factory.mktemp(request.param)
    url = f"sqlite:///{(folder / 'other.sqlite3').as_posix()}"
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("server"))
    with Ledger.open(folder / "data", url=url) as ledger:
        ledger.import_batch(write_csv(folder / "batch.csv", range(1, 11)))
        for unit in (1, 2, 3, 4):
            run = begin(ledger, unit, lane=unit)
            ledger.allocate(run)
            if unit in {1, 2}:
                ledger.serial_numbers.bind(run, UnitLabel(f"SP{unit}", EntryWay.SCANNED))
            if unit != 3:
                ledger.begin_installing(run)
            if unit in {1, 4}:
                ledger.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")
        ledger.void(mac_of(4), reason="scrap", operator="Wang")
        first = ledger.serial_numbers.of_unit(PRODUCT, mac_of(1))
        assert first is not None
        ledger.serial_numbers.release(first, reason="wrong label", operator="Wang")
        engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        if engine.name == "sqlite":
            sqlalchemy.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA foreign_keys = ON").close())
        yield engine
        engine.dispose()


def contents(engine: Engine) -> list[object]:
    """Every row of every table."""
    with engine.connect() as connection:
        tables = METADATA.sorted_tables
        return [sorted(map(str, connection.execute(sqlalchemy.select(table)))) for table in tables]


def run_alone(engine: Engine, statement: str) -> None:
    """Run a statement in a transaction of its own."""
    with engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE certificates SET mac = '{OTHER}' WHERE id = 1",
        f"UPDATE certificates SET mac = '{OTHER}' WHERE id = 2",
        f"UPDATE certificates SET mac = '{OTHER}' WHERE id = 3",
        "UPDATE certificates SET mac = NULL WHERE id = 1",
        f"UPDATE certificates SET state = 'installing', mac = '{OTHER}' WHERE id = 3",
        "UPDATE certificates SET state = 'available', mac = NULL, run_id = NULL WHERE id = 1",
        "UPDATE certificates SET state = 'available', mac = NULL, run_id = NULL WHERE id = 2",
        "UPDATE certificates SET state = 'available' WHERE id = 3",
        "UPDATE certificates SET state = 'installing' WHERE id = 5",
        f"UPDATE certificates SET mac = '{OTHER}' WHERE id = 5",
        f"UPDATE certificates SET state = 'allocated', mac = '{OTHER}' WHERE id = 5",
        f"UPDATE certificates SET state = 'allocated', mac = '{OTHER.upper()}', run_id = 1 WHERE id = 5",
        "UPDATE certificates SET state = 'allocated', mac = 'short', run_id = 1 WHERE id = 5",
        "UPDATE certificates SET state = 'stolen' WHERE id = 1",
        "UPDATE certificates SET state = 'void' WHERE id = 1",
        "UPDATE certificates SET state = 'void', void_reason = '' WHERE id = 1",
        "UPDATE certificates SET void_reason = 'x' WHERE id = 1",
        "UPDATE certificates SET run_id = 999 WHERE id = 1",
        "UPDATE certificates SET state = 'available', mac = NULL, run_id = NULL, void_reason = NULL WHERE id = 4",
        "UPDATE certificates SET state = 'installed', void_reason = NULL WHERE id = 4",
        "UPDATE certificates SET void_reason = 'another' WHERE id = 4",
        f"UPDATE certificates SET mac = '{OTHER}' WHERE id = 4",
        "UPDATE certificates SET device_name = 'other' WHERE id = 5",
        "UPDATE certificates SET product_key = 'other' WHERE id = 5",
        "UPDATE certificates SET position = 99 WHERE id = 5",
        "UPDATE certificates SET secret_fingerprint = (SELECT secret_fingerprint FROM certificates WHERE id = 6) WHERE id = 5",
        "DELETE FROM certificates WHERE id = 5",
        "DELETE FROM batches",
        "DELETE FROM runs WHERE id = 1",
        "UPDATE runs SET verdict = 'FAIL' WHERE id = 1",
        "UPDATE runs SET finished_at = NULL, verdict = NULL WHERE id = 1",
        f"UPDATE runs SET mac = '{OTHER}' WHERE id = 2",
        f"UPDATE runs SET mac = '{mac_of(2)}' WHERE id = 3",
        "UPDATE runs SET verdict = 'PASS' WHERE id = 2",
        "UPDATE runs SET verdict = 'MAYBE', finished_at = 'now' WHERE id = 2",
        "UPDATE batch_counts SET quantity = -1",
        "UPDATE audit_events SET operator = 'nobody' WHERE number = 2",
        "UPDATE audit_events SET data = '{}'",
        "DELETE FROM audit_events WHERE number = 2",
        "DELETE FROM audit_events",
        f"INSERT INTO audit_events ({EVENT}) SELECT 9001, station, 1, {REST} FROM audit_events WHERE number = 2",
        f"INSERT INTO audit_events ({EVENT}) SELECT 9002, station, 900, {REST} FROM audit_events WHERE number = 2",
        "INSERT INTO audit_signatures SELECT station, 2, prev, at, 'forged', hash, hash FROM audit_events WHERE number = 2",
        "UPDATE audit_heads SET number = 1",
        "DELETE FROM audit_heads",
        f"UPDATE serial_numbers SET mac = '{OTHER}' WHERE id = 2",
        "UPDATE serial_numbers SET serial_number = 'SP9' WHERE id = 2",
        "UPDATE serial_numbers SET product_key = 'other' WHERE id = 2",
        "UPDATE serial_numbers SET released_at = 'now' WHERE id = 2",
        "UPDATE serial_numbers SET released_at = 'now', release_reason = '' WHERE id = 2",
        "UPDATE serial_numbers SET released_at = NULL, release_reason = NULL WHERE id = 1",
        "DELETE FROM serial_numbers WHERE id = 1",
        f"INSERT INTO serial_numbers ({BORNE}) SELECT 9001, product_key, 'SP9', mac, 1, {LABEL} FROM serial_numbers WHERE id = 1",
        f"INSERT INTO serial_numbers ({BORNE}) SELECT 9001, product_key, 'SP9', mac, 3, {LABEL} FROM serial_numbers WHERE id = 2",
        f"INSERT INTO serial_numbers ({BORNE}) SELECT 9001, product_key, '', '{mac_of(3)}', 3, {LABEL} FROM serial_numbers"
        " WHERE id = 2",
        f"INSERT INTO serial_numbers ({BORNE}) SELECT 9001, product_key, 'SP2', '{mac_of(3)}', 3, {LABEL} FROM serial_numbers"
        " WHERE id = 2",
        f"INSERT INTO serial_numbers ({BORNE}) SELECT 9001, product_key, 'SP9', '{mac_of(2)}', 2, {LABEL} FROM serial_numbers"
        " WHERE id = 2",
        f"INSERT INTO serial_numbers ({BORNE}) SELECT 9001, product_key, 'SP9', '{mac_of(3)}', 3, 'guessed', fields, bound_at"
        " FROM serial_numbers WHERE id = 2",
        "UPDATE runs SET serial_number = 'SP9' WHERE id = 2",
        "UPDATE runs SET serial_number = 'SP2' WHERE id = 3",
        "UPDATE stations SET public_key = 'mine'",
        "DELETE FROM stations",
    ],
)  # fmt: skip
def test_it_is_refused(raw: Engine, statement: str) -> None:
    before = contents(raw)

    with pytest.raises(IntegrityError):
        run_alone(raw, statement)

    assert contents(raw) == before


def test_a_second_live_certificate_for_a_mac_is_refused(raw: Engine) -> None:
    for holder in (1, 2, 3):
        with pytest.raises(IntegrityError, match=r"(?i)unique"):
            run_alone(
                raw, f"UPDATE certificates SET state = 'allocated', mac = '{mac_of(holder)}', run_id = 1 WHERE id = 5"
            )
    run_alone(raw, f"UPDATE certificates SET state = 'allocated', mac = '{mac_of(4)}', run_id = 4 WHERE id = 5")
    run_alone(raw, "UPDATE certificates SET state = 'available', mac = NULL, run_id = NULL WHERE id = 5")


def test_a_name_twice_in_a_product_is_refused(raw: Engine) -> None:
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        run_alone(
            raw,
            "INSERT INTO certificates (batch_id, position, product_key, device_name, secret_fingerprint, secrets, key_id,"
            f" changed_at) VALUES (1, 99, '{PRODUCT}', 'plug-00005', '00', '{{}}', 1, 'now')",
        )


@pytest.mark.parametrize(
    "table",
    ["certificates", "batches", "runs", "operators", "audit_events", "audit_heads", "stations", "serial_numbers"],
)
def test_postgresql_empties_no_table_that_is_kept(raw: Engine, table: str) -> None:
    if raw.name != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(IntegrityError):
        run_alone(raw, f"TRUNCATE {table} CASCADE")


def test_the_stations_own_connections_refuse_to_replace_a_certificate(stocked: Ledger) -> None:
    with stocked._database.writing() as connection, pytest.raises(Exception, match="none is ever deleted"):
        connection.exec_driver_sql("REPLACE INTO certificates SELECT * FROM certificates WHERE id = 1")


@pytest.mark.parametrize("triggers", [sqlite_triggers.TRIGGERS_0001, postgresql_triggers.TRIGGERS_0001])
def test_the_database_knows_the_same_moves_as_the_words(triggers: tuple[str, ...]) -> None:
    (moves,) = (one for one in triggers if one.startswith("CREATE TRIGGER certificates_moves"))
    allowed = {f"'{old}>{new}'" for old, news in ALLOWED_MOVES.items() for new in news}

    assert {part.strip(" \n") for part in moves.split("NOT IN (")[1].split(")")[0].split(",")} == allowed


def test_the_state_check_knows_every_state(stocked: Ledger) -> None:
    with stocked._database.reading() as connection:
        query = "SELECT sql FROM sqlite_master WHERE name = 'certificates'"
        stored = str(connection.exec_driver_sql(query).scalar_one())

    assert all(f"'{state.value}'" in stored for state in CertificateState)
