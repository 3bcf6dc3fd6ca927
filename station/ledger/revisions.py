"""The revisions of a ledger's schema."""

from __future__ import annotations

from typing import Final

HEAD: Final = "0012"
KNOWN: Final = frozenset(
    {"0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012"}
)
"""Every revision in `migrations/versions`; a test compares."""
