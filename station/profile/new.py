"""`station profile new`: a commented profile that works, made from what an ESP-IDF build or a MicroPython image says."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from station.errors import Fault, ProfileError, UsageError
from station.image.esp_image import BOOTLOADER_OFFSETS, check_esp_image, is_esp_image
from station.image.fault import ImageFault
from station.image.merged_image import check_merged_image
from station.image.partition_table import PartitionTable, find_partition_table, parse_partition_table
from station.profile.faults import FaultList, Spot
from station.profile.idf_build import IdfBuild, read_idf_build
from station.profile.model import CHIPS
from station.profile.prepare import prepare_recipe
from station.profile.reading import draft_of
from station.profile.yaml_source import YamlSource, parse_yaml

_VERSION: Final = re.compile(r"[0-9]+(\.[0-9]+){2,}[A-Za-z0-9.+-]*")
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./ -]*[A-Za-z0-9_./-]|[A-Za-z]|\.\.?/[A-Za-z0-9_./-]*")
_WORDS_OF_YAML: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class NewProfile:
    """A profile that was written; `open_points` is what is still to be mended in it before it can be run."""

    path: Path
    open_points: tuple[Fault, ...]
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Parts:
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


def new_profile(
    name: str,
    *,
    product_key: str,
    out: Path,
    chip: str | None = None,
    idf_build: Path | None = None,
    micropython: Path | None = None,
) -> NewProfile:
    """Write a commented profile for a build, for a MicroPython image, or for files still to come.

    Raises UsageError when the arguments contradict each other or `out` exists, ProfileError when the build or a value
    cannot be used.
    """
    if idf_build is not None and micropython is not None:
        raise UsageError("--idf-build and --micropython were both given", "Give one of them")
    if chip is not None and chip not in CHIPS:
        raise UsageError(f"The chip {chip!a} is not known", f"Give one of {', '.join(CHIPS)}")
    if out.exists():
        raise UsageError(f"{out} exists already", "Give another --out, or remove that file")
    folder = out.parent
    if idf_build is not None:
        parts = _from_build(idf_build, chip, folder)
    elif micropython is not None:
        parts = _from_micropython(micropython, chip or "esp32", folder)
    else:
        parts = _from_nothing(chip or "esp32")
    text = _render(name, product_key, parts)
    draft_of(parse_yaml(out, text)).faults.raise_if_any()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with out.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise ProfileError(
            f"The file cannot be written: {error.strerror or error}", "Give another --out", str(out)
        ) from None
    try:
        return NewProfile(out, (), prepare_recipe(out).warnings)
    except ProfileError as error:
        return NewProfile(out, error.faults, ())


def _from_build(build_folder: Path, chip: str | None, folder: Path) -> _Parts:
    faults = FaultList(YamlSource(build_folder, ""))
    build = read_idf_build(build_folder, Spot(build_folder, None), faults)
    faults.raise_if_any()
    if build is None:
        raise AssertionError("a build that cannot be read has faults")
    parts = _Parts(chip or (build.chip if build.chip in CHIPS else None) or "esp32")
    table = _table_of(build)
    if build.flash_size_bytes is not None and build.flash_size is not None:
        parts.flash_size = build.flash_size
    elif table is not None:
        parts.flash_size = _least_flash(table)
    parts.version = _version_of(build, table) or parts.version
    lines = [
        f"  idf_build: {_quoted(_relative(build_folder, folder))}   # its flasher_args.json names files and addresses"
    ]
    if table is not None:
        stored = _credentials_partition(table)
        written = {file.offset for file in build.files}
        blank = [
            partition.name
            for partition in table.partitions
            if partition.offset not in written
            and partition.name != stored
            and (partition.is_otadata or (partition.is_nvs and partition.name == "nvs"))
        ]
        if blank:
            lines.append(f"  erase: [{', '.join(map(_quoted, blank))}]   # a reworked unit starts as a new one")
        if stored not in {None, "fctry"}:
            parts.credentials = (
                f"{{preset: esp-aliyun, partition: {_quoted(str(stored))}}}   # strings in namespace aliyun-key"
            )
    parts.firmware = "\n".join(lines)
    return parts


def _from_micropython(image: Path, chip: str, folder: Path) -> _Parts:
    parts = _Parts(chip)
    try:
        data = image.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{image} cannot be read: {error.strerror or error}", "Give the .bin of micropython.org"
        ) from None
    offset = BOOTLOADER_OFFSETS[chip] if is_esp_image(data) else 0
    try:
        table = find_partition_table(data, offset)
    except ImageFault as fault:
        raise ProfileError(fault.cause, fault.mend, str(image)) from None
    parts.firmware = (
        f"  images:\n    - {{file: {_quoted(_relative(image, folder))}, at: {offset:#x}}}\n"
        "  # filesystem: {partition: vfs, from: app, type: littlefs}   # your folder with main.py"
    )
    if table is not None:
        parts.flash_size = _least_flash(table)
        parts.version = _merged_version(data, offset, image.name) or parts.version
    parts.credentials = "{preset: micropython}   # blobs in partition nvs, namespace aliyun-key"
    parts.mqtt_host = "mqtt_host: {{blob: {host}}}"
    parts.mqtt_port = "mqtt_port: {i32: 1883}   # esp32.NVS reads i32 and blob only"
    parts.boot = r"'MicroPython v\d+\.\d+'"
    parts.boot_hint = "MicroPython's banner; better is a line that your main.py prints when it is ready"
    return parts


def _from_nothing(chip: str) -> _Parts:
    return _Parts(
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


def _version_of(build: IdfBuild, table: PartitionTable | None) -> str | None:
    first = table.boot_app() if table is not None else None
    for file in build.files:
        if first is not None and file.offset == first.offset:
            try:
                app = check_esp_image((build.folder / file.name).read_bytes(), file.name).app
            except (OSError, ImageFault):
                return None  # the check of the finished profile tells it with its line
            return app.version if app is not None and app.version else None
    return None


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
    end = max(partition.end for partition in table.partitions)
    return f"{1 << max(0, (end - 1).bit_length() - 20)}MB"


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.resolve().as_posix()


def _quoted(text: str) -> str:
    if _VERSION.fullmatch(text) or (_PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML):
        return text
    return "'" + text.replace("'", "''") + "'"


def _render(name: str, product_key: str, parts: _Parts) -> str:
    host = parts.mqtt_host.format(host=f"{product_key}.iot-as-mqtt.cn-shanghai.aliyuncs.com")
    region = "region: {blob: cn-shanghai}" if "blob" in parts.mqtt_host else "region: cn-shanghai"
    return f"""\
# What every unit of this product gets, and how it is checked.
#
#   station profile check FILE    all that is wrong, and what will be written
#   station profile lock FILE     writes the SHA-256 of every file: then a changed file stops the line
#   station profile schema        JSON Schema, so that an editor completes this file

schema: 1
name: {_quoted(name)}
product_key: {_quoted(product_key)}
chip: {parts.chip}
flash_size: {parts.flash_size}   # the least flash a unit must have
baud: [921600, 460800, 115200]   # tried in turn

firmware:
  version: {_quoted(parts.version)}
{parts.firmware}

# batch:                          # with it, `station run FILE` is all there is to say
#   certificates: {_quoted(name)}.csv   # the console's certificate CSV
#   work_order: WO-1
#   quantity: 100

credentials: {parts.credentials}

# sdk_config:                     # the same NVS values for every unit, beside the credentials
#   namespace: sdk
#   values:
#     {region}
#     {host}
#     {parts.mqtt_port}

checks:
  boot: {{expect: {parts.boot}, within: 20s}}   # {parts.boot_hint}
  # online: {{by: console, expect: 'a line that your application prints when it is online', within: 30s}}
"""
