"""Statements that are prepared on a server's connection: what comes back is what psycopg would have given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from station.ledger.postgresql_prepared import PreparedStatements

_OF_EVERY_KIND = (
    "SELECT %(number)s::integer AS number, %(word)s::text AS word, %(nothing)s::text AS nothing, %(octets)s::bytea AS octets,"
    " %(word)s::text LIKE '1%%' AS is_one"
)


@pytest.fixture
def connection(factory: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(factory, autocommit=True, prepare_threshold=None) as opened:
        yield opened


def test_values_come_back_as_the_library_gives_them(connection: psycopg.Connection[Any]) -> None:
    given: dict[str, Any] = {"number": 70_000, "word": "1 % 二", "nothing": None, "octets": b"\x00\xff"}
    cursor = connection.execute(_OF_EVERY_KIND, given)
    expected = cursor.fetchall()
    statements = PreparedStatements(connection)
    for _ in range(2):
        columns, rows, count = statements.execute(_OF_EVERY_KIND, given)
        assert list(columns) == [column.name for column in cursor.description or ()]
        assert (list(rows), count) == (expected, 1)


def test_a_change_tells_how_many_rows_it_changed(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE numbers (id integer PRIMARY KEY)")
    statements = PreparedStatements(connection)
    add = "INSERT INTO numbers SELECT generate_series(1, %(many)s::integer)"
    assert statements.execute(add, {"many": 3}) == ((), (), 3)
    with pytest.raises(psycopg.errors.UniqueViolation):
        statements.execute(add, {"many": 1})
    assert statements.execute("DELETE FROM numbers WHERE id > %(over)s", {"over": 1})[2] == 2


def test_a_statement_stays_prepared_when_a_transaction_is_rolled_back(connection: psycopg.Connection[Any]) -> None:
    statements = PreparedStatements(connection)
    for number in range(8):
        statements.tell(b"BEGIN")
        assert statements.execute("SELECT %(number)s::integer", {"number": number})[1] == [(number,)]
        connection.execute("SELECT 1")
        connection.rollback()


def test_a_connection_that_was_cut_is_told_as_lost(connection: psycopg.Connection[Any], factory: str) -> None:
    statements = PreparedStatements(connection)
    with psycopg.connect(factory, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
    for command in (b"", b"BEGIN"):
        with pytest.raises(psycopg.OperationalError):
            statements.tell(command)
    assert connection.broken
