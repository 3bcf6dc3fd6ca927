"""Files that hold a key: only their owner may read them, and they are there whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from station.errors import Code, LedgerFault


def write_owner_only(path: Path, text: str) -> None:
    """Write ASCII text to a file with owner-only rights; it is on the disk when this returns. OSError."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system knows how."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def require_owner_only(path: Path, status: os.stat_result) -> None:
    """Raise LedgerFault KEY_EXPOSED with the mend when others than the owner may read or write the file."""
    if os.name == "posix" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise LedgerFault(
            Code.KEY_EXPOSED,
            "others than its owner may read or write the key file",
            f"Run: chmod 600 {path}",
            str(path),
        )
