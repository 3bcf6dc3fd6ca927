"""Files that hold a PIN or a passphrase: their first line is read, when only their owner can."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from station.errors import UsageError

BYTES_MAX: Final = 4096


def first_line_of(path: Path, what: str) -> str:
    """Give the first line of a file that only its owner can read, or of a pipe; UsageError, never with what it holds.

    `what` it holds: "PIN", say.
    """
    from station.ledger.owner_only import may_others, mend_of_rights  # noqa: PLC0415  --help must not pay for SQLAlchemy

    place = str(path)
    try:
        if not _may_be_read(path.stat().st_mode):  # opening a device may block, or do something
            raise UsageError(f"A {what} is not read from this kind of file", "Name a plain file", place)
        with path.open("rb") as file:
            if may_others(path, os.fstat(file.fileno()).st_mode):
                raise UsageError(f"Others than its owner can read the {what} file", mend_of_rights(path), place)
            lines = file.read(BYTES_MAX).splitlines()
        text = lines[0].decode("utf-8-sig") if lines else ""
    except OSError as error:
        raise UsageError(f"The {what} file cannot be read ({error.strerror})", "Name another file", place) from None
    except UnicodeDecodeError:
        raise UsageError(
            f"The {what} file is not text", f"Write the {what} as its first line, in UTF-8", place
        ) from None
    if not text.strip():
        raise UsageError(f"The {what} file holds no {what}", f"Write the {what} as its first line", place)
    return text


def _may_be_read(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISFIFO(mode)
