"""An ESP-IDF build folder: its flasher_args.json names the files, their addresses and the chip.

Format: ESP-IDF components/esptool_py/flasher_args.json.in and project_include.cmake (v4 to v5.5): flash_files maps
addresses to files relative to the build folder; each target also has an entry with "encrypted".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic_core import PydanticCustomError

from station.errors import Why
from station.profile.faults import FaultList, Spot
from station.profile.model import Profile
from station.profile.quantities import read_size, shown
from station.profile.reading import Draft

FILE_NAME: Final = "flasher_args.json"
_SIZE_BYTES_MAX: Final = 1 << 20
_OFFSET: Final = re.compile(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10}")
_BUILD_AGAIN: Final = "Run `idf.py build`, and name its `build` folder"


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """One file of the build, by its path inside the folder."""

    name: str
    offset: int
    spot: Spot


@dataclass(frozen=True, slots=True)
class IdfBuild:
    """What flasher_args.json says. `chip` and `flash_size` as it writes them; None when it does not."""

    folder: Path
    files: tuple[BuiltFile, ...]
    chip: str | None
    chip_spot: Spot
    flash_size: str | None
    flash_size_spot: Spot

    def check(self, profile: Profile, draft: Draft) -> None:
        """Note where the build contradicts the profile."""
        if self.chip is not None and self.chip != profile.chip and draft.is_sure("chip"):
            draft.faults.add(
                ("firmware", "idf_build"),
                f"the build is for {self.chip}, the profile for {profile.chip}",
                f"Name a build for {profile.chip}, or write `chip: {self.chip}`",
            )
        wanted = self.flash_size_bytes
        if wanted is not None and wanted > profile.flash_size_bytes and draft.is_sure("flash_size"):
            draft.faults.add(
                ("flash_size",),
                f"the build is for a flash of {self.flash_size}, which is larger than the profile's",
                f"Write `flash_size: {self.flash_size}`, or build for the smaller flash",
            )

    @property
    def flash_size_bytes(self) -> int | None:
        """The flash size that the build is for; None for `detect` and `keep`."""
        try:
            return None if self.flash_size is None else read_size(self.flash_size)
        except PydanticCustomError:
            return None


def read_idf_build(folder: Path, spot: Spot, faults: FaultList) -> IdfBuild | None:
    """Read the build's flasher_args.json; None, and faults, when it cannot be used."""
    path = folder / FILE_NAME
    text = _read_text(folder, path, spot, faults)
    if text is None:
        return None
    try:
        content: Any = json.loads(text)
    except json.JSONDecodeError as error:
        faults.add_at(Spot(path, error.lineno), f"this is no JSON: {error.msg}", _BUILD_AGAIN)
        return None
    except RecursionError:
        faults.add_at(Spot(path, None), "its values are nested too deeply", _BUILD_AGAIN)
        return None
    named = content.get("flash_files") if isinstance(content, dict) else None
    if not isinstance(named, dict) or not named:
        faults.add_at(Spot(path, None), "it has no `flash_files`", _BUILD_AGAIN)
        return None
    encrypted = _encrypted_files(content)
    files = []
    for offset, name in named.items():
        place = Spot(path, _line_of(text, offset))
        if not isinstance(name, str) or not name or not _OFFSET.fullmatch(offset):
            faults.add_at(place, f"`flash_files` has {shown(offset)}: {shown(name)}, no address and file", _BUILD_AGAIN)
            continue
        if name in encrypted:
            faults.add_at(
                place,
                f"{shown(name)} is meant for flash encryption, which this station does not set up",
                "Build without flash encryption",
            )
        files.append(BuiltFile(name, int(offset, 16 if offset[:2].lower() == "0x" else 10), place))
    chip = _text_at(content, "extra_esptool_args", "chip")
    size = _text_at(content, "flash_settings", "flash_size")
    return IdfBuild(
        folder,
        tuple(files),
        chip,
        Spot(path, _line_of(text, "chip")),
        size,
        Spot(path, _line_of(text, "flash_settings")),
    )


def _read_text(folder: Path, path: Path, spot: Spot, faults: FaultList) -> str | None:
    try:
        if not folder.is_dir():
            there = "is no folder" if folder.exists() else "is missing"
            faults.add_at(
                spot,
                f"the build folder {shown(folder.name)} {there}",
                _BUILD_AGAIN,
                why=Why.FILE_MISSING,
                facts={"file": shown(folder.name)},
            )
            return None
        if not path.is_file():
            faults.add_at(spot, f"the folder {shown(folder.name)} holds no {FILE_NAME}", _BUILD_AGAIN)
            return None
        with path.open("rb") as file:
            data = file.read(_SIZE_BYTES_MAX + 1)
    except OSError as error:
        faults.add_at(spot, f"{FILE_NAME} cannot be read: {error.strerror or error}", "Correct the rights of the file")
        return None
    try:
        return data[:_SIZE_BYTES_MAX].decode("utf-8-sig")
    except UnicodeDecodeError:
        faults.add_at(Spot(path, None), "it is not UTF-8", _BUILD_AGAIN)
        return None


def _encrypted_files(content: dict[str, Any]) -> frozenset[str]:
    entries = (entry for entry in content.values() if isinstance(entry, dict))
    return frozenset(str(entry.get("file")) for entry in entries if str(entry.get("encrypted")).lower() == "true")


def _line_of(text: str, key: str) -> int | None:
    at = text.find(f'"{key}"')
    return None if at < 0 else text.count("\n", 0, at) + 1


def _text_at(content: dict[str, Any], section: str, key: str) -> str | None:
    inner = content.get(section)
    value = inner.get(key) if isinstance(inner, dict) else None
    return value if isinstance(value, str) else None
