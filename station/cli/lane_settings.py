"""Which lane is where: the section `lanes` of `station.yaml` in the data folder."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from station.chip.ports import Place
from station.cli.platform_settings import SETTINGS_FILE, SettingsError
from station.errors import UsageError
from station.profile.yaml_source import YamlSource, parse_yaml, read_yaml

LANES_MAX: Final = 99
_SECTION: Final = "lanes"
_FORM: Final = "Write 1: {serial_number: A5069RR4, location: 1-1.2}, or teach it: station lanes learn"
_VALUE: Final = re.compile(r"[!-~][ -~]{0,63}")
_KEYS: Final = ("serial_number", "location")


def learnt_lanes(data: Path) -> dict[int, Place]:
    """Give the lanes that the technician taught, by number; none without a file. UsageError with every fault of the section."""
    path = data / SETTINGS_FILE
    if not path.exists():
        return {}
    source = read_yaml(path)
    section = source.tree.get(_SECTION) if isinstance(source.tree, dict) else None
    lanes: dict[int, Place] = {}
    if section is not None and not isinstance(section, Mapping):
        source.fault(source.line((_SECTION,)), "lanes is no mapping of lane numbers", _FORM)
    elif section is not None:
        for number, entry in section.items():
            if (place := _place(source, number, entry, lanes)) is not None:
                lanes[int(number)] = place
    if source.faults:
        raise SettingsError(path, source.faults)
    return lanes


def _place(source: YamlSource, number: str, entry: object, before: Mapping[int, Place]) -> Place | None:
    """Give a lane's place, or None after noting what is wrong with it."""
    line = source.line((_SECTION, number))
    if not re.fullmatch(r"[1-9][0-9]?", number):
        source.fault(line, f"{number[:40]!a} is no lane number from 1 to {LANES_MAX}", _FORM)
        return None
    if not isinstance(entry, Mapping) or not entry:
        source.fault(line, f"lane {number} names no place", _FORM)
        return None
    values: dict[str, str] = {}
    for key in entry:
        where = source.line((_SECTION, number, key))
        value = source.value((_SECTION, number, key))  # a serial number of digits is a text
        if key not in _KEYS:
            source.fault(where, f"a lane has no key {key[:40]!a}", f"There are: {', '.join(_KEYS)}")
        elif not isinstance(value, str) or not _VALUE.fullmatch(value):
            source.fault(where, f"{key} is no text of up to 64 plain characters", _FORM)
        else:
            values[key] = value
    if len(values) < len(entry):
        return None
    place = Place(**values)
    for other, taken in before.items():
        same = [key for key in _KEYS if (value := getattr(place, key)) and value == getattr(taken, key)]
        if same and not _told_apart(place, taken):
            source.fault(line, f"lane {number} is at the same place as lane {other} ({same[0]})", "Remove one of them")
            return None
    return place


def _told_apart(one: Place, other: Place) -> bool:
    """Say whether at least one property that both have differs: the ports of one adapter share its serial number."""
    pairs = [(getattr(one, key), getattr(other, key)) for key in _KEYS]
    return any(mine and theirs and mine != theirs for mine, theirs in pairs)


def write_learnt_lanes(data: Path, lanes: Mapping[int, Place]) -> None:
    """Put the lanes into the settings, whole or not at all; every other line stays as it is. UsageError."""
    path = data / SETTINGS_FILE
    source = read_yaml(path) if path.exists() and path.read_bytes().strip() else YamlSource(path, "", tree={})
    if source.faults or not isinstance(source.tree, dict):
        raise SettingsError(path, source.faults)
    newline = "\r\n" if "\r\n" in source.text else "\n"
    block = newline.join([f"{_SECTION}:", *(f"  {number}: {_flow(place)}" for number, place in sorted(lanes.items()))])
    text = _with_section(source, block + newline, newline)
    after = parse_yaml(path, text)
    kept = {key: value for key, value in source.tree.items() if key != _SECTION}
    others = {key: value for key, value in (after.tree or {}).items() if key != _SECTION}
    if after.faults or others != kept:
        raise UsageError(
            "The file is written in a way that the station cannot add to",
            f"Write into it by hand:{newline}{block}",
            str(path),
        )
    _replace(path, text)


def _flow(place: Place) -> str:
    pairs = [(key, value) for key in _KEYS if (value := getattr(place, key))]
    return "{" + ", ".join(f"{key}: '{value.replace(chr(39), 2 * chr(39))}'" for key, value in pairs) + "}"


def _with_section(source: YamlSource, block: str, newline: str) -> str:
    """Give the text with the section in its old place, or at the end."""
    text, span = source.text, source.spans.get((_SECTION,))
    if span is None:
        return text + (newline if text and not text.endswith("\n") else "") + block
    lines = text.splitlines(keepends=True)
    begin, end = span.key_line - 1, span.key_line
    while end < len(lines) and (lines[end].startswith(" ") or not lines[end].strip()):
        end += 1
    while end > span.key_line and not lines[end - 1].strip():
        end -= 1
    return "".join(lines[:begin]) + block + "".join(lines[end:])


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, draft)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        cause = f"The settings cannot be written ({error.strerror})"
        raise UsageError(cause, "Correct the rights of the data folder", str(path)) from error
