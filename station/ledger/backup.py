"""A consistent copy of the ledger, made while lanes work: whole, looked at and on the disk before it gets its name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from station.errors import UsageError
from station.ledger.audit import Change, storable
from station.ledger.database import Database
from station.ledger.event_kind import EventKind
from station.ledger.station_key import place_new


@dataclass(frozen=True, slots=True)
class BackupResult:
    """Where the copy is, its size, and how many audit events it holds."""

    path: Path
    size_bytes: int
    events: int


def back_up(database: Database, out: Path, progress: Callable[[int, int], None] | None) -> BackupResult:
    """Copy a ledger to a new file that only this user may read; UsageError, LedgerFault when it cannot be read."""
    if out.exists():
        raise _is_there(out)
    draft = out.with_name(f".{out.name}.{os.getpid()}.new")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with database.translated():
            events = database.dialect.copy_to(draft, progress)
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        size_bytes = draft.stat().st_size
        place_new(draft, out)
    except FileExistsError:
        raise _is_there(out) from None
    except OSError as error:
        raise UsageError(
            f"the copy cannot be written: {error.strerror or type(error).__name__}",
            "Name a place where this user may write and the disk has room",
            str(out),
        ) from None
    finally:
        for part in (draft, draft.with_name(f"{draft.name}-journal"), draft.with_name(f"{draft.name}-wal")):
            part.unlink(missing_ok=True)
    return BackupResult(out, size_bytes, events)


def note_backup(change: Change, out: Path, result: BackupResult) -> None:
    """Write a copy that was made into the log."""
    size = {"events": result.events, "size_bytes": result.size_bytes}
    change.trail.append(EventKind.LEDGER_BACKED_UP, data={"file": storable(out.name), **size})


def _is_there(out: Path) -> UsageError:
    return UsageError(f"{out.name or out} is there already", "Name a new file: a backup never replaces one", str(out))
