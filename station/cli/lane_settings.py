"""Which lane is where: the section `lanes` of the station's settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from station.chip.ports import Place
from station.cli.settings_file import read_settings, write_section


def learnt_lanes(data: Path) -> dict[int, Place]:
    """Give the lanes that the technician taught, by number; none without a file. SettingsError with every mistake."""
    return {number: lane.place for number, lane in read_settings(data).lanes.items()}


def write_learnt_lanes(data: Path, lanes: Mapping[int, Place]) -> None:
    """Put the lanes into the settings, whole or not at all; every other line stays as it is. SettingsError, UsageError."""
    write_section(data, "lanes", [f"  {number}: {_flow(place)}" for number, place in sorted(lanes.items())])


def _flow(place: Place) -> str:
    pairs = (("serial_number", place.serial_number), ("location", place.location))
    return "{" + ", ".join(f"{key}: '{value.replace(chr(39), 2 * chr(39))}'" for key, value in pairs if value) + "}"
