"""What a technician may choose at the start of a shift."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from station.errors import CodedError


@dataclass(frozen=True, slots=True)
class Choice:
    """One profile with one batch of certificates, for a work order or none.

    `left` counts the available ones, None when unknown; of the order's `quantity` so many have `passed`. With a `fault` it cannot
    be worked on.
    """

    profile_path: Path
    profile_name: str
    batch: str
    left: int | None = None
    work_order: str | None = None
    passed: int = 0
    quantity: int | None = None
    fault: CodedError | None = None
