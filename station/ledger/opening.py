"""Opens the data folder: ledger, key and station name; makes them at the first start, once, whoever starts first."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import SQLAlchemyError

from station.errors import Code, LedgerFault, Why
from station.ledger.audit import Trail, iso_utc
from station.ledger.database import Database, Dialect, choose_dialect
from station.ledger.disk import disk_fault, write_synced
from station.ledger.event_kind import EventKind
from station.ledger.head_record import HeadRecord
from station.ledger.key_ring import KeyRing
from station.ledger.key_source import KeySource
from station.ledger.key_sources import KEY_FILE, AskPassphrase, nobody_to_ask
from station.ledger.migrating import migrate, require_not_newer, stored_revision
from station.ledger.moved import require_at_home
from station.ledger.revisions import HEAD
from station.ledger.schema import LEDGER_KEYS, LEDGER_META
from station.ledger.secret_box import SecretBox, make_key, new_key, read_key
from station.ledger.sqlite_reading import LEDGER_FILE
from station.ledger.station_name import station_name

ID_FILE: Final = "ledger.id"
"""The sign that a ledger was made here once, so that a lost one is not taken for a first start."""
FACTORY_ID_FILE: Final = "factory.id"
"""The same for a factory's ledger that this station works with."""
_LOCK_FILE: Final = "first-start.lock"
_FIRST_START_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Opened:
    """What a `Ledger` works with."""

    data: Path
    database: Database
    keys: KeyRing
    station: str


def open_data_folder(
    data: Path, url: str | None, clock: Callable[[], datetime], *, read_only: bool, ask: AskPassphrase = nobody_to_ask
) -> Opened:
    """Open the ledger of a data folder, at its first start make it; LedgerFault, UsageError.

    `ask` is called when the ledger is opened with a passphrase.
    """
    dialect = choose_dialect(url, data / LEDGER_FILE, read_only=read_only)
    try:
        if not read_only:
            data.mkdir(parents=True, exist_ok=True)
        elif _must_be_made(data, dialect):
            raise _nothing_here(data)
        opened = _open_existing(data, dialect, ask)
        if opened is None:
            if read_only:
                raise _is_older(data, dialect)
            with FileLock(data / _LOCK_FILE, timeout=_FIRST_START_TIMEOUT_S, thread_local=False):
                opened = _open_existing(data, dialect, ask) or _make(data, dialect, clock, ask)
    except Timeout:
        raise LedgerFault(
            Code.LEDGER_BUSY,
            "another program has been making or updating the ledger for a minute",
            "Close it and start again",
            str(data),
            why=Why.MAKING,
        ) from None
    except OSError as error:
        raise disk_fault(error, data) from None
    return opened


def open_to_read(data: Path, url: str | None) -> Database:
    """Open a ledger to look at what is no secret, without its key and without making anything; LedgerFault, UsageError."""
    dialect = choose_dialect(url, data / LEDGER_FILE, read_only=True)
    if _must_be_made(data, dialect):
        raise _nothing_here(data)
    database = Database(dialect)
    try:
        with database.reading() as connection:
            _require_current(stored_revision(connection), data, dialect)
    except BaseException as error:
        database.close()
        _tell_place(error, dialect)
        raise
    return database


def _require_current(revision: str | None, data: Path, dialect: Dialect) -> None:
    require_not_newer(revision)
    if revision is None:
        raise _nothing_here(data)
    if revision != HEAD:
        raise _is_older(data, dialect)


def _must_be_made(data: Path, dialect: Dialect) -> bool:
    """True for an embedded ledger without a file: looking inside would make an empty one."""
    file = getattr(dialect, "file", None)
    if file is None or (file.exists() and file.stat().st_size > 0):
        return False
    if file == data / LEDGER_FILE and (data / ID_FILE).exists():
        raise LedgerFault(
            Code.LEDGER_UNREADABLE,
            "the ledger of this data folder is gone: a new one would hand out used certificates again",
            "Bring the ledger back from its backup, or begin in another folder with --data",
            str(file),
            why=Why.GONE,
        )
    return True


def _open_existing(data: Path, dialect: Dialect, ask: AskPassphrase) -> Opened | None:
    """Open a ledger whose schema is this program's; None when it has to be made or updated first."""
    if _must_be_made(data, dialect):
        return None
    database = Database(dialect)
    try:
        with database.reading() as connection:
            revision = stored_revision(connection)
            require_not_newer(revision)
            _require_not_gone(data, dialect, revision)
            if revision is not None:
                require_at_home(ledger_meta(connection))
            keys = _keys_of(connection, data, ask) if revision == HEAD else None
        if keys is None:
            database.close()
            return None
        if dialect.is_shared and not (data / FACTORY_ID_FILE).exists():
            write_synced(data / FACTORY_ID_FILE, keys.ledger_id + "\n")
        return Opened(data, database, keys, station_name(data))
    except BaseException as error:
        database.close()
        _tell_place(error, dialect)
        raise


def _make(data: Path, dialect: Dialect, clock: Callable[[], datetime], ask: AskPassphrase) -> Opened:
    """Make or update the ledger; the caller holds the first-start lock. The key is on the disk before the ledger is."""
    database = Database(dialect)
    try:
        station = station_name(data)
        with database.writing() as connection:
            dialect.hold(connection, "schema")
            revision = stored_revision(connection)
            require_not_newer(revision)
            _migrate(connection, data, dialect)
            if revision is None:
                ledger_id = uuid.uuid4().hex
                key_file = data / (f"ledger-{ledger_id[:8]}.key" if dialect.is_shared else KEY_FILE)
                if not key_file.exists():
                    make_key(key_file)
                box = SecretBox(read_key(key_file), str(key_file))
                _fill_new(connection, dialect, box, ledger_id, key_file.name, station, iso_utc(clock()))
            keys = _keys_of(connection, data, ask)
            if revision is None:
                HeadRecord(data, keys.ledger_id).begin()  # before the commit: a ledger without one is taken for a copy
        opened = Opened(data, database, keys, station)
        write_synced(data / (FACTORY_ID_FILE if dialect.is_shared else ID_FILE), keys.ledger_id + "\n")
        return opened  # noqa: TRY300  the except below closes what an `else` would leave open
    except BaseException as error:
        database.close()
        _tell_place(error, dialect)
        raise


def _migrate(connection: Connection, data: Path, dialect: Dialect) -> None:
    try:
        migrate(connection)
    except SQLAlchemyError as error:
        if dialect.is_shared and dialect.translate(error).code is Code.LEDGER_NOT_WRITABLE:
            raise _is_older(data, dialect) from None
        raise


def _tell_place(error: BaseException, dialect: Dialect) -> None:
    if isinstance(error, LedgerFault) and not error.place:
        error.place = dialect.place


def _fill_new(
    connection: Connection, dialect: Dialect, box: SecretBox, ledger_id: str, key_name: str, station: str, now: str
) -> None:
    values = {"ledger_id": ledger_id, "created_at": now}
    connection.execute(insert(LEDGER_META), [{"key": key, "value": value} for key, value in values.items()])
    connection.execute(
        insert(LEDGER_KEYS).values(
            id=1,
            source=KeySource.FILE.value,
            parameters=json.dumps({"name": key_name}),
            key_check=box.key_check(ledger_id),
            fingerprint_key=box.seal_key(ledger_id, "fingerprint_key", new_key()),
            made_at=now,
        )
    )
    trail = Trail(connection, dialect, station, now)
    trail.append(EventKind.LEDGER_CREATED, data={"ledger_id": ledger_id})
    trail.close()


def ledger_meta(connection: Connection) -> dict[str, str]:
    """Give what a ledger says about itself, by key."""
    return {row.key: row.value for row in connection.execute(select(LEDGER_META.c.key, LEDGER_META.c.value))}


def _keys_of(connection: Connection, data: Path, ask: AskPassphrase) -> KeyRing:
    return KeyRing.opened(connection, data, ledger_meta(connection).get("ledger_id", ""), ask)


def _require_not_gone(data: Path, dialect: Dialect, revision: str | None) -> None:
    if revision is None and dialect.is_shared and (data / FACTORY_ID_FILE).exists():
        raise LedgerFault(
            Code.LEDGER_UNREADABLE,
            "the factory's ledger is gone: a new one would hand out used certificates again",
            f"Bring its database back from its backup. To begin another ledger, remove {FACTORY_ID_FILE} from the data folder",
            dialect.place,
            why=Why.GONE,
        )


def _nothing_here(data: Path) -> LedgerFault:
    return LedgerFault(
        Code.LEDGER_UNREADABLE,
        "there is no ledger here yet",
        "Import a batch first, or name the right data folder with --data",
        str(data),
        why=Why.NOTHING_HERE,
    )


def _is_older(data: Path, dialect: Dialect) -> LedgerFault:
    if dialect.is_shared:
        return LedgerFault(
            Code.LEDGER_NOT_WRITABLE,
            "the ledger's tables are not there yet, or those of an older station, and only their owner makes and updates them",
            "Do it with the owner's login in the owner's data folder: station batch list, then station ledger roles --apply",
            dialect.place,
        )
    return LedgerFault(
        Code.LEDGER_NOT_WRITABLE,
        "the ledger was made by an older station and must be updated first",
        "Start the station once with the right to write in the data folder",
        str(data),
    )
