"""Secrets at rest: AES-256-GCM under the ledger's key, each bound to the row and field it belongs to.

The key itself never stands in the ledger (see `key_sources`). Nonces are random (96 bits; NIST SP 800-38D allows 2^32 of them
under one key). Fingerprints have a key of their own, which outlives a change of the ledger's key: else the fingerprint of every
row and the digest of every imported file would change with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from station.certificate import Identity, Secret
from station.errors import Code, LedgerFault, Why
from station.ledger.owner_only import require_owner_only, write_owner_only

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
FINGERPRINT_BYTES: Final = 16
_KEY_HEAD: Final = "station-ledger-key-v1:"
_CHECK_TEXT: Final = "this key opens this ledger"


class SecretBox:
    """Seals and opens secret fields. Thread-safe; never shows its key."""

    def __init__(self, key: bytes, key_place: str = "", fingerprint_key: bytes | None = None) -> None:
        self._cipher = AESGCM(_derived(key, b"encryption"))
        self._fingerprint_key = fingerprint_key or _derived(key, b"fingerprint")
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
                why=Why.DAMAGED,
            ) from None
        return Secret(clear.decode())

    def fingerprint(self, product_key: str, secret: str) -> bytes:
        """Give 16 bytes that are equal for equal secrets of one product and say nothing without the key."""
        text = f"{product_key}\x00{secret}".encode()
        return hashlib.blake2b(text, key=self._fingerprint_key, digest_size=FINGERPRINT_BYTES).digest()

    def digest(self) -> hashlib.blake2b:
        """Give a keyed hash to feed a whole file to; 32 bytes at its end."""
        return hashlib.blake2b(key=self._fingerprint_key, digest_size=32, person=b"file")

    def seal_key(self, ledger_id: str, purpose: str, key: bytes) -> str:
        """Give another key sealed with this one."""
        return self.seal("ledger", ledger_id, purpose, base64.b64encode(key).decode("ascii"))

    def open_key(self, ledger_id: str, purpose: str, sealed: str) -> bytes:
        """Give back a key that `seal_key` sealed; LedgerFault."""
        return base64.b64decode(self.open(Identity("ledger", ledger_id), purpose, sealed).reveal())

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
                "this is the key of another ledger",
                "Bring back the key of this ledger, from its backup or from memory",
                self._key_place,
                why=Why.OTHER_KEY,
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
            "Bring the key file back from its backup; without it the secrets are lost. A further station of a factory gets "
            "it from another one: station key share, station key take",
            str(path),
        ) from None
    except (OSError, UnicodeDecodeError):
        raise LedgerFault(
            Code.KEY_WRONG,
            "the key file cannot be read as a ledger key",
            "Give this user the right to read it, or bring it back from its backup",
            str(path),
            why=Why.UNREADABLE,
        ) from None
    require_owner_only(path, status)
    key = key_of_text(text)
    if key is None:
        raise LedgerFault(
            Code.KEY_WRONG,
            "the key file holds no ledger key",
            "Bring back the key file of this ledger from its backup",
            str(path),
            why=Why.NO_KEY,
        )
    return key


def make_key(path: Path) -> None:
    """Make a new key file with owner-only rights: whole or not at all. The caller holds the lock of its maker."""
    write_owner_only(path, text_of_key(new_key()) + "\n")


def new_key() -> bytes:
    """Give a new random key."""
    return os.urandom(KEY_BYTES)


def text_of_key(key: bytes) -> str:
    """Give a key as the text that its place holds."""
    return _KEY_HEAD + base64.b64encode(key).decode("ascii")


def key_of_text(text: str) -> bytes | None:
    """Give the key that a place's text holds, or None."""
    try:
        key = base64.b64decode(text.removeprefix(_KEY_HEAD).strip(), validate=True)
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES and text.startswith(_KEY_HEAD) else None


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"station-ledger " + purpose).derive(key)


def _row_identity(product_key: str, device_name: str, field: str) -> bytes:
    return f"certificate-v1\x00{product_key}\x00{device_name}\x00{field}".encode()
