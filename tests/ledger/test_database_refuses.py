"""The database itself refuses what the code never tries, whatever program asks."""

# ruff: noqa: S608  the statements are this file's own

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from station.certificate import ALLOWED_MOVES, CertificateState
from station.ledger import Ledger
from station.verdict import Verdict
from tests.ledger.making import PRODUCT, begin, mac_of

OTHER = mac_of(77)


@pytest.fixture
def raw(stocked: Ledger, data: Path) -> Iterator[sqlite3.Connection]:
    """Another program on the file. Certificate 1 is installed, 2 installing, 3 allocated, 4 void, the others available."""
    for unit in (1, 2, 3, 4):
        run = begin(stocked, unit, lane=unit)
        stocked.allocate(run)
        if unit != 3:
            stocked.begin_installing(run)
        if unit in {1, 4}:
            stocked.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")
    stocked.void(mac_of(4), reason="scrap", operator="Wang")
    with closing(sqlite3.connect(data / "ledger.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection


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
        "INSERT INTO audit_events SELECT NULL, station, 1, at, lane, operator, kind, mac, device_name, batch, data, prev, hash "
        "FROM audit_events WHERE number = 2",
        "REPLACE INTO audit_events SELECT * FROM audit_events WHERE number = 2",
        "INSERT INTO audit_events SELECT NULL, station, 900, at, lane, operator, kind, mac, device_name, batch, data, prev, hash "
        "FROM audit_events WHERE number = 2",
    ],
)  # fmt: skip
def test_it_is_refused(raw: sqlite3.Connection, statement: str) -> None:
    before = list(raw.iterdump())

    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(statement)

    assert list(raw.iterdump()) == before


def test_a_second_live_certificate_for_a_mac_is_refused(raw: sqlite3.Connection) -> None:
    for holder in (1, 2, 3):
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            raw.execute(
                f"UPDATE certificates SET state = 'allocated', mac = '{mac_of(holder)}', run_id = 1 WHERE id = 5"
            )
    raw.execute(f"UPDATE certificates SET state = 'allocated', mac = '{mac_of(4)}', run_id = 4 WHERE id = 5")


def test_a_name_twice_in_a_product_is_refused(raw: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        raw.execute(
            "INSERT INTO certificates (batch_id, position, product_key, device_name, secret_fingerprint, secrets, key_id,"
            f" changed_at) VALUES (1, 99, '{PRODUCT}', 'plug-00005', x'00', '{{}}', 1, 'now')"
        )


def test_the_stations_own_connections_refuse_to_replace_a_certificate(stocked: Ledger) -> None:
    with stocked._database.writing() as connection, pytest.raises(Exception, match="none is ever deleted"):
        connection.exec_driver_sql("REPLACE INTO certificates SELECT * FROM certificates WHERE id = 1")


def test_the_database_knows_the_same_moves_as_the_words(raw: sqlite3.Connection) -> None:
    (text,) = raw.execute("SELECT sql FROM sqlite_master WHERE name = 'certificates_moves'").fetchone()
    allowed = {f"'{old}>{new}'" for old, news in ALLOWED_MOVES.items() for new in news}

    assert {part.strip(" \n)") for part in text.split("NOT IN (")[1].split("BEGIN")[0].split(",")} == allowed


def test_the_state_check_knows_every_state(raw: sqlite3.Connection) -> None:
    (text,) = raw.execute("SELECT sql FROM sqlite_master WHERE name = 'certificates'").fetchone()

    assert all(f"'{state.value}'" in text for state in CertificateState)
