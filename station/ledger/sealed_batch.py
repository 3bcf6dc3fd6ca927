"""Certificate files that travel sealed: age files (age-encryption.org/v1) that one station alone can open.

A sealed file is opened in memory only, so its clear text is bounded. Nothing of it ever reaches a disk in clear.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyrage
from filelock import FileLock, Timeout

from station.drafts import replacement_of
from station.errors import BatchError, Code, LedgerFault, UsageError
from station.ledger.console_csv import check_csv
from station.ledger.csv_bytes import changed_meanwhile, survey, whole_file
from station.ledger.disk import disk_fault
from station.ledger.owner_only import require_owner_only, sync_folder, write_owner_only

IDENTITY_FILE: Final = "station.age"
SEALED_LIMIT_BYTES: Final = 128 << 20
"""Clear text of a sealed file: about 1,800,000 certificates as the console writes them. More goes in parts."""
_OVERHEAD_BYTES: Final = 4 << 20
_HEADS: Final = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")
_LOCK_FILE: Final = "station.age.lock"
_LOCK_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class SealedFile:
    """What was sealed: the file made, and what is in it."""

    out: Path
    product_key: str
    rows: int


def recipient_of(data: Path) -> str:
    """Give the station's public half (`age1…`), to which others seal; makes the identity at first use. LedgerFault."""
    return str(_identity(data, make=True).to_public())


def is_sealed(path: Path) -> bool:
    """Say whether a file is an age file, whatever its name."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(64)
    except (OSError, ValueError):
        return False  # the import says why it cannot be read
    return head.startswith(_HEADS)


def open_sealed(path: Path, data: Path) -> bytes:
    """Give the clear text of a sealed file; BatchError when it is not for this station, damaged or too large."""
    identity = _identity(data, make=False)
    clear = _Bounded()
    try:
        if path.stat().st_size > SEALED_LIMIT_BYTES + _OVERHEAD_BYTES:
            raise _too_large(path)
        with path.open("rb") as file:
            pyrage.decrypt_io(file, clear, [identity])
    except pyrage.DecryptError as error:
        if clear.is_full:
            raise _too_large(path) from None
        if "No matching keys" in str(error):
            raise whole_file(
                path,
                "is sealed for another station",
                "Let it be sealed for this one: `station key show` prints its recipient",
            ) from None
        raise _damaged(path) from None
    except OSError as error:
        if clear.is_full:
            raise _too_large(path) from None
        if error.errno is not None:
            raise whole_file(
                path, f"cannot be read: {error.strerror}", "Copy it to this PC, or mend its rights"
            ) from None
        raise _damaged(path) from None  # what pyrage raises in the middle has no number
    return clear.getvalue()


def read_recipient(text: str) -> pyrage.x25519.Recipient:
    """Read the recipient that `station key show` tells; UsageError."""
    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise UsageError(
            "this is no station's recipient", "Copy it from `station key show` on that station; it begins with age1"
        ) from None


def seal_csv(
    csv: Path, recipient: str, out: Path, *, force: bool = False, progress: Callable[[int], None] | None = None
) -> SealedFile:
    """Check a console CSV and write it sealed for one station; the CSV stays as it is. BatchError, UsageError."""
    to = read_recipient(recipient)
    if is_sealed(csv):
        raise UsageError("the file is sealed already", "Name the CSV that the console gave", str(csv))
    surveyed = survey(csv, hashlib.blake2b(digest_size=32))
    if surveyed.size_bytes > SEALED_LIMIT_BYTES:
        raise _too_large(csv)
    checked = check_csv(surveyed, progress)
    _refuse_place(out, csv, force)
    hasher = hashlib.blake2b(digest_size=32)
    try:
        with replacement_of(out) as draft:
            with csv.open("rb") as file, draft.open("wb") as sealed:
                pyrage.encrypt_io(_Hashed(file, hasher), sealed, [to])
            if hasher.hexdigest() != surveyed.digest:
                raise changed_meanwhile(csv)
        sync_folder(out.parent)
    except OSError as error:
        raise UsageError(
            f"the sealed file cannot be written ({error.strerror or type(error).__name__})",
            "Name another place",
            str(out),
        ) from None
    return SealedFile(out, checked.product_key, checked.rows)


class _Bounded(io.BytesIO):
    """Takes clear text up to the limit."""

    is_full = False

    def write(self, data: bytes) -> int:  # type: ignore[override]  # pyrage writes bytes only
        if self.tell() + len(data) > SEALED_LIMIT_BYTES:
            self.is_full = True
            raise OSError
        return super().write(data)

    def __repr__(self) -> str:
        return "_Bounded(***)"


class _Hashed:
    """Reads a file and hashes what was read."""

    def __init__(self, file: io.BufferedReader, hasher: hashlib.blake2b) -> None:
        self._file = file
        self._hasher = hasher

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hasher.update(data)
        return data


def _identity(data: Path, *, make: bool) -> pyrage.x25519.Identity:
    file = data / IDENTITY_FILE
    try:
        if make and not file.exists():
            _make_identity(data, file)
        require_owner_only(file, _plain(file))
        lines = file.read_text(encoding="ascii").splitlines()
        keys = [line for line in lines if line and not line.startswith("#")]
        return pyrage.x25519.Identity.from_str(keys[0].strip())
    except FileNotFoundError:
        raise LedgerFault(
            Code.KEY_MISSING,
            "this station has no identity yet, so nothing can be sealed for it",
            "Run `station key show`, and let the file be sealed for what it prints",
            str(file),
        ) from None
    except (pyrage.IdentityError, UnicodeDecodeError, IndexError):
        raise LedgerFault(
            Code.KEY_WRONG,
            "the file holds no identity of a station",
            "Bring it back from its backup, or move it away and let `station key show` make a new one",
            str(file),
        ) from None
    except OSError as error:
        raise disk_fault(error, file) from None


def _plain(file: Path) -> os.stat_result:
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise LedgerFault(Code.KEY_WRONG, "the station's identity is no plain file", "Move it away", str(file))
    return status


def _make_identity(data: Path, file: Path) -> None:
    data.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(data / _LOCK_FILE, timeout=_LOCK_TIMEOUT_S, thread_local=False):
            if not file.exists():
                identity = pyrage.x25519.Identity.generate()
                head = "# What is sealed for this station is opened with this key. Keep it secret, and back it up."
                write_owner_only(file, f"{head}\n# public key: {identity.to_public()}\n{identity}\n")
    except Timeout:
        raise LedgerFault(
            Code.LEDGER_BUSY, "another program is making the station's identity", "Try again", str(file)
        ) from None


def _refuse_place(out: Path, csv: Path, force: bool) -> None:
    if out.resolve() == csv.resolve():
        raise UsageError("the sealed file would take the place of the CSV", "Give it another name with --out", str(out))
    if out.exists() and (not force or not out.is_file()):
        raise UsageError("a file of this name is there already", "Give another name with --out, or --force", str(out))


def _too_large(path: Path) -> BatchError:
    return whole_file(
        path, f"has more than {SEALED_LIMIT_BYTES >> 20} MB of clear text", "Split the CSV, and seal it in parts"
    )


def _damaged(path: Path) -> BatchError:
    return whole_file(path, "is sealed, but was cut or changed on its way", "Let it be sent again")
