"""Everything that is SQLite's own, in this one file: pragmas, locking, bulk insert, and what its errors mean.

Its triggers' texts stand in `sqlite_triggers`. Sources: sqlite.org/wal.html, /pragma.html, /rescode.html.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from itertools import chain
from pathlib import Path
from typing import Any, Final

import sqlalchemy
from filelock import FileLock, Timeout
from sqlalchemy import Engine, Table, event, text
from sqlalchemy.pool import NullPool, QueuePool

from station.errors import Code, CodedError, InternalFault, LedgerFault
from station.ledger.disk import disk_fault
from station.ledger.fair_lock import FairLock
from station.ledger.log_sync import LogSync
from station.ledger.moved import moved_fault
from station.ledger.processes import FileToken, ProcessToken
from station.ledger.quick import quick
from station.ledger.schema import AUDIT_EVENTS
from station.ledger.sqlite_reading import connect_to_read

BUSY_TIMEOUT_S: Final = 5.0
"""How long a transaction waits for another one, twice. While an import runs it goes on: that one is known to end."""
CACHE_SIZE_KIB: Final = 8 * 1024
"""Page cache of one connection: each lane has one."""
BULK_CACHE_SIZE_KIB: Final = 112 * 1024
"""Page cache while a batch is imported: the indexes of a million certificates are written within it."""

CHECKPOINT_PAGES: Final = 16_000
"""Pages in the write-ahead log at which a commit itself folds them into the file: where lanes leave no pause for it."""
CHECKPOINT_SYNCS: Final = 150
"""So often as this many syncs, about 4000 pages, the log is folded into the file while others write."""
_ROWS_A_STATEMENT: Final = 2000
"""Rows that one statement inserts: while it runs, another thread can make the next ones. SQLite takes 32,766 parameters."""
WAL_KEPT_BYTES: Final = 64 * 1024 * 1024
"""What the write-ahead log's file is cut to after a large import."""
IMPORT_TIMEOUT_S: Final = 600.0
"""How long an import waits for another one."""
IMPORT_LOCK_FILE: Final = "import.lock"
COPY_PAGES: Final = 2000
"""Pages that a backup copies between two words about its progress."""
WRITES: Final = "station_writes"
"""Execution option of a connection whose transaction writes: True when its commit must be on the disk, else False."""
_MOVE_HEAD: Final = quick(
    text(
        "UPDATE audit_heads SET number = :number, hash = :hash WHERE station = :of AND number = :before AND hash = :prev"
    )
)

_APPENDED: Final = tuple(column.name for column in AUDIT_EVENTS.columns if column.name != "id")
_APPEND: Final = quick(
    text(f"INSERT INTO audit_events ({', '.join(_APPENDED)}) VALUES ({', '.join(f':{name}' for name in _APPENDED)})")  # noqa: S608  names of our own schema
)

_MOVE: Final = quick(
    text(
        "UPDATE certificates SET state = :to_state, mac = :to_mac, run_id = :to_run, void_reason = :to_reason,"
        " changed_at = :to_time WHERE id = :of_id AND state = :from_state"
    )
)
_COUNT: Final = quick(
    text(
        "INSERT INTO batch_counts (batch_id, state, station, quantity)"
        " VALUES (:of_batch, :from_state, :of_station, -1), (:of_batch, :to_state, :of_station, 1)"
        " ON CONFLICT (batch_id, state, station) DO UPDATE SET quantity = batch_counts.quantity + excluded.quantity"
    )
)
_SET_CERTIFICATE: Final = quick(text("UPDATE runs SET certificate_id = :of_id WHERE id = :to_run"))


class SqliteDialect:
    """The embedded ledger: one file, WAL, every durable commit on the disk before it is told, and all before it too."""

    name: Final = "sqlite"
    is_shared: Final = False
    secrets_query: Final = "SELECT secrets FROM certificates WHERE id = :certificate"
    move_statements: Final = (_MOVE, _COUNT)
    take_statements: Final = (*move_statements, _SET_CERTIFICATE)

    def __init__(self, file: Path, *, read_only: bool) -> None:
        self.file = file
        self.place: Final = str(file)
        self._read_only = read_only
        self._writing = FairLock()
        self._log_sync = LogSync(file.with_name(f"{file.name}-wal"))
        self._importing_thread: int | None = None
        self._import_lock_file = file.with_name(IMPORT_LOCK_FILE)

    def make_engine(self) -> Engine:
        """An engine whose threads each take a connection of a pool, a new one for each look of a reader; nothing is opened yet."""
        engine = self._make_reader() if self._read_only else self._make_writer()
        event.listen(engine, "begin", self._begin)
        return engine

    def _make_reader(self) -> Engine:
        return sqlalchemy.create_engine(
            "sqlite://",
            poolclass=NullPool,
            hide_parameters=True,
            creator=lambda: connect_to_read(self.file, BUSY_TIMEOUT_S),
        )

    def _make_writer(self) -> Engine:
        engine = sqlalchemy.create_engine(
            sqlalchemy.URL.create("sqlite", database=str(self.file)),
            poolclass=QueuePool,
            pool_size=8,
            pool_use_lifo=True,
            max_overflow=-1,
            hide_parameters=True,
            connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
        )
        event.listen(engine, "connect", _prepare_connection)
        return engine

    def reading(self) -> AbstractContextManager[None]:
        """Nothing is needed: a transaction's first look is its view."""
        return nullcontext()

    @contextmanager
    def writing(self, *, durable: bool, urgent: bool) -> Iterator[None]:
        with self._turn(urgent=urgent):
            yield
        if durable:
            try:
                number = self._log_sync.sync()
            except OSError as error:
                raise disk_fault(error, self.file) from None
            if number % CHECKPOINT_SYNCS == 0:
                self._checkpoint()

    @contextmanager
    def _turn(self, *, urgent: bool) -> Iterator[None]:
        """One writer at a time within this process: threads queue here, urgent ones first, instead of polling the file's lock."""
        may_wait = self._patience()
        while not self._writing.acquire(BUSY_TIMEOUT_S, urgent=urgent):
            if not may_wait():
                raise self._busy()
        try:
            yield
        finally:
            self._writing.release()

    def _checkpoint(self) -> None:
        """Fold the log into the file as far as no reader needs it; what cannot be folded now is folded next time."""
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(self.file, isolation_level=None)) as connection,
        ):
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").close()

    def hold(self, _connection: sqlalchemy.Connection, _subject: str) -> None:
        """Hold nothing more: a transaction that writes has the whole file."""

    def process_token(
        self, _engine: Engine, folder: Path, _translating: Callable[[], AbstractContextManager[None]]
    ) -> ProcessToken:
        """Who is alive holds a lock on a file beside the ledger."""
        return FileToken(folder)

    def insert_new(
        self, connection: sqlalchemy.Connection, table: Table, columns: Sequence[str], rows: list[tuple[object, ...]]
    ) -> int:
        """Insert rows, leaving out those that a unique constraint refuses; give how many went in."""
        marks = f"({','.join('?' * len(columns))})"
        written = 0
        for first in range(0, len(rows), _ROWS_A_STATEMENT):
            part = rows[first : first + _ROWS_A_STATEMENT]
            values = ",".join([marks] * len(part))
            statement = f"INSERT INTO {table.name} ({','.join(columns)}) VALUES {values} ON CONFLICT DO NOTHING"  # noqa: S608  names of our own schema
            written += connection.exec_driver_sql(statement, tuple(chain.from_iterable(part))).rowcount
        return written

    def append_events(
        self, connection: sqlalchemy.Connection, before: tuple[int, str], rows: Sequence[Mapping[str, Any]]
    ) -> bool:
        """Move the head of the rows' chain and append them; False when it does not end with `before`."""
        last = rows[-1]
        head = {"of": last["station"], "before": before[0], "prev": before[1], "number": last["number"]}
        if connection.execute(_MOVE_HEAD, {**head, "hash": last["hash"]}).rowcount != 1:
            return False
        for row in rows:
            connection.execute(_APPEND, row)
        return True

    @contextmanager
    def bulk(self, connection: sqlalchemy.Connection) -> Iterator[None]:
        """Give a large import the memory that it needs, and spare it the checks of columns that it leaves at their defaults."""
        try:
            connection.exec_driver_sql(f"PRAGMA cache_size = -{BULK_CACHE_SIZE_KIB}")
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            yield
        finally:
            if not connection.invalidated:  # else it is closed already, as after Ctrl+C
                connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")
                connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_SIZE_KIB}")

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Stand around an import's transaction: one at a time, and the others know that waiting is worth while."""
        lock = FileLock(self._import_lock_file, timeout=IMPORT_TIMEOUT_S, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise self._busy() from None
        except OSError as error:
            raise disk_fault(error, self.file) from None
        self._importing_thread = threading.get_ident()
        try:
            yield
        finally:
            self._importing_thread = None
            lock.release()

    def after_bulk(self, connection: sqlalchemy.Connection) -> None:
        """Fold a large write-ahead log back into the file, as far as no reader needs it; writers go on meanwhile."""
        connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def copy_to(self, target: Path, progress: Callable[[int, int], None] | None) -> int:
        """Copy the ledger as it is at this moment and look at the copy; lanes go on. `progress` hears pages done and in all."""

        def heard(_status: int, remaining: int, total: int) -> None:
            if progress is not None:
                progress(total - remaining, total)

        with (
            closing(sqlite3.connect(self.file, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as source,
            closing(sqlite3.connect(target, isolation_level=None)) as copy,
        ):
            source.execute("PRAGMA query_only = ON").close()
            # A view that is held open does not begin anew when lanes write (sqlite.org/c3ref/backup_finish.html).
            source.execute("BEGIN").close()
            source.execute("SELECT count(*) FROM alembic_version").fetchone()
            source.backup(copy, pages=COPY_PAGES, progress=heard, sleep=0)
            copy.execute("PRAGMA journal_mode = DELETE").fetchone()
        return check_copy(target)

    def _patience(self) -> Callable[[], bool]:
        """Give a function to ask after each wait in vain: yes while an import runs, and once more in case it just ended."""
        quiet = 0

        def may_wait() -> bool:
            nonlocal quiet
            quiet = 0 if self._import_is_running() else quiet + 1
            return quiet < 2

        return may_wait

    def _import_is_running(self) -> bool:
        """True while another thread or process imports into this ledger."""
        if self._importing_thread == threading.get_ident():
            return False  # the lock is this import's own
        look = FileLock(self._import_lock_file, timeout=0, thread_local=False)
        try:
            look.acquire()
        except Timeout:
            return True
        look.release()
        return False

    def _busy(self) -> LedgerFault:
        code, cause, mend = _BUSY
        return LedgerFault(code, cause, mend, str(self.file))

    def _begin(self, connection: sqlalchemy.Connection) -> None:
        """A transaction that will write takes the file's lock at once: two that read first and write later would deadlock."""
        raw = connection.connection.driver_connection
        if raw is None or WRITES not in connection.get_execution_options():
            connection.exec_driver_sql("BEGIN")
            return
        may_wait = self._patience()
        while True:
            try:
                raw.execute("BEGIN IMMEDIATE").close()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not may_wait():
                    raise
            else:
                return

    def translate(self, error: Exception) -> CodedError:
        """Say what an SQLite or SQLAlchemy error means for the line."""
        original = getattr(error, "orig", None) or error
        place = str(self.file)
        if not isinstance(original, sqlite3.Error):
            return InternalFault(f"the ledger's program failed: {type(original).__name__}")
        code = getattr(original, "sqlite_errorcode", 0)
        known = _MEANINGS.get(code) or _MEANINGS.get(code & 0xFF)
        if isinstance(original, sqlite3.IntegrityError):
            if (moved := moved_fault(str(original))) is not None:
                return moved
            return InternalFault(f"the ledger refused a change that must never happen: {original}")
        if known is None:
            if isinstance(original, sqlite3.DatabaseError) and "no such" in str(original):
                known = _MEANINGS[sqlite3.SQLITE_CORRUPT]
            else:
                return InternalFault(f"the ledger's program failed: {original}")
        if known is _NOT_OPENED and self.file.exists() and not os.access(self.file, os.R_OK):
            known = _NOT_READABLE
        meaning, cause, mend = known
        return LedgerFault(meaning, cause, mend, place)


def check_copy(file: Path) -> int:
    """Look whether a copied ledger is whole, and count its audit events; LedgerFault."""
    with closing(sqlite3.connect(file, isolation_level=None)) as copy:
        (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        stray = copy.execute("PRAGMA foreign_key_check").fetchone()
        (events,) = copy.execute("SELECT count(*) FROM audit_events").fetchone()
    if found != "ok" or stray is not None:
        code, cause, mend = _UNREADABLE
        raise LedgerFault(code, cause, mend, str(file))
    return int(events)


_UNREADABLE = (
    Code.LEDGER_UNREADABLE,
    "the ledger cannot be read: it is damaged or is no ledger",
    "Stop the station, keep the file, and bring back the last backup of the data folder",
)
_BUSY = (
    Code.LEDGER_BUSY,
    "the ledger is held by another program or another lane",
    "Close other programs that use the data folder, or wait until a running import is over, and try again",
)
_NOT_WRITABLE = (
    Code.LEDGER_NOT_WRITABLE,
    "the ledger cannot be written",
    "Give this user the right to write in the data folder and to the files in it",
)
_NOT_OPENED = (
    Code.LEDGER_NOT_WRITABLE,
    "the ledger cannot be opened",
    "Give this user the right to read and write the data folder and the files in it",
)
_NOT_READABLE = (
    Code.LEDGER_UNREADABLE,
    "this user may not read the ledger",
    "Give this user the right to read and write the data folder and the files in it",
)
_DISK_FAILS = (
    Code.LEDGER_UNREADABLE,
    "the disk fails while the ledger is read or written",
    "Stop the station, copy the data folder to another disk, and go on there",
)
_DISK_FULL = (
    Code.DISK_FULL,
    "the disk of the ledger is full",
    "Free some space on the disk of the data folder; nothing was changed",
)
_MEANINGS: Final[dict[int, tuple[Code, str, str]]] = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_PERM: _NOT_WRITABLE,
    sqlite3.SQLITE_AUTH: _NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _NOT_OPENED,
    sqlite3.SQLITE_FULL: _DISK_FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: _DISK_FULL,
    sqlite3.SQLITE_CORRUPT: _UNREADABLE,
    sqlite3.SQLITE_NOTADB: _UNREADABLE,
    sqlite3.SQLITE_IOERR: _DISK_FAILS,
    sqlite3.SQLITE_FORMAT: _UNREADABLE,
}


def _prepare_connection(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN is ours, see _begin
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",  # a commit does not wait for the disk: `LogSync` does, where it must be there
        "foreign_keys = ON",
        "recursive_triggers = ON",
        f"cache_size = -{CACHE_SIZE_KIB}",
        f"journal_size_limit = {WAL_KEPT_BYTES}",
        "secure_delete = ON",  # what was sealed with an old key does not stay in a free page
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
