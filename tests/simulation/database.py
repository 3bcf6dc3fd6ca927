"""SQLite's driver with a point at every call: the connection and cursor that the ledger's engine gets in a simulation."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from sqlalchemy import Dialect, Engine, event

from station.ledger.sqlite import SqliteDialect
from tests.simulation.plan import FaultKind, Place

if TYPE_CHECKING:
    from tests.simulation.world import World

BUSY_TIMEOUT_S: Final = 5.0
_COMPILED: Final[dict[Any, Any]] = {}
_shared_dialect: list[Dialect] = []
_FAILURES: Final = {
    FaultKind.BUSY: (sqlite3.SQLITE_BUSY, "database is locked"),
    FaultKind.READ_ONLY: (sqlite3.SQLITE_READONLY, "attempt to write a readonly database"),
    FaultKind.DISK_FULL: (sqlite3.SQLITE_FULL, "database or disk is full"),
    FaultKind.DISK_ERROR: (sqlite3.SQLITE_IOERR, "disk I/O error"),
}


def sqlite_failure(kind: FaultKind) -> sqlite3.OperationalError:
    """Give the error that SQLite raises for a failing disk or a held file."""
    code, text = _FAILURES[kind]
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


@contextmanager
def simulated_driver(world: World) -> Iterator[None]:
    """Let every engine that is made meanwhile connect through this file."""

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *given: Any) -> Cursor:
            _statement(world, sql)
            super().execute(sql, *given)
            return self

        def executemany(self, sql: str, *given: Any) -> Cursor:
            _statement(world, sql)
            super().executemany(sql, *given)
            return self

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> Any:
            return super().cursor(Cursor)

        def execute(self, sql: str, *given: Any) -> sqlite3.Cursor:
            if sql == "BEGIN IMMEDIATE":
                _statement(world, sql)
                self._wait_for_the_file()
                return super().cursor()
            return super().execute(sql, *given)

        def _wait_for_the_file(self) -> None:
            """What SQLite's busy handler does, in simulated time."""
            deadline = world.scheduler.now_s + BUSY_TIMEOUT_S
            while True:
                try:
                    super().execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as error:
                    busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not busy or world.scheduler.now_s >= deadline or world.scheduler.current is None:
                        raise
                    world.scheduler.sleep(0.02)
                else:
                    return

        def commit(self) -> None:
            if not self.in_transaction:
                return
            fault = world.point(Place.COMMIT, "commit")
            if fault in _FAILURES:
                raise sqlite_failure(fault)
            world.commit(super().commit, self)

    def connect(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        parameters |= {"factory": Connection, "timeout": 0.0}

    event.listen(Engine, "do_connect", connect)
    try:
        with patch.object(SqliteDialect, "make_engine", _engine_of_compiled_statements):
            yield
    finally:
        event.remove(Engine, "do_connect", connect)


_make_engine: Final = SqliteDialect.make_engine


def _engine_of_compiled_statements(dialect: SqliteDialect) -> Engine:
    """Make the ledger's engine; it takes statements that an earlier process's engine has compiled, a fifth of all time.

    A compiled statement is found by its dialect (docs.sqlalchemy.org, "Using a Dictionary to Cache"), so all share one.
    """
    engine = _make_engine(dialect)
    if not _shared_dialect:
        _shared_dialect.append(engine.dialect)
    engine.dialect = _shared_dialect[0]
    engine.update_execution_options(compiled_cache=_COMPILED)
    return engine


def _statement(world: World, sql: str) -> None:
    fault = world.point(Place.DATABASE, sql.split(None, 1)[0].lower())
    if fault in _FAILURES:
        raise sqlite_failure(fault)
