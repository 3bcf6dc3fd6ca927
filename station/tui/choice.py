"""What a technician may choose at the start of a shift."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Choice:
    """One profile with one batch of certificates; `left` counts the available ones, None when unknown."""

    profile_path: Path
    profile_name: str
    batch: str
    left: int | None = None
    work_order: str | None = None
