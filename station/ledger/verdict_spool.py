"""Verdicts that the factory's server could not take, kept in the data folder until it does; each is there once.

An entry is all that a run's end would have written: the steps that were not recorded, and the verdict. It holds no secret, as the
audit log holds none, and names its run by number and process, so that it never ends a run of another life of the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    inspect,
    select,
)

from station.errors import Code, LedgerFault, Why
from station.ledger.audit import canonical_json
from station.ledger.database import Database
from station.ledger.disk import disk_fault
from station.ledger.owner_only import sync_folder
from station.ledger.records import StepRecord, VerdictRecord
from station.ledger.sqlite import SqliteDialect
from station.verdict import Step, StepState, Verdict

SPOOL_FILE: Final = "verdicts.sqlite3"
LOCK_FILE: Final = "verdicts.lock"
LOCK_TIMEOUT_S: Final = 30.0
"""How long a process of this data folder waits for another one that empties the spool."""

_KEPT: Final = Table(
    "kept_verdicts",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("ledger_id", String(40), nullable=False),
    Column("process", String(40), nullable=False),
    Column("run_id", Integer, nullable=False),
    Column("at", String(30), nullable=False),
    Column("content", Text, nullable=False),
    UniqueConstraint("ledger_id", "process", "run_id", name="one_verdict_of_a_run"),
)


@dataclass(frozen=True, slots=True)
class KeptVerdict:
    """A run's end: of which run of which process, when (ISO 8601, UTC), the steps that the ledger may not have, the verdict."""

    process: str
    run_id: int
    at: str
    steps: tuple[StepRecord, ...]
    verdict: VerdictRecord


class VerdictSpool:
    """One ledger's kept verdicts in one data folder; processes may share it. Each call may raise LedgerFault.

    The file is made with the first verdict; what was kept is on the disk when `keep` returns.
    """

    def __init__(self, data: Path, ledger_id: str = "") -> None:
        self._file = data / SPOOL_FILE
        self._lock_file = data / LOCK_FILE
        self._ledger_id = ledger_id
        self._opened: Database | None = None

    def keep(self, kept: KeptVerdict) -> None:
        """Write a verdict down; the same run's again changes nothing."""
        row = {"ledger_id": self._ledger_id, "process": kept.process, "run_id": kept.run_id, "at": kept.at}
        content = canonical_json({"steps": [_plain(step) for step in kept.steps], "verdict": _plain(kept.verdict)})
        with self._made().writing() as connection:
            connection.execute(insert(_KEPT).prefix_with("OR IGNORE"), {**row, "content": content})

    def oldest(self) -> tuple[int, KeptVerdict] | None:
        """Give the verdict that was kept first, with its number here; None when there is none."""
        if (database := self._existing()) is None:
            return None
        with database.reading() as connection:
            row = connection.execute(
                select(_KEPT).where(_KEPT.c.ledger_id == self._ledger_id).order_by(_KEPT.c.id).limit(1)
            ).first()
        return None if row is None else (row.id, _kept(row))

    def all(self) -> list[KeptVerdict]:
        """Give all that is kept in the data folder, of whatever ledger, oldest first."""
        if (database := self._existing()) is None:
            return []
        with database.reading() as connection:
            return [_kept(row) for row in connection.execute(select(_KEPT).order_by(_KEPT.c.id))]

    def remove(self, number: int) -> None:
        """Forget a verdict that the ledger has."""
        with self._made().writing() as connection:
            connection.execute(delete(_KEPT).where(_KEPT.c.id == number))

    def __len__(self) -> int:
        if (database := self._existing()) is None:
            return 0
        with database.reading() as connection:
            count = select(func.count()).where(_KEPT.c.ledger_id == self._ledger_id)
            return int(connection.execute(count).scalar_one())

    @contextmanager
    def emptying(self) -> Iterator[None]:
        """One process at a time; LedgerFault when another one is at it for too long."""
        lock = FileLock(self._lock_file, timeout=LOCK_TIMEOUT_S, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise LedgerFault(
                Code.LEDGER_BUSY,
                "another program of this data folder records the kept verdicts",
                "Wait until it is done",
                str(self._lock_file),
                why=Why.EMPTYING,
            ) from None
        except OSError as error:
            raise disk_fault(error, self._lock_file) from None
        try:
            yield
        finally:
            lock.release()

    def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _existing(self) -> Database | None:
        """Give the file, if it was made to its end: a power cut may leave one without its table."""
        if self._opened is None and self._file.exists():
            database = Database(SqliteDialect(self._file, read_only=False))
            with database.reading() as connection:
                is_whole = inspect(connection).has_table(_KEPT.name)
            if not is_whole:
                database.close()
                return None
            self._opened = database
        return self._opened

    def _made(self) -> Database:
        if (database := self._existing()) is not None:
            return database
        database = Database(SqliteDialect(self._file, read_only=False))
        with database.writing() as connection:
            _KEPT.create(connection, checkfirst=True)
        try:
            sync_folder(self._file.parent)
        except OSError as error:
            raise disk_fault(error, self._file) from None
        self._opened = database
        return database


def _plain(record: StepRecord | VerdictRecord) -> dict[str, Any]:
    return {**{name: getattr(record, name) for name in record.__slots__}, "data": dict(record.data)}


def _kept(row: Any) -> KeptVerdict:
    content = json.loads(row.content)
    steps = tuple(
        StepRecord(
            **{**step, "step": Step(step["step"]), "state": StepState(step["state"]), "code": _code(step["code"])}
        )
        for step in content["steps"]
    )
    said = content["verdict"]
    verdict = VerdictRecord(**{**said, "verdict": Verdict(said["verdict"]), "code": _code(said["code"])})
    return KeptVerdict(row.process, row.run_id, row.at, steps, verdict)


def _code(value: str | None) -> Code | None:
    return None if value is None else Code(value)
