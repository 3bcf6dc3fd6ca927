"""The station's own signing key: Ed25519 (RFC 8032), made at the first start, so that an exported audit log proves who wrote it.

`station.key` stays with its owner; `station.pub` is for everybody who verifies.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from station.errors import Code, LedgerFault, UsageError
from station.ledger.disk import disk_fault
from station.ledger.owner_only import new_owner_only, require_owner_only

STATION_KEY_FILE: Final = "station.key"
PUBLIC_KEY_FILE: Final = "station.pub"
KEY_BYTES: Final = 32
_KEY_HEAD: Final = "station-signing-key-v1:"
_PUBLIC_HEAD: Final = "station-public-key-v1:"
_PUBLIC_PATTERN: Final = re.compile(r"[0-9a-f]{64}")


class StationKey:
    """Signs; never shows its secret half. `public` is the other one as 64 hexadecimal digits."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: Final = self._key.public_key().public_bytes_raw().hex()

    def __repr__(self) -> str:
        return f"StationKey(public={self.public})"

    def sign(self, message: bytes) -> str:
        """Give the signature as 128 hexadecimal digits."""
        return self._key.sign(message).hex()


def is_signed(public: str, signature: str, message: bytes) -> bool:
    """Say whether the owner of this public key signed this message."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key_of(text_or_file: str) -> str:
    """Give a public key from its digits, or from a `station.pub`; UsageError when it is neither."""
    text = text_or_file.strip()
    if not _PUBLIC_PATTERN.fullmatch(text.removeprefix(_PUBLIC_HEAD)):
        try:
            with Path(text_or_file).open(encoding="ascii") as file:
                text = file.read(200).strip()
        except (OSError, ValueError):
            text = ""
    digits = text.removeprefix(_PUBLIC_HEAD)
    if not _PUBLIC_PATTERN.fullmatch(digits):
        raise UsageError(
            "this is no public key of a station", f"Give 64 hexadecimal digits, or the file {PUBLIC_KEY_FILE}", "--key"
        )
    return digits


def open_station_key(data: Path, *, may_make: bool) -> StationKey:
    """Give the key of a data folder, made at its first start, and put its public half beside it.

    LedgerFault KEY_MISSING when it may not be made anew, KEY_EXPOSED when others can read it, KEY_WRONG when it is none.
    """
    file = data / STATION_KEY_FILE
    try:
        if may_make and not file.exists():
            _make(file)
        key = _read(file)
        public_file = data / PUBLIC_KEY_FILE
        if may_make and not public_file.exists():
            _put(
                public_file,
                f"{_PUBLIC_HEAD}{key.public}\n",
                lambda draft: draft.open("x", encoding="ascii", newline="\n"),
            )
    except OSError as error:
        raise disk_fault(error, file) from None
    return key


def _read(file: Path) -> StationKey:
    try:
        status = file.stat()
        text = file.read_text(encoding="ascii")
    except FileNotFoundError:
        raise LedgerFault(
            Code.KEY_MISSING,
            "the key with which this station signs its audit log is missing",
            "Bring it back from its backup. If it is lost, give the station another name in station.yaml: "
            "it begins a new chain, under a new key",
            str(file),
        ) from None
    except UnicodeDecodeError:
        text = ""
    require_owner_only(file, status, "the station's signing key")
    try:
        seed = base64.b64decode(text.removeprefix(_KEY_HEAD).strip(), validate=True)
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) != KEY_BYTES or not text.startswith(_KEY_HEAD):
        raise LedgerFault(
            Code.KEY_WRONG,
            "the file holds no signing key of a station",
            "Bring it back from its backup",
            str(file),
        )
    return StationKey(seed)


def _make(file: Path) -> None:
    text = _KEY_HEAD + base64.b64encode(os.urandom(KEY_BYTES)).decode("ascii") + "\n"
    _put(file, text, new_owner_only)


def _put(file: Path, text: str, make: Callable[[Path], TextIO]) -> None:
    """Write a new file, whole or not at all; of two processes that do it at once, the first one's stays."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.{os.urandom(4).hex()}.new")
    try:
        with make(draft) as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            place_new(draft, file)
    finally:
        draft.unlink(missing_ok=True)


def place_new(draft: Path, file: Path) -> None:
    """Give a finished draft its name; FileExistsError when that is taken."""
    if os.name == "nt":
        draft.rename(file)  # refuses there to replace
        return
    try:
        os.link(draft, file)
    except PermissionError:  # a filesystem without links
        if file.exists():
            raise FileExistsError(file) from None
        draft.rename(file)
