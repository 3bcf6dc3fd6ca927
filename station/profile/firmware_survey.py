"""What a firmware says about itself: an ESP-IDF build folder, a folder of images, or one MicroPython image → parts of a profile."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from station.errors import ProfileError, UsageError
from station.image.esp_image import BOOTLOADER_OFFSETS, EspImage, check_esp_image, is_esp_image
from station.image.fault import ImageFault
from station.image.merged_image import check_merged_image
from station.image.partition_table import TABLE_OFFSET, PartitionTable, find_partition_table, parse_partition_table
from station.profile.faults import FaultList, Spot
from station.profile.idf_build import FILE_NAME, IdfBuild, read_idf_build
from station.profile.yaml_source import YamlSource
from station.unit import CHIPS

_VERSION: Final = re.compile(r"[0-9]+(\.[0-9]+){2,}[A-Za-z0-9.+-]*")
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./ -]*[A-Za-z0-9_./-]|[A-Za-z]|\.\.?/[A-Za-z0-9_./-]*")
_WORDS_OF_YAML: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_TABLE_MAGIC: Final = b"\xaa\x50"
_IMAGE_BYTES_MAX: Final = 16 << 20
_FILES_MAX: Final = 100
_GIVE: Final = "Give the build folder of ESP-IDF, a folder of images, or the .bin of MicroPython"


@dataclass(slots=True)
class FirmwareParts:
    """The pieces of the YAML that depend on the firmware."""

    chip: str
    flash_size: str = "4MB"
    version: str = "0.1.0"
    firmware: str = ""
    credentials: str = "{preset: esp-aliyun}   # strings in partition fctry, namespace aliyun-key"
    mqtt_host: str = "mqtt_host: {host}"
    mqtt_port: str = "mqtt_port: {u16: 1883}   # a number says its type: the firmware must ask for the same one"
    boot: str = r"'Calling app_main\(\)'"
    boot_hint: str = "ESP-IDF's own line; better is a line that your application prints when it is ready"
    online: str | None = None
    """The check `online:`, as YAML."""
    project: str | None = None
    """What the application calls itself."""
    table: PartitionTable | None = None
    filesystem: str | None = None
    """Folder of the application's files, relative to the profile; empty: still to come, None: there is none."""

    def take_app(self, image: EspImage) -> None:
        """Note the application's own name and version."""
        if image.app is not None:
            self.version = image.app.version.lstrip("v") or self.version
            self.project = image.app.project_name or None

    def take_table(self, table: PartitionTable, lines: list[str], written: set[str | None]) -> None:
        """Note where the credentials go, and add which partitions are made blank: those that no image is written to."""
        self.table = table
        stored = _credentials_partition(table)
        blank = [
            partition.name
            for partition in table.partitions
            if partition.name not in written | {stored}
            and (partition.is_otadata or (partition.is_nvs and partition.name == "nvs"))
        ]
        if blank:
            lines.append(f"  erase: [{', '.join(map(quoted, blank))}]   # a reworked unit starts as a new one")
        if stored not in {None, "fctry"}:
            self.credentials = (
                f"{{preset: esp-aliyun, partition: {quoted(str(stored))}}}   # strings in namespace aliyun-key"
            )


def survey_firmware(path: Path, chip: str | None, folder: Path) -> FirmwareParts:
    """Find out what a build folder, a project folder, a folder of images or a MicroPython image is; `folder`: of the profile.

    Raises UsageError when it is none of these, ProfileError when it cannot be used.
    """
    for build in (path, path / "build"):
        if (build / FILE_NAME).is_file():
            return from_build(build, chip, folder)
    if path.is_dir():
        return from_images(path, chip, folder)
    parts = from_micropython(path, chip, folder)
    if parts.table is None:
        raise UsageError(f"{path} holds no partition table, so it is no MicroPython image", _GIVE)
    return parts


def from_build(build_folder: Path, chip: str | None, folder: Path) -> FirmwareParts:
    """Take an ESP-IDF build folder, whose flasher_args.json names files and addresses."""
    faults = FaultList(YamlSource(build_folder, ""))
    build = read_idf_build(build_folder, Spot(build_folder, None), faults)
    faults.raise_if_any()
    if build is None:
        raise AssertionError("a build that cannot be read has faults")
    parts = FirmwareParts(chip or (build.chip if build.chip in CHIPS else None) or "esp32")
    table = _table_of(build)
    if build.flash_size_bytes is not None and build.flash_size is not None:
        parts.flash_size = build.flash_size
    elif table is not None:
        parts.flash_size = _least_flash(table)
    if (app := _app_of(build, table)) is not None:
        parts.take_app(app)
    lines = [
        f"  idf_build: {quoted(relative_to(build_folder, folder))}   # its flasher_args.json names files and addresses"
    ]
    if table is not None:
        offsets = {file.offset for file in build.files}
        parts.take_table(table, lines, {part.name for part in table.partitions if part.offset in offsets})
    parts.firmware = "\n".join(lines)
    return parts


def from_micropython(image: Path, chip: str | None, folder: Path) -> FirmwareParts:
    """Take the .bin of MicroPython: one image with bootloader, partition table and interpreter."""
    try:
        data = image.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{image} cannot be read: {error.strerror or error}", "Give the .bin of micropython.org"
        ) from None
    if chip is None:
        try:
            chip = _chip_of([check_esp_image(data, image.name)])
        except ImageFault:
            chip = None  # an image that begins at 0 says it further inside
    parts = FirmwareParts(chip or "esp32")
    offset = BOOTLOADER_OFFSETS[parts.chip] if is_esp_image(data) else 0
    try:
        table = find_partition_table(data, offset)
    except ImageFault as fault:
        raise ProfileError(fault.cause, fault.mend, str(image)) from None
    parts.firmware = f"  images:\n    - {{file: {quoted(relative_to(image, folder))}, at: {offset:#x}}}"
    parts.filesystem = ""
    if table is not None:
        parts.table = table
        parts.flash_size = _least_flash(table)
        parts.version = _merged_version(data, offset, image.name) or parts.version
    parts.credentials = "{preset: micropython}   # blobs in partition nvs, namespace aliyun-key"
    parts.mqtt_host = "mqtt_host: {{blob: {host}}}"
    parts.mqtt_port = "mqtt_port: {i32: 1883}   # esp32.NVS reads i32 and blob only"
    parts.boot = r"'MicroPython v\d+\.\d+'"
    parts.boot_hint = "MicroPython's banner; better is a line that your main.py prints when it is ready"
    return parts


def from_images(images: Path, chip: str | None, folder: Path) -> FirmwareParts:
    """Take a folder that holds bootloader, partition table and application as files of their own."""
    found: list[tuple[Path, bytes]] = []
    try:
        for path in sorted(images.glob("*.bin"))[:_FILES_MAX]:
            with path.open("rb") as file:
                found.append((path, file.read(_IMAGE_BYTES_MAX)))
    except OSError as error:
        raise UsageError(f"{images} cannot be read: {error.strerror or error}", "Give another folder") from None
    tables = [(path, data) for path, data in found if data.startswith(_TABLE_MAGIC)]
    if not tables:
        raise UsageError(
            f"{images} holds neither {FILE_NAME} nor a partition table",
            _GIVE,
        )
    try:
        table = parse_partition_table(tables[0][1])
        told = [(path, check_esp_image(data, path.name)) for path, data in found if is_esp_image(data)]
    except ImageFault as fault:
        raise ProfileError(fault.cause, fault.mend, str(images)) from None
    apps = [(path, image) for path, image in told if image.app is not None]
    loaders = [(path, image) for path, image in told if image.app is None]
    parts = FirmwareParts(chip or _chip_of(image for _, image in told) or "esp32")
    built_for = max((image.flash_size_bytes or 0 for _, image in told), default=0)
    parts.flash_size = _flash_size(max(built_for, _end(table)))
    rows = [(path, f"{BOOTLOADER_OFFSETS[parts.chip]:#x}") for path, _ in loaders[:1]]
    rows.append((tables[0][0], f"{TABLE_OFFSET:#x}"))
    blank = [path for path, data in found if data and not data.strip(b"\xff")]
    otadata = next((partition.name for partition in table.partitions if partition.is_otadata), None)
    if otadata is not None:
        rows += [(path, otadata) for path in blank[:1]]
    first = table.boot_app()
    if first is not None and apps:
        rows.append((apps[0][0], first.name))
        parts.take_app(apps[0][1])
    lines = ["  images:", *(f"    - {{file: {quoted(relative_to(path, folder))}, at: {at}}}" for path, at in rows)]
    parts.take_table(table, lines, {otadata} if len(rows) > 3 else set())
    parts.firmware = "\n".join(lines)
    return parts


def from_nothing(chip: str) -> FirmwareParts:
    """Give parts for files that are still to come."""
    return FirmwareParts(
        chip,
        firmware=(
            "  images:                       # paths are relative to this file\n"
            f"    - {{file: build/bootloader/bootloader.bin, at: {BOOTLOADER_OFFSETS[chip]:#x}}}\n"
            "    - {file: build/partition_table/partition-table.bin, at: 0x8000}\n"
            "    - {file: build/app.bin, at: factory}   # an address, or a partition's name"
        ),
    )


def _table_of(build: IdfBuild) -> PartitionTable | None:
    for file in build.files:
        try:
            data = (build.folder / file.name).read_bytes()
            if data.startswith(b"\xaa\x50"):
                return parse_partition_table(data)
        except (OSError, ImageFault):
            continue  # the check of the finished profile tells it with its line
    return None


def _app_of(build: IdfBuild, table: PartitionTable | None) -> EspImage | None:
    first = table.boot_app() if table is not None else None
    for file in build.files:
        if first is not None and file.offset == first.offset:
            try:
                return check_esp_image((build.folder / file.name).read_bytes(), file.name)
            except (OSError, ImageFault):
                return None  # the check of the finished profile tells it with its line
    return None


def _chip_of(images: Iterable[EspImage]) -> str | None:
    return next((image.chip for image in images if image.chip in CHIPS), None)


def _merged_version(data: bytes, offset: int, name: str) -> str | None:
    try:
        app = check_merged_image(data, offset, name).app.app
    except ImageFault:
        return None  # the check of the finished profile tells it with its line
    return app.version.lstrip("v") if app is not None and app.version else None


def _credentials_partition(table: PartitionTable) -> str | None:
    names = [partition.name for partition in table.partitions if partition.is_nvs]
    if "fctry" in names:
        return "fctry"
    return next((name for name in names if name != "nvs"), names[0] if names else None)


def _least_flash(table: PartitionTable) -> str:
    return _flash_size(_end(table))


def _end(table: PartitionTable) -> int:
    return max(partition.end for partition in table.partitions)


def _flash_size(size_bytes: int) -> str:
    return f"{1 << max(0, (size_bytes - 1).bit_length() - 20)}MB"


def relative_to(path: Path, folder: Path) -> str:
    """Give a path as the profile in a folder writes it."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.resolve().as_posix()


def quoted(text: str) -> str:
    """Give a text as a YAML scalar, in quotes where it needs them."""
    if _VERSION.fullmatch(text) or (_PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML):
        return text
    return "'" + text.replace("'", "''") + "'"
