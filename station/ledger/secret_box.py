"""Secrets at rest: AES-256-GCM under the station's key file, each bound to the row and field it belongs to.

The key file stands beside the ledger, never in it, and only its owner may read it. Nonces are random (96 bits; NIST SP 800-38D
allows 2^32 of them under one key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from station.certificate import Identity, Secret
from station.errors import Code, LedgerFault

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
FINGERPRINT_BYTES: Final = 16
_KEY_HEAD: Final = "station-ledger-key-v1:"
_CHECK_TEXT: Final = "this key opens this ledger"


class SecretBox:
    """Seals and opens secret fields. Thread-safe; never shows its key."""

    def __init__(self, key: bytes, key_place: str = "") -> None:
        self._cipher = AESGCM(_derived(key, b"encryption"))
        self._fingerprint_key = _derived(key, b"fingerprint")
        self._key_place = key_place

    def __repr__(self) -> str:
        return "SecretBox(***)"

    def seal(self, product_key: str, device_name: str, field: str, clear: str) -> str:
        """Give a secret encrypted, as base64 text of nonce, ciphertext and tag."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, clear.encode(), _row_identity(product_key, device_name, field))
        return base64.b64encode(nonce + sealed).decode("ascii")

    def open(self, identity: Identity, field: str, sealed: str) -> Secret:
        """Give the secret back; LedgerFault when it is not this row's, was changed, or the key is another."""
        associated = _row_identity(identity.product_key, identity.device_name, field)
        try:
            data = base64.b64decode(sealed, validate=True)
            clear = self._cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], associated)
        except (InvalidTag, binascii.Error, ValueError):
            raise LedgerFault(
                Code.LEDGER_UNREADABLE,
                f"the stored {field} of {identity} was changed from outside and cannot be opened",
                "Stop the station, keep the ledger, and bring back the last backup of the data folder",
            ) from None
        return Secret(clear.decode())

    def fingerprint(self, product_key: str, secret: str) -> bytes:
        """Give 16 bytes that are equal for equal secrets of one product and say nothing without the key."""
        text = f"{product_key}\x00{secret}".encode()
        return hashlib.blake2b(text, key=self._fingerprint_key, digest_size=FINGERPRINT_BYTES).digest()

    def digest(self) -> hashlib.blake2b:
        """Give a keyed hash to feed a whole file to; 32 bytes at its end."""
        return hashlib.blake2b(key=self._fingerprint_key, digest_size=32, person=b"file")

    def key_check(self, ledger_id: str) -> str:
        """Give the text to store in a new ledger, by which `require_key_of` knows the key again."""
        return self.seal("ledger", ledger_id, "key_check", _CHECK_TEXT)

    def require_key_of(self, ledger_id: str, key_check: str) -> None:
        """Raise LedgerFault KEY_WRONG when this is not the key of that ledger."""
        try:
            self.open(Identity("ledger", ledger_id), "key_check", key_check)
        except LedgerFault:
            raise LedgerFault(
                Code.KEY_WRONG,
                "the key file belongs to another ledger",
                "Bring back the key file of this ledger from its backup",
                self._key_place,
            ) from None


def read_key(path: Path) -> bytes:
    """Give the key; LedgerFault KEY_MISSING, KEY_EXPOSED or KEY_WRONG, each with the mend."""
    try:
        status = path.stat()
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise LedgerFault(
            Code.KEY_MISSING,
            "the ledger is there but its key file is not, so no certificate can be read",
            "Bring the key file back from its backup; without it the secrets are lost",
            str(path),
        ) from None
    except (OSError, UnicodeDecodeError):
        raise LedgerFault(
            Code.KEY_WRONG,
            "the key file cannot be read as a ledger key",
            "Give this user the right to read it, or bring it back from its backup",
            str(path),
        ) from None
    if os.name == "posix" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise LedgerFault(
            Code.KEY_EXPOSED,
            "others than its owner may read or write the key file",
            f"Run: chmod 600 {path}",
            str(path),
        )
    try:
        key = base64.b64decode(text.removeprefix(_KEY_HEAD).strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES or not text.startswith(_KEY_HEAD):
        raise LedgerFault(
            Code.KEY_WRONG,
            "the key file holds no ledger key",
            "Bring back the key file of this ledger from its backup",
            str(path),
        )
    return key


def make_key(path: Path) -> None:
    """Make a new key file with owner-only rights: whole or not at all. The caller holds the first-start lock."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    text = _KEY_HEAD + base64.b64encode(os.urandom(KEY_BYTES)).decode("ascii") + "\n"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    if os.name == "posix":  # the new name must be on the disk before the ledger that needs it
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"station-ledger " + purpose).derive(key)


def _row_identity(product_key: str, device_name: str, field: str) -> bytes:
    return f"certificate-v1\x00{product_key}\x00{device_name}\x00{field}".encode()
