"""What `station doctor` finds: one thing looked at, how it is, and the mend."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """good; odd: works, but look at it; bad: units cannot be walked."""

    GOOD = "good"
    ODD = "odd"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what it is, how it is, what was seen, the mend."""

    subject: str
    health: Health
    seen: str
    mend: str = ""
