"""Destroys a clear certificate file after its import, as well as a program can."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from station.errors import UsageError

HONEST: Final = (
    "On flash disks, journaling and copy-on-write file systems and in backups old copies may survive: "
    "an encrypted disk, or a file that was sealed where it was made, is the sure way."
)
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class FileMark:
    """Which file, and in which state: what is shredded must be what was imported."""

    device: int
    inode: int
    size_bytes: int
    changed_ns: int


def mark_of(path: Path) -> FileMark | None:
    """Give a file's mark; None when it is no plain file or cannot be looked at."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return FileMark(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def shred(path: Path, mark: FileMark | None) -> None:
    """Overwrite a file once, bring that to the disk, and delete it; UsageError when it is another one now, or refuses."""
    kept = "It was imported, but is still there in clear: destroy it by hand"
    target = path.resolve()
    try:
        with target.open("r+b") as file:
            status = os.fstat(file.fileno())
            if mark is None or mark_of(target) != mark:
                raise UsageError("the file was changed after it was read, and is not shredded", kept, str(path))
            if status.st_nlink > 1:
                raise UsageError("the file has a second name (hard link), and is not shredded", kept, str(path))
            for start in range(0, status.st_size, _CHUNK_BYTES):
                file.write(secrets.token_bytes(min(_CHUNK_BYTES, status.st_size - start)))
            file.flush()
            os.fsync(file.fileno())
        target.unlink()
        if path.is_symlink():
            path.unlink()
    except OSError as error:
        raise UsageError(f"the file cannot be shredded ({error.strerror})", kept, str(path)) from None
