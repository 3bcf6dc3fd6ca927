"""The revisions of a ledger's schema."""

from __future__ import annotations

from typing import Final

HEAD: Final = "0013"
KNOWN: Final = frozenset(f"{number:04}" for number in range(1, int(HEAD) + 1))
"""Every revision in `migrations/versions`; a test compares."""
