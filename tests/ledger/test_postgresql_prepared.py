"""Statements that are prepared on a server's connection: what comes back is what psycopg would have given."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from unittest.mock import Mock

import psycopg
import pytest

from station.ledger.postgresql_prepared import PreparedStatements
from tests.waiting import wait_until

_OF_EVERY_KIND = (
    "SELECT %(number)s::integer AS number, %(word)s::text AS word, %(nothing)s::text AS nothing, %(octets)s::bytea AS octets,"
    " %(word)s::text LIKE '1%%' AS is_one"
)
_WAITS_FOR_A_LOCK: Final = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"
_OCTETS: Final = 8 << 20
"""More than the buffers of a socket's two ends take."""


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
        statements.begin("BEGIN")
        assert statements.execute("SELECT %(number)s::integer", {"number": number})[1] == [(number,)]
        connection.execute("SELECT 1")
        connection.rollback()


def test_what_waits_is_executed_in_the_order_of_asking_and_each_answer_is_heard(
    connection: psycopg.Connection[Any],
) -> None:
    statements = PreparedStatements(connection)
    heard: list[Any] = []
    statements.begin("BEGIN", "SET LOCAL synchronous_commit = off")
    statements.execute_later("CREATE TABLE numbers (id integer PRIMARY KEY)", {}, heard.append)
    assert heard == []
    assert statements.execute("SELECT %(number)s::integer AS number", {"number": 7}) == (("number",), [(7,)], 1)
    statements.execute_later("INSERT INTO numbers SELECT generate_series(1, %(many)s)", {"many": 2}, heard.append)
    statements.commit_with_next()
    last = statements.execute("SELECT pg_current_xact_id_if_assigned() IS NULL, count(*) FROM numbers", {})
    assert heard == [((), (), 0), ((), (), 2)]
    assert last[1] == [(True, 2)]
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_nothing_after_a_refused_statement_is_done_and_the_connection_is_good_for_the_next(
    connection: psycopg.Connection[Any],
) -> None:
    statements = PreparedStatements(connection)
    connection.execute("CREATE TABLE numbers (id integer PRIMARY KEY)")
    heard: list[Any] = []
    statements.begin("BEGIN")
    statements.execute_later("INSERT INTO numbers VALUES (%(id)s)", {"id": 1}, None)
    statements.execute_later("INSERT INTO numbers VALUES (%(id)s)", {"id": 1}, None)
    statements.commit_with_next()
    statements.execute_later("SELECT 2", {}, heard.append)
    with pytest.raises(psycopg.errors.UniqueViolation):
        statements.execute("SELECT 1", {})
    assert heard == []
    connection.rollback()
    statements.begin("BEGIN")
    assert statements.execute("SELECT count(*) FROM numbers", {})[1] == [(0,)]
    connection.rollback()


def test_what_is_heard_can_still_refuse_the_commit(connection: psycopg.Connection[Any]) -> None:
    statements = PreparedStatements(connection)
    connection.execute("CREATE TABLE numbers (id integer PRIMARY KEY)")
    statements.begin("BEGIN")
    statements.execute_later("INSERT INTO numbers VALUES (%(id)s)", {"id": 1}, Mock(side_effect=ZeroDivisionError))
    with pytest.raises(ZeroDivisionError):
        statements.commit_with_next()
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM numbers").fetchone() == (0,)


def test_the_librarys_own_cursors_come_after_what_waits(connection: psycopg.Connection[Any]) -> None:
    statements = PreparedStatements(connection)
    connection.cursor_factory = statements.settled(connection.cursor_factory)  # type: ignore[assignment]  # any maker will do
    statements.begin("BEGIN", "SET LOCAL synchronous_commit = off")
    assert connection.execute("SHOW synchronous_commit").fetchall() == [("off",)]
    connection.commit()


def test_a_transaction_in_which_nothing_is_done_is_not_begun(connection: psycopg.Connection[Any]) -> None:
    statements = PreparedStatements(connection)
    statements.begin("BEGIN")
    statements.settle()
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_a_connection_that_was_cut_is_told_as_lost(connection: psycopg.Connection[Any], factory: str) -> None:
    statements = PreparedStatements(connection)
    _cut(connection, factory)
    for commands in ((), ("BEGIN",)):
        with pytest.raises(psycopg.OperationalError):
            statements.begin(*commands)
    assert connection.broken


def test_a_connection_that_is_cut_before_a_flight_is_told_as_lost(
    connection: psycopg.Connection[Any], factory: str
) -> None:
    statements = PreparedStatements(connection)
    statements.begin("BEGIN")
    _cut(connection, factory)
    with pytest.raises(psycopg.OperationalError):
        statements.execute("SELECT 1", {})
    assert connection.broken


def test_other_threads_go_on_while_a_flight_waits_for_the_server(
    connection: psycopg.Connection[Any], factory: str
) -> None:
    statements = PreparedStatements(connection)
    connection.execute("SET lock_timeout = '20s'")  # ends a flight that lets nobody unlock
    with psycopg.connect(factory, autocommit=True) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT pg_advisory_lock(7)")
        statements.begin("BEGIN")
        flight = pool.submit(statements.execute, "SELECT 7 FROM pg_advisory_xact_lock(7)", {})
        wait_until(lambda: other.execute(_WAITS_FOR_A_LOCK, (connection.info.backend_pid,)).fetchone() == (True,))
        other.execute("SELECT pg_advisory_unlock(7)")
        assert flight.result(timeout=20)[1] == [(7,)]
    connection.rollback()


def test_a_flight_that_the_socket_does_not_take_at_once_is_sent_to_its_end(
    connection: psycopg.Connection[Any], factory: str
) -> None:
    statements = PreparedStatements(connection)
    statements.begin("BEGIN")
    with ThreadPoolExecutor(1) as pool:
        flight = pool.submit(statements.execute, "SELECT length(%(word)s::text)", {"word": "x" * _OCTETS})
        try:
            assert flight.result(timeout=20)[1] == [(_OCTETS,)]
        except TimeoutError:
            _cut(connection, factory)
            raise
    connection.rollback()


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, MemoryError])
def test_a_connection_whose_flight_is_broken_off_is_lost(
    interrupt: type[BaseException], connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = PreparedStatements(connection)
    monkeypatch.setattr(statements, "_next_result", Mock(side_effect=interrupt))
    statements.begin("BEGIN")
    with pytest.raises(interrupt):
        statements.execute("SELECT 1", {})
    assert connection.broken


def _cut(connection: psycopg.Connection[Any], factory: str) -> None:
    pid = connection.info.backend_pid
    with psycopg.connect(factory, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 20000)", (pid,))  # waits for its end
