"""The files that a profile names: where they are, what they hold. Each is read once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from station.errors import Why
from station.profile.faults import Spot
from station.profile.idf_build import read_idf_build
from station.profile.quantities import shown
from station.profile.reading import Draft
from station.profile.yaml_source import Place

PUT_BACK: Final = "Put the right file back; if the change is meant, run `station profile lock`"


@dataclass(frozen=True, slots=True)
class FirmwareFile:
    """A file that was read. `spot` is the line that names it, `at` the address or partition that it is meant for."""

    name: str
    path: Path
    at: int | str
    spot: Spot
    hash_place: Place
    data: bytes = field(repr=False)
    sha256: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file as it is named, before it is read. `hash_place` is where the profile has, or would have, its hash."""

    name: str
    path: Path
    at: int | str
    spot: Spot
    expected_sha256: str | None
    hash_place: Place


def named_files(draft: Draft) -> Iterator[NamedFile]:
    """Give the files that the profile, or the ESP-IDF build that it names, is made of."""
    profile, faults, folder = draft.profile, draft.faults, draft.source.path.parent
    if profile is None:
        return
    firmware = profile.firmware
    for index, image in enumerate(firmware.images):
        place = ("firmware", "images", index)
        if draft.is_sure(*place) or (draft.is_sure(*place, "file") and draft.is_sure(*place, "at")):
            yield NamedFile(
                image.file,
                folder / image.file,
                image.at,
                faults.spot((*place, "file")),
                image.sha256,
                (*place, "sha256"),
            )
    if firmware.idf_build is None or not draft.is_sure("firmware", "idf_build"):
        return
    spot = faults.spot(("firmware", "idf_build"))
    build = read_idf_build(folder / firmware.idf_build, spot, faults)
    if build is None:
        return
    build.check(profile, draft)
    for entry in build.files:
        yield NamedFile(
            entry.name,
            build.folder / entry.name,
            entry.offset,
            entry.spot,
            firmware.sha256.get(entry.name),
            ("firmware", "sha256", entry.name),
        )
    for name in sorted(set(firmware.sha256) - {entry.name for entry in build.files}):
        faults.add(
            ("firmware", "sha256", name),
            f"{shown(name)} is not a file of the build",
            "Run `station profile lock` to write the hashes of the build",
        )


def read_firmware(draft: Draft, *, verify_hashes: bool) -> tuple[list[FirmwareFile], bool]:
    """Read every file, and say whether all could be read. An unreadable file or another hash is noted as a fault."""
    read = []
    names = list(named_files(draft))
    for named in names:
        data = read_file(named.path, named.name, named.spot, draft)
        if data is None:
            continue
        digest = hashlib.sha256(data).hexdigest()
        if verify_hashes and named.expected_sha256 not in {None, digest}:
            draft.faults.add(
                named.hash_place,
                f"{shown(named.name)} has changed: its SHA-256 is {digest[:12]}…, "
                f"the profile says {str(named.expected_sha256)[:12]}…",
                PUT_BACK,
                why=Why.FILE_CHANGED,
                facts={"file": shown(named.name)},
            )
        read.append(FirmwareFile(named.name, named.path, named.at, named.spot, named.hash_place, data, digest))
    return read, len(read) == len(names) > 0


def read_file(path: Path, name: str, spot: Spot, draft: Draft) -> bytes | None:
    """Read one file, when it is a plain file of a believable size; None and a fault when not."""
    faults = draft.faults
    limit_bytes = draft.profile.flash_size_bytes if draft.profile is not None else 1 << 27
    try:
        if not path.exists():
            faults.add_at(
                spot,
                f"the file {shown(name)} is missing",
                _where(path),
                why=Why.FILE_MISSING,
                facts={"file": shown(name)},
            )
            return None
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "no plain file"
            faults.add_at(spot, f"{shown(name)} is {kind}", "Name the .bin file itself")
            return None
        size_bytes = path.stat().st_size
        if size_bytes == 0:
            faults.add_at(
                spot,
                f"the file {shown(name)} is empty",
                "Build the firmware again, or copy the file again",
                why=Why.FILE_EMPTY,
                facts={"file": shown(name)},
            )
            return None
        if size_bytes > limit_bytes:
            faults.add_at(
                spot,
                f"the file {shown(name)} has {size_bytes} bytes, the flash has {limit_bytes}",
                "Name the right file, or correct `flash_size`",
            )
            return None
        return path.read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        faults.add_at(spot, f"the file {shown(name)} cannot be read: {why}", "Correct the path or the file's rights")
        return None


def _where(path: Path) -> str:
    """Say where the file was looked for, and how far the path is right."""
    there = path.parent
    while not there.is_dir() and there != there.parent:
        there = there.parent
    looked = f"It was looked for as {path}"
    return (
        f"{looked}; correct the path, or build the firmware" if there == path.parent else f"{looked}; {there} is there"
    )


def folder_sha256(files: dict[str, bytes | None]) -> str:
    """Give one SHA-256 over a folder's files: of each its path and its bytes, in the order of the paths."""
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        if data is not None:
            digest.update(f"{len(name.encode())} {name} {len(data)}\n".encode())
            digest.update(data)
    return digest.hexdigest()
