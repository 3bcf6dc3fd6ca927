"""What the operating system's refusals about the data folder mean for the line."""

from __future__ import annotations

import errno

from station.errors import Code, LedgerFault

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


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
