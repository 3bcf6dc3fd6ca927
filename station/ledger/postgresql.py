"""Everything that is PostgreSQL's own: the factory's ledger on a server, its locks, bulk insert, and what its errors mean.

Sources: postgresql.org/docs/current (explicit-locking, errcodes-appendix, runtime-config-client), psycopg.org/psycopg3/docs.
A row that is written is locked by its transaction alone; what no row stands for is held by an advisory lock of this file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy
from sqlalchemy import Connection, Engine, Table, TextClause, event, text
from sqlalchemy.exc import InvalidatePoolError

from station.errors import CodedError, UsageError
from station.ledger.postgresql_errors import place_of_url, translated
from station.ledger.postgresql_session import SessionToken
from station.ledger.processes import ProcessToken
from station.ledger.quick import DRIVER, quick
from station.ledger.schema import AUDIT_EVENTS

if TYPE_CHECKING:
    from station.ledger.postgresql_prepared import PreparedStatements

CONNECT_TIMEOUT_S: Final = 5
LOCK_TIMEOUT_MS: Final = 30_000
"""How long a statement waits for a row that another transaction holds: an import holds its own station's chain."""
IMPORT_TIMEOUT_MS: Final = 600_000
_LOCK_SPACE: Final = "station-ledger"
"""First half of every advisory lock of a transaction, so that other programs' do not meet ours."""
_WATCHED: Final = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 14_000}
"""A server that fell silent, its cable pulled say, is given up after 14 s, where the system can be told so."""
_PREPARE: Final = (
    f"SET lock_timeout = {LOCK_TIMEOUT_MS};"
    # Else a table's new statistics may let the server plan each take anew, which costs as much as the take.
    "SET plan_cache_mode = force_generic_plan;"
    "SET idle_in_transaction_session_timeout = 60000;"
    # A station whose cable was pulled is given up after 25 s: its locks, and with them its runs, are free then.
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
)


def _moving(also: str = "") -> TextClause:
    """Give the one statement of a move; `also` is done where the certificate `moved`.

    The state is compared as a question of its own, so that the planner never takes the index of those in that state for it. The
    counts are touched in one order always, so that two moves to and fro do not wait for each other.
    """
    return quick(
        text(
            "WITH moved AS (UPDATE certificates SET state = :to_state, mac = :to_mac, run_id = :to_run,"  # noqa: S608  our words
            " void_reason = :to_reason, changed_at = :to_time"
            " WHERE id = :of_id AND state = (SELECT CAST(:from_state AS varchar)) RETURNING id),"
            f" {also} changed (state, quantity) AS (VALUES (:from_state, -1), (:to_state, 1))"
            " INSERT INTO batch_counts (batch_id, state, station, quantity)"
            " SELECT CAST(:of_batch AS integer), changed.state, :of_station, changed.quantity"
            " FROM moved, changed ORDER BY changed.state"
            " ON CONFLICT (batch_id, state, station) DO UPDATE SET quantity = batch_counts.quantity + excluded.quantity"
        )
    )


class PostgresqlDialect:
    """The ledger of a factory: one database for many stations."""

    name: Final = "postgresql"
    is_shared: Final = True
    secrets_query: Final = "SELECT ledger_secrets(:certificate, :run)"
    move_statements: Final = (_moving(),)
    take_statements: Final = (
        _moving("held AS (UPDATE runs SET certificate_id = :of_id FROM moved WHERE runs.id = :to_run),"),
    )

    def __init__(self, url: sqlalchemy.URL, *, read_only: bool) -> None:
        try:
            import psycopg  # noqa: F401, PLC0415  an optional extra, for stations with a factory's ledger
        except ImportError:
            raise UsageError(
                "the program that speaks with a PostgreSQL server is not installed",
                "Run: pip install 'flashing-station[factory]'",
                "--ledger",
            ) from None
        if not url.database and "service" not in url.query:
            raise UsageError(
                "the ledger's address names no database", "Write it as postgresql://user@host/database", "--ledger"
            )
        self._url = url.set(drivername="postgresql+psycopg")
        self._read_only = read_only
        self.place: Final = place_of_url(url)
        self._next = threading.local()

    def make_engine(self) -> Engine:
        """An engine whose threads each take a connection of a pool; nothing is opened yet."""
        engine = sqlalchemy.create_engine(
            self._url,
            pool_size=8,
            pool_use_lifo=True,
            max_overflow=-1,
            hide_parameters=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "station", **_WATCHED},
        )
        event.listen(engine, "connect", self._prepare_connection)
        event.listen(engine, "checkout", self._begin)
        return engine

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The next connection that this thread takes from the pool begins a transaction that is one consistent view."""
        yield from self._beginning(_BEGIN_READING)

    @contextmanager
    def writing(self, *, durable: bool, urgent: bool) -> Iterator[None]:  # noqa: ARG002  the server serves in order of asking
        """The next connection begins one that writes; writers wait for each other's rows in the server, for its disk at the commit.

        A commit that need not be on the disk is synced by the next one that must: the server's log is one for all stations.
        """
        yield from self._beginning(_BEGIN_DURABLE if durable else _BEGIN_QUICK)

    def _beginning(self, commands: tuple[str, ...]) -> Iterator[None]:
        self._next.begin = commands
        try:
            yield
        finally:
            self._next.__dict__.pop("begin", None)

    def hold(self, connection: Connection, subject: str) -> None:
        """Let no other transaction hold the same subject until this one ends."""
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(%s))", (_LOCK_SPACE, subject))

    def insert_new(
        self, connection: Connection, table: Table, columns: Sequence[str], rows: list[tuple[object, ...]]
    ) -> int:
        """Insert rows, leaving out those that a unique constraint refuses; give how many went in."""
        names = ",".join(columns)
        types = [table.c[column].type.compile(dialect=connection.dialect).split("(")[0] for column in columns]
        marks = ",".join(f"%s::{of}[]" for of in types)
        statement = f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({marks}) ON CONFLICT DO NOTHING"  # noqa: S608  names of our own schema
        values = tuple([list(column) for column in zip(*rows, strict=True)])
        return connection.exec_driver_sql(statement, values).rowcount

    def append_events(self, connection: Connection, before: tuple[int, str], rows: Sequence[Mapping[str, Any]]) -> bool:
        """Move the head of the rows' chain and append them, by the hundred; False when it does not end with `before`."""
        for first in range(0, len(rows), _EVENTS_AT_ONCE):
            piece = rows[first : first + _EVENTS_AT_ONCE]
            last = piece[-1]
            head = {"of_number": last["number"], "of_hash": last["hash"], "of": last["station"]}
            ends = {"before_number": before[0], "before_hash": before[1]}
            values = {f"{name}_{index}": row[name] for index, row in enumerate(piece) for name in _APPENDED}
            if connection.execute(_appending(len(piece)), {**head, **ends, **values}).rowcount == 0:
                return False  # the first piece: from then on the head is held
            before = last["number"], last["hash"]
        return True

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Imports queue in `bulk`, within their transactions."""
        yield

    @contextmanager
    def bulk(self, connection: Connection) -> Iterator[None]:
        """One import at a time in the whole factory."""
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {IMPORT_TIMEOUT_MS}")
        self.hold(connection, "import")
        yield

    def after_bulk(self, connection: Connection) -> None:
        """Let the planner know how many certificates there are now; a login that may not is merely warned by the server."""
        connection.exec_driver_sql("ANALYZE certificates")

    def copy_to(self, _target: Path, _progress: Callable[[int, int], None] | None) -> int:
        """A server's copy is its own tools' work; UsageError."""
        raise UsageError(
            "the factory's ledger is on a PostgreSQL server, which this command does not copy",
            "Back it up there, with pg_dump or with pg_basebackup and its WAL archive",
            self.place,
        )

    def process_token(
        self, engine: Engine, _folder: Path, translating: Callable[[], AbstractContextManager[None]]
    ) -> ProcessToken:
        """Who is alive holds a session on the server."""
        return SessionToken(engine, translating)

    def translate(self, error: Exception) -> CodedError:
        """Say what a PostgreSQL or SQLAlchemy error means for the line."""
        return translated(error, self.place, read_only=self._read_only)

    def _prepare_connection(self, connection: Any, record: Any) -> None:
        connection.autocommit = True
        connection.prepare_threshold = None  # it would deallocate ours too when it lets go of its own
        connection.execute(_PREPARE)
        if self._read_only:
            connection.execute("SET default_transaction_read_only = on")
        from station.ledger.postgresql_prepared import PreparedStatements  # noqa: PLC0415  an optional extra

        record.info[DRIVER] = statements = PreparedStatements(connection)
        connection.cursor_factory = statements.settled(connection.cursor_factory)
        connection.server_cursor_factory = statements.settled(connection.server_cursor_factory)

    def _begin(self, connection: Any, record: Any, _proxy: Any) -> None:
        """Begin the transaction, which also tells whether the connection still lives: one question for both."""
        import psycopg  # noqa: PLC0415  an optional extra

        commands: tuple[str, ...] = self._next.__dict__.get("begin", ())
        statements: PreparedStatements = record.info[DRIVER]
        try:
            connection.autocommit = True  # else the library would ask a BEGIN of its own
            statements.begin(*commands)
        except psycopg.OperationalError as error:
            raise InvalidatePoolError from error  # the pool asks again with a new connection, which has to begin too
        self._next.__dict__.pop("begin", None)


_APPENDED: Final = {
    column.name: column.type.compile().split("(")[0]
    for column in AUDIT_EVENTS.columns
    if column.name not in {"id", "station"}
}
"""Columns that differ from one event of a station to the next, with their types."""


_EVENTS_AT_ONCE: Final = 100
"""A statement takes 65 535 values at most, and an accepted gap is told in thousands of events."""


@cache
def _appending(count: int) -> TextClause:
    """Give the statement that appends so many events."""
    rows = (
        f"({', '.join(f'CAST(:{name}_{index} AS {of})' for name, of in _APPENDED.items())})" for index in range(count)
    )
    return quick(
        text(
            "WITH moved AS (UPDATE audit_heads SET number = :of_number, hash = :of_hash"  # noqa: S608  names of our own schema
            " WHERE station = :of AND number = :before_number AND hash = :before_hash RETURNING station)"
            f" INSERT INTO audit_events (station, {', '.join(_APPENDED)})"
            f" SELECT moved.station, added.* FROM moved, (VALUES {', '.join(rows)}) AS added"
        )
    )


_BEGIN_READING: Final = ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SET LOCAL plan_cache_mode = auto")
_BEGIN_DURABLE: Final = ("BEGIN",)
_BEGIN_QUICK: Final = ("BEGIN", "SET LOCAL synchronous_commit = off")
