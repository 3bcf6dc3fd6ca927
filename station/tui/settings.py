"""The screen's settings of one station: `screen.yaml` in the data folder. Language and colours are kept as they were left."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from station.errors import UsageError

FILE_NAME: Final = "screen.yaml"


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


class Scanner(BaseModel):
    """How this station's barcode scanner types."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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


class Settings(BaseModel):
    """Everything that a station may set about its screen; all of it may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Literal["en", "zh-CN"] | None = None
    """Without it, what the command line says."""
    colours: Colours = Colours.DARK
    bell: Bell = Bell.ALL
    few_certificates: Annotated[int, Field(ge=0)] = 20
    """At so many certificates left the header warns; earlier where fewer are left than the order or the next hour needs."""
    scanner: Scanner = Scanner()


DEFAULTS: Final = Settings()


def read_settings(folder: Path) -> Settings:
    """Read the settings of a data folder, the defaults where there is no file; UsageError names the wrong key."""
    path = folder / FILE_NAME
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return DEFAULTS
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        cause = " ".join(str(error).split())
        raise UsageError(f"the screen's settings cannot be read: {cause}", _MEND, str(path)) from None
    try:
        return Settings.model_validate({} if content is None else content)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in wrong["loc"]) or "the whole file"
        raise UsageError(f"{key}: {wrong['msg']}", _MEND, str(path)) from None


def write_settings(folder: Path, settings: Settings) -> None:
    """Keep the settings for the next start, whole or not at all; OSError."""
    path = folder / FILE_NAME
    draft = path.with_suffix(".new")
    text = yaml.safe_dump(settings.model_dump(mode="json", exclude_defaults=True), allow_unicode=True, sort_keys=False)
    draft.write_text(text, encoding="utf-8", newline="\n")
    draft.replace(path)


_MEND: Final = "Mend that line, or delete the file to go back to the defaults"
