"""Files that hold a key, a PIN or a passphrase: only their owner may use them, and keys are there whole or not at all."""

from __future__ import annotations

import getpass
import os
import stat
from pathlib import Path
from typing import TextIO

from station.drafts import ON_WINDOWS, replacement_of
from station.errors import Code, LedgerFault
from station.ledger import windows_rights


def write_owner_only(path: Path, text: str) -> None:
    """Write ASCII text to a file with owner-only rights; it is on the disk when this returns. OSError."""
    with replacement_of(path) as draft, new_owner_only(draft) as file:
        file.write(text)
    sync_folder(path.parent)


def new_owner_only(path: Path) -> TextIO:
    """Make a file that only its owner may use, and give it open for ASCII text; OSError, also when it is there already."""
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii", newline="\n")
    if ON_WINDOWS:
        try:
            windows_rights.keep_to_owner(path)
        except OSError:
            file.close()
            raise
    return file


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system knows how."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def may_others(path: Path, mode: int) -> bool:
    """Say whether others than its owner may read or write a file of this mode; OSError."""
    return windows_rights.may_others(path) if ON_WINDOWS else bool(mode & (stat.S_IRWXG | stat.S_IRWXO))


def mend_of_rights(path: Path) -> str:
    """Say what makes a file its owner's alone."""
    return f"Run: {_command_of_rights(path)}"


def _command_of_rights(path: Path) -> str:
    if ON_WINDOWS:
        return f'icacls "{path}" /inheritance:r /grant:r "{getpass.getuser()}:F"'
    return f"chmod 600 {path}"


def require_owner_only(path: Path, status: os.stat_result, what: str = "the key file") -> None:
    """Raise LedgerFault KEY_EXPOSED with the mend when others than the owner may read or write the file; OSError."""
    if may_others(path, status.st_mode):
        cause = f"others than its owner may read or write {what}"
        raise LedgerFault(
            Code.KEY_EXPOSED, cause, mend_of_rights(path), str(path), facts={"command": _command_of_rights(path)}
        )
