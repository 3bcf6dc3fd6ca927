"""Small files of the data folder, and what the operating system's refusals about them mean for the line."""

from __future__ import annotations

import errno
from pathlib import Path

from station.drafts import replacement_of
from station.errors import Code, LedgerFault
from station.ledger.owner_only import sync_folder

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def write_synced(path: Path, text: str) -> None:
    """Write a small file whole or not at all; it is on the disk when this returns. OSError."""
    with replacement_of(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")
    sync_folder(path.parent)


def disk_fault(error: OSError, place: object) -> LedgerFault:
    """Give DISK_FULL or LEDGER_NOT_WRITABLE for a failed file of the data folder."""
    where = str(error.filename or place)
    if error.errno in _FULL:
        return LedgerFault(
            Code.DISK_FULL,
            "the disk of the data folder is full",
            "Free some space on it; nothing was changed",
            where,
        )
    return LedgerFault(
        Code.LEDGER_NOT_WRITABLE,
        f"the data folder cannot be used: {error.strerror or type(error).__name__}",
        "Give this user the right to write there, or name another folder with --data",
        where,
    )
