"""What can be wrong with an exported audit log, and what its verification tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from station.ledger.audit import FIRST_PREV
from station.ledger.audit_reading import ReadEvent


class Flaw(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    SWAPPED = "swapped"
    CUT = "cut"
    OTHER_KEY = "other_key"
    FORK = "fork"
    """Two histories of one station: events from before a backup was restored, beside those from after."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a file proves. `flaw` is None when all is right; else `number` is the first event that it strikes, if one is known."""

    station: str
    public_key: str
    exported_at: str
    filter: Mapping[str, str]
    events: int
    flaw: Flaw | None
    number: int | None
    line: int | None
    message: str
    gaps: tuple[str, ...]
    """Gaps that line leads accepted, in words."""


class FlawFoundError(Exception):
    """The first thing that is wrong."""

    def __init__(self, flaw: Flaw, message: str, *, number: int | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.flaw = flaw
        self.message = message
        self.number = number
        self.line = line


@dataclass(slots=True)
class Chain:
    """How far a chain has come: place, number and hash of its last event, and the last number that was found signed."""

    place: int = 0
    number: int = 0
    hash: str = FIRST_PREV
    line: int = 0
    signed: int = 0
    numbers: dict[str, tuple[int, str]] = field(default_factory=dict)


def flaw_at(flaw: Flaw, event: ReadEvent, what: str) -> FlawFoundError:
    return FlawFoundError(flaw, f"event {event.number} {what}", number=event.number, line=event.line)


def changed_before(chain: Chain) -> FlawFoundError:
    message = f"event {chain.number} was changed and its hash made anew: the next one follows another"
    return FlawFoundError(Flaw.CHANGED, message, number=chain.number, line=chain.line)


def cut_after(chain: Chain, line: int | None) -> FlawFoundError:
    message = f"the file was cut: after event {chain.number} the rest and the station's signature are missing"
    return FlawFoundError(Flaw.CUT, message, number=chain.number + 1, line=line)
