"""What tells that a ledger went to a server: nobody works with the one it came from, nor with the new one before it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from station.errors import Code, LedgerFault, Why

MOVED_TO: Final = "moved_to"
"""Key of `ledger_meta` in a ledger that was moved: the server's place, for people."""
ARRIVING: Final = "arriving"
"""Key of `ledger_meta` in a copy whose source still gives certificates out: the moment it was begun."""
_MOVED: Final = "the ledger was moved to "


def moved_text(place: str) -> str:
    """Say where the ledger is; the database itself refuses every change with these words."""
    return f"{_MOVED}{place}"


def moved_fault(text: str) -> LedgerFault | None:
    """Give the fault of a refusal in those words, None when it has others."""
    if not text.startswith(_MOVED):
        return None
    return LedgerFault(
        Code.LEDGER_NOT_WRITABLE,
        text,
        "Start the station with the address of that ledger: --ledger or STATION_LEDGER",
        why=Why.MOVED,
        facts={"place": text.removeprefix(_MOVED)},
    )


def require_at_home(meta: Mapping[str, str]) -> None:
    """LedgerFault for a ledger that was moved away, or that is not yet whole where it was moved to."""
    if MOVED_TO in meta and (fault := moved_fault(moved_text(meta[MOVED_TO]))) is not None:
        raise fault
    if ARRIVING in meta:
        raise LedgerFault(
            Code.LEDGER_BUSY,
            "the ledger is on its way to this server, and the way was broken off",
            "Where it comes from, give the same `station ledger migrate` again",
            why=Why.ARRIVING,
        )
