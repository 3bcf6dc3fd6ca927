"""The screen's settings of one station: the section `screen` of its settings. Language and colours are kept as they were left."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from station.profile.part import Part


class Colours(StrEnum):
    """Which theme."""

    DARK = "dark"
    LIGHT = "light"
    CONTRAST = "contrast"


class Bell(StrEnum):
    """When the terminal's bell rings."""

    ALL = "all"
    """Once for a PASS, three times for everything else."""
    BAD = "bad"
    """Three times for everything but a PASS."""
    OFF = "off"


class Scanner(Part):
    """How this station's barcode scanner types."""

    prefix: str = ""
    """What it puts before each code; taken off."""
    suffixes: Annotated[tuple[Literal["enter", "tab", "linefeed"], ...], Field(min_length=1)] = (
        "enter",
        "tab",
        "linefeed",
    )
    """Keys that end a code; a scanner's CR is Enter, its LF is linefeed."""
    between_keys_ms: Annotated[int, Field(ge=5, le=200)] = 30
    """Signs that come closer than this are a scan, not typing."""


class Settings(Part):
    """Everything that a station may set about its screen; all of it may be left out."""

    language: Annotated[Literal["en", "zh-CN"] | None, Field(examples=["zh-CN"])] = None
    """en or zh-CN; `--lang` goes before it."""
    colours: Colours = Colours.DARK
    """dark, light or contrast."""
    bell: Bell = Bell.ALL
    """all; bad: nothing for a PASS; off."""
    few_certificates: Annotated[int, Field(ge=0)] = 20
    """At so many certificates left the header warns; in the batch's last quarter already at what the next hour needs."""
    scanner: Scanner = Scanner()
    """How the barcode scanner types: what it puts before a code, the keys that end one, and how close its signs come."""


DEFAULTS: Final = Settings()
