"""What a technician may choose at the start of a shift, and whether it is ready."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Choice:
    """One profile with one batch of certificates; `left` counts the available ones, None when unknown."""

    profile_path: Path
    profile_name: str
    batch: str
    left: int | None = None


class Readiness(StrEnum):
    """Whether one thing is ready for the shift."""

    READY = "ready"
    WARNING = "warning"
    """The line can start; somebody should look."""
    BLOCKED = "blocked"
    """The line cannot start before it is mended."""


@dataclass(frozen=True, slots=True)
class ReadinessItem:
    """One line of the readiness list. `kind` is a word of the catalogue's `kind.*`, or shown as it is;
    `mend` says what to do, empty when nothing is to be done."""

    kind: str
    state: Readiness
    text: str
    mend: str = ""
