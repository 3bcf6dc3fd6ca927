"""A unit: one board, known by its base MAC."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NewType

Mac = NewType("Mac", str)
"""A base MAC as `24:0a:c4:5e:10:9c`: lower case, colons."""


def parse_mac(text: str) -> Mac:
    """Give the canonical form of a MAC written with colons, dashes or nothing; ValueError if it is none."""
    digits = re.sub(r"[:\-.\s]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise ValueError(f"{text!r} is not a MAC address")
    return Mac(":".join(digits[i : i + 2] for i in range(0, 12, 2)))


@dataclass(frozen=True, slots=True)
class SecurityState:
    """What the eFuses say; None where the chip could not be asked."""

    flash_encryption: bool | None = None
    secure_boot: bool | None = None


@dataclass(frozen=True, slots=True)
class ChipIdentity:
    """What identify learned: esptool's chip name (`esp32`, `esp32c3`), silicon revision, MAC, flash size in bytes."""

    chip: str
    description: str
    revision: str
    mac: Mac
    flash_size_bytes: int
    security: SecurityState = field(default_factory=SecurityState)
