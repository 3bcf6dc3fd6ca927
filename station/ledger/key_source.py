"""Which place the key of a ledger is in."""

from __future__ import annotations

from enum import StrEnum


class KeySource(StrEnum):
    """Where the key is; each word is the stored word."""

    FILE = "file"
    KEYRING = "keyring"
    PASSPHRASE = "passphrase"  # noqa: S105  a word, not a password
