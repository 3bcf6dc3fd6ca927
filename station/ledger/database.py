"""The only door to the database: transactions, and the one place where its errors become the ledger's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Error as SqliteError
from typing import Any, Final, Protocol, TypeAlias

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, Table, TextClause
from sqlalchemy.exc import SQLAlchemyError

from station.errors import CodedError, UsageError
from station.ledger.processes import ProcessToken
from station.ledger.quick import QuickConnection
from station.ledger.sqlite import WRITES, SqliteDialect

_LOOPBACK: Final = ("", "localhost", "127.0.0.1", "::1")


class Dialect(Protocol):
    """What differs from one database to the next."""

    @property
    def name(self) -> str: ...

    @property
    def is_shared(self) -> bool:
        """True for a server that many stations use, false for a file of the data folder."""

    @property
    def place(self) -> str:
        """Where the database is, for people."""

    @property
    def secrets_query(self) -> str:
        """The one way to a `:certificate`'s sealed secrets, for a `:run` that holds it."""

    @property
    def move_statements(self) -> Sequence[TextClause]:
        """What moves a certificate `of_id` and keeps its batch's counts; the first one touches no row when it cannot be moved."""

    @property
    def take_statements(self) -> Sequence[TextClause]:
        """The same for one that its run `to_run` takes: it is written into the run too."""

    def make_engine(self) -> Engine: ...

    def reading(self) -> AbstractContextManager[None]:
        """Stand around a transaction that is one consistent view."""

    def writing(self, *, durable: bool, urgent: bool) -> AbstractContextManager[None]: ...

    def hold(self, connection: Connection, subject: str) -> None:
        """Let no other transaction hold the same subject until this one ends."""

    def process_token(
        self, engine: Engine, folder: Path, translating: Callable[[], AbstractContextManager[None]]
    ) -> ProcessToken: ...

    def insert_new(
        self, connection: Connection, table: Table, columns: Sequence[str], rows: list[tuple[object, ...]]
    ) -> int: ...

    def append_events(self, connection: Connection, before: tuple[int, str], rows: Sequence[Mapping[str, Any]]) -> bool:
        """Append audit events and move their chain's head; False, and nothing is done, when it does not end with `before`."""

    def importing(self) -> AbstractContextManager[None]: ...

    def bulk(self, connection: Connection) -> AbstractContextManager[None]: ...

    def after_bulk(self, connection: Connection) -> None: ...

    def copy_to(self, target: Path, progress: Callable[[int, int], None] | None) -> int:
        """Copy all of it to a file, look whether the copy is whole, and give how many audit events it has."""

    def translate(self, error: Exception) -> CodedError: ...


def choose_dialect(url: str | None, default_file: Path, *, read_only: bool) -> Dialect:
    """Give the dialect that a URL names; without one, SQLite in `default_file`. UsageError when there is none."""
    if url is None:
        return SqliteDialect(default_file, read_only=read_only)
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return SqliteDialect(Path(parsed.database), read_only=read_only)
    if parsed.get_backend_name() == "postgresql":
        from station.ledger.postgresql import PostgresqlDialect  # noqa: PLC0415  only a factory's stations need it

        return PostgresqlDialect(parsed, read_only=read_only)
    raise UsageError(
        f"ledgers on {parsed.get_backend_name()!r} are not known to this program",
        "Write it as postgresql://user@host/database, or leave it away to use the ledger of the data folder",
        "--ledger",
    )


@dataclass(frozen=True, slots=True)
class Server:
    """Where a factory's ledger is, and how safe the way there is: `is_here` on this PC, `is_verified` no other can pretend."""

    place: str
    is_here: bool
    is_encrypted: bool
    is_verified: bool


def server_of(url: str) -> Server:
    """Read an address without connecting; UsageError."""
    parsed = _parsed(url)
    host = str(parsed.query.get("host") or parsed.host or "")
    mode = str(parsed.query.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer")
    is_here = parsed.get_backend_name() == "sqlite" or host in _LOOPBACK or host.startswith("/")
    place = f"{host or 'this PC'}/{parsed.database or ''}"
    return Server(place, is_here, mode in {"require", "verify-ca", "verify-full"}, mode == "verify-full")


def _parsed(url: str) -> URL:
    try:
        return sqlalchemy.make_url(url)
    except (SQLAlchemyError, ValueError):
        raise UsageError(
            "the ledger's address is no database URL", "Write it as postgresql://user@host/database", "--ledger"
        ) from None


Then: TypeAlias = Callable[[QuickConnection], None]
"""What is asked on a transaction's connection when all else is done."""
Transactions: TypeAlias = Callable[[], AbstractContextManager[Connection]]
"""How a part of the ledger begins a transaction that reads, or one that writes what is no part of the record."""


class Database:
    """Transactions over one engine. Threads may share it; each transaction has a connection of its own."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        with self.translated():
            self._engine = dialect.make_engine()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view of the database while the block lasts; LedgerFault."""
        with self.dialect.reading(), self.translated(), QuickConnection(self._engine) as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(
        self, *, durable: bool = True, urgent: bool = False, then: Then | None = None
    ) -> Iterator[QuickConnection]:
        """One transaction that writes: committed when the block ends, rolled back when it raises; LedgerFault.

        `durable`: it is on the disk when the block has ended, and all that was committed before it. Otherwise a power cut may
        take it back, with all that was committed after it; a kill takes nothing. `urgent`: it goes before others that wait.
        `then` asks what is to be asked last, before another thread has its turn. In a file that is before the commit: what it
        raises takes all back. A server is asked for it together with the commit, after it: what it raises takes nothing back.
        """
        with (
            self.dialect.writing(durable=durable, urgent=urgent),
            self.translated(),
            QuickConnection(self._engine) as connection,
        ):
            connection.execution_options(**{WRITES: durable})
            with connection.begin():
                yield connection
                if then is None:
                    connection.settle()
                else:
                    connection.commit_with_next()
                    then(connection)

    @contextmanager
    def outside_transaction(self) -> Iterator[Connection]:
        """A connection for what must not stand in a transaction."""
        with self.translated(), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the database's errors into CodedErrors; others pass."""
        try:
            yield
        except (SQLAlchemyError, SqliteError) as error:
            raise self.dialect.translate(error) from None

    def process_token(self, folder: Path) -> ProcessToken:
        """Give the sign of life of this process; one that is a file stands in `folder`."""
        return self.dialect.process_token(self._engine, folder, self.translated)

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()
