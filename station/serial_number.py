"""The label of a unit: the serial number that people know it by, and what else its barcode says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

SERIAL_NUMBER: Final = "serial_number"
"""The field of a label that tells one unit from another."""
LETTERS_MAX: Final = 64
"""Of a serial number, and of each other field."""

_LANE: Final = re.compile(r"LANE ?([0-9]{1,3})", re.IGNORECASE)


def lane_named(code: str) -> int | None:
    """Give the number on a barcode that stands at a lane (`LANE 3`), None for any other code."""
    named = _LANE.fullmatch(code)
    return None if named is None else int(named[1])


class EntryWay(StrEnum):
    """How the station came to know what a label says."""

    SCANNED = "scanned"
    TYPED = "typed"
    GIVEN = "given"
    """By a program: an option of the command line, or its standard input."""


class ScanRefusal(StrEnum):
    """Why a scan is no label for the lane; the screen has a sentence for each."""

    OTHER_COUNT = "other_count"
    OTHER_TEXT = "other_text"
    ON_OTHER_LANE = "on_other_lane"
    OTHER_UNIT = "other_unit"
    NOT_WANTED = "not_wanted"


@dataclass(frozen=True, slots=True)
class UnitLabel:
    """What one label says. `fields` are the others that the profile names, as the hardware revision."""

    serial_number: str
    entry: EntryWay
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
