"""`station profile new`: a commented profile that works, made from what an ESP-IDF build or a MicroPython image says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from station.errors import Fault, ProfileError, UsageError
from station.profile.firmware_survey import FirmwareParts, from_build, from_micropython, from_nothing, quoted
from station.profile.prepare import prepare_recipe
from station.profile.reading import draft_of
from station.profile.yaml_source import parse_yaml
from station.unit import CHIPS


@dataclass(frozen=True, slots=True)
class NewProfile:
    """A profile that was written; `open_points` is what is still to be mended in it before it can be run."""

    path: Path
    open_points: tuple[Fault, ...]
    warnings: tuple[str, ...]


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
        raise UsageError(f"The chip {chip!r} is not known", f"Give one of {', '.join(CHIPS)}")
    folder = out.parent
    if idf_build is not None:
        parts = from_build(idf_build, chip, folder)
    elif micropython is not None:
        parts = from_micropython(micropython, chip, folder)
    else:
        parts = from_nothing(chip or "esp32")
    return write_profile(name, product_key, out, parts)


def write_profile(name: str, product_key: str, out: Path, parts: FirmwareParts) -> NewProfile:
    """Write a commented profile and check it; UsageError when `out` exists, ProfileError for a value that cannot be."""
    if out.exists():
        raise UsageError(f"{out} exists already", "Give another --out, or remove that file")
    folder = out.parent
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


def _render(name: str, product_key: str, parts: FirmwareParts) -> str:
    host = parts.mqtt_host.format(host=f"{product_key}.iot-as-mqtt.cn-shanghai.aliyuncs.com")
    region = "region: {blob: cn-shanghai}" if "blob" in parts.mqtt_host else "region: cn-shanghai"
    firmware = parts.firmware
    if parts.filesystem is not None:
        partition = _filesystem_partition(parts)
        given = f"{{partition: {partition}, from: {quoted(parts.filesystem or 'app')}, type: littlefs}}"
        firmware += f"\n  {'' if parts.filesystem else '# '}filesystem: {given}   # the folder with main.py"
    online = "{by: console, expect: 'a line that your application prints when it is online', within: 30s}"
    online = f"online: {parts.online}" if parts.online else f"# online: {online}"
    return f"""\
# What every unit of this product gets, and how it is checked.
#
#   station profile check FILE    all that is wrong, and what will be written
#   station profile lock FILE     writes the SHA-256 of every file: then a changed file stops the line
#   station profile schema        JSON Schema, so that an editor completes this file

schema: 1
name: {quoted(name)}
product_key: {quoted(product_key)}
chip: {parts.chip}
flash_size: {parts.flash_size}   # the least flash a unit must have
baud: [921600, 460800, 115200]   # tried in turn

firmware:
  version: {quoted(parts.version)}
{firmware}

# batch:                          # with it, `station run FILE` is all there is to say
#   certificates: {quoted(name)}.csv   # the console's certificate CSV
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
  {online}
"""


def _filesystem_partition(parts: FirmwareParts) -> str:
    names = [partition.name for partition in parts.table.partitions] if parts.table is not None else []
    return next((name for name in ("vfs", "storage", "littlefs", "ffat") if name in names), "vfs")
