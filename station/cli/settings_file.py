"""The one door to `station.yaml` in the data folder: read as a whole, every mistake with its line; written line by line."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from station.cli.settings_model import StationSettings
from station.drafts import replacement_of
from station.errors import Code, Fault, InputError, UsageError
from station.ledger.station_name import STATION_FILE, first_lines
from station.profile.faults import Document, FaultList, add_model_error, place_of
from station.profile.yaml_source import YamlSource, parse_yaml, read_yaml

DOCUMENT: Final = Document(StationSettings, "the file of settings", {}, "See station settings schema")
_KEYS: Final = re.compile(r"access_?key|secret|^(ak|sk)$|token|password")
_NOTHING: Final = re.compile(r"(\s*(#.*)?(\n|$))*")


class SettingsError(InputError):
    """The station's settings are wrong."""

    def __init__(self, path: Path, faults: tuple[Fault, ...]) -> None:
        super().__init__(Code.USAGE, "the station's settings are wrong", "Mend the file", str(path), faults)


def read_settings(data: Path) -> StationSettings:
    """Give the settings of a data folder, the defaults where it says nothing; SettingsError with every mistake."""
    source = settings_source(data)
    faults = FaultList(source)
    if not faults:
        try:
            settings = StationSettings.model_validate(source.tree, context={"folder": data})
        except ValidationError as failure:
            for error in failure.errors(include_url=False):
                _add(faults, error)
        else:
            _find_equal_places(settings, faults)
            if not faults:
                return settings
    raise SettingsError(source.path, faults.ordered())


def settings_source(data: Path) -> YamlSource:
    """Give the file's text and tree; an empty tree for a file that is not there or says nothing."""
    path = data / STATION_FILE
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return YamlSource(path, "", tree={})
    source = read_yaml(path)
    says_nothing = source.text and _NOTHING.fullmatch(source.text)
    return YamlSource(path, source.text, tree={}) if says_nothing else source


def _add(faults: FaultList, error: Any) -> None:
    """Add an error of the model; a key that belongs to an account is not one to spell otherwise."""
    place = place_of(error)
    if error["type"] == "extra_forbidden" and _KEYS.search(str(place[-1]).casefold().replace("-", "_")):
        mend = "Remove it, make the key invalid in the console, and give a new one with `station platform login`"
        faults.add(place, "an access key never stands in a file of the station", mend)
    else:
        add_model_error(faults, error, DOCUMENT)


def _find_equal_places(settings: StationSettings, faults: FaultList) -> None:
    known: dict[int, Any] = {}
    for number, lane in settings.lanes.items():
        for other, taken in known.items():
            pairs = [(getattr(lane, key), getattr(taken, key), key) for key in type(lane).model_fields]
            same = [key for mine, theirs, key in pairs if mine and mine == theirs]
            # The ports of one adapter share its serial number.
            if same and not any(mine and theirs and mine != theirs for mine, theirs, _ in pairs):
                cause = f"lane {number} is at the same place as lane {other} ({same[0]})"
                faults.add(("lanes", str(number)), cause, "Remove one of them")
                break
        known[number] = lane


def write_section(data: Path, section: str, lines: list[str]) -> None:
    """Put a whole section in its place, or at the end; every other line stays as it is. SettingsError, UsageError."""

    def changed(source: YamlSource, newline: str) -> str:
        block = newline.join([f"{section}:", *lines]) + newline
        span = source.spans.get((section,))
        if span is None:
            return _ended(source.text, newline) + block
        old = source.text.splitlines(keepends=True)
        begin, end = span.key_line - 1, span.key_line
        while end < len(old) and (old[end].startswith(" ") or not old[end].strip()):
            end += 1
        while end > span.key_line and not old[end - 1].strip():
            end -= 1
        return "".join(old[:begin]) + block + "".join(old[end:])

    _change(data, section, changed)


def write_values(data: Path, section: str, values: Mapping[str, str]) -> None:
    """Set plain keys of a section; every other line, and what stands behind them, stays as it is. SettingsError, UsageError."""
    for key, value in values.items():

        def changed(source: YamlSource, newline: str, key: str = key, value: str = value) -> str:
            text = source.text
            if (span := source.spans.get((section, key))) is not None:
                gap = "" if text[span.begin - 1 : span.begin].isspace() else " "
                return text[: span.begin] + gap + value + text[span.end :]
            if (span := source.spans.get((section,))) is None:
                return f"{_ended(text, newline)}{section}:{newline}  {key}: {value}{newline}"
            if text[span.begin : span.begin + 1] == "{":
                more = ", " if source.tree[section] else ""
                return f"{text[: span.begin + 1]}{key}: {value}{more}{text[span.begin + 1 :]}"
            lines = text.splitlines(keepends=True)
            first = next((at.key_line for place, at in source.spans.items() if place[:-1] == (section,)), None)
            indent = "  " if first is None else re.match(r" *", lines[first - 1])[0]  # type: ignore[index]  # matches all
            head = _ended("".join(lines[: span.key_line]), newline)
            return f"{head}{indent}{key}: {value}{newline}{''.join(lines[span.key_line :])}"

        _change(data, section, changed)


def write_settings_text(data: Path, text: str) -> None:
    """Put a text in the file's place, whole or not at all; UsageError."""
    path = data / STATION_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacement_of(path) as draft:
            draft.write_bytes(text.encode("utf-8"))
            if path.exists():
                shutil.copymode(path, draft)
    except OSError as error:
        cause = f"The settings cannot be written ({error.strerror})"
        raise UsageError(cause, "Correct the rights of the data folder", str(path)) from error


def _change(data: Path, section: str, changed: Callable[[YamlSource, str], str]) -> None:
    """Write a changed section after proving that nothing else says anything else."""
    source = settings_source(data)
    if source.faults or not isinstance(source.tree, dict):
        raise SettingsError(source.path, tuple(source.faults))
    if not source.path.exists():
        source = parse_yaml(source.path, first_lines())
    newline = "\r\n" if "\r\n" in source.text else "\n"
    text = changed(source, newline)
    after = parse_yaml(source.path, text)
    before = {key: value for key, value in source.tree.items() if key != section}
    if after.faults or {key: value for key, value in (after.tree or {}).items() if key != section} != before:
        raise UsageError(
            "The file is written in a way that the station cannot add to",
            f"Write each section in lines of its own, as `station settings init` does: {section}:",
            str(source.path),
        )
    write_settings_text(data, text)


def _ended(text: str, newline: str) -> str:
    return text + (newline if text and not text.endswith("\n") else "")
