"""The bench's firmware images, made at run time with esptool's own image classes; the same bytes on every machine.

    set            chip      files → flash offset                                                  application
    training       esp32     bootloader 0x1000, partition-table 0x8000, app 0x10000 (factory)      station-training 1.0.0
    training-c3    esp32c3   bootloader 0x0, partition-table 0x8000, app 0x10000 (factory)         station-training 1.0.0
    esp-aliyun     esp32     bootloader, partition-table, ota_data_initial 0xd000, app (ota_0)     esp-aliyun-demo 1.0.0
    micropython    esp32     firmware.bin at 0x1000: one merged image, table at 0x8000 inside it   the filesystem's
    benchmark      esp32     bootloader, partition-table, app 0x10000 (1.4 MB, deflates to 0.9)    station-benchmark 1.0.0

Tables: `nvs` at 0x9000 and `phy_init` at 0xf000 everywhere; `fctry` (NVS with the certificate) at 0x110000 in training,
0x210000 in esp-aliyun (that example's own layout with ota_0, ota_1), 0x190000 in benchmark; `vfs` at 0x200000, 2 MB, in
micropython and benchmark. The code inside is noise that compresses like machine code; what the virtual chip runs is the
program frozen in the data segment (bench_program.py) or, for micropython, the flashed filesystem.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Final

from esptool.bin_image import ELFSection, ESP32C3FirmwareImage, ESP32FirmwareImage

from station.virtual.bench_program import CERTIFICATE_PROGRAM, freeze_program
from station.virtual.image_check import APP_DESCRIPTION_MAGIC
from station.virtual.partitions import (
    SUBTYPE_FACTORY,
    SUBTYPE_FAT,
    SUBTYPE_NVS,
    SUBTYPE_OTA_0,
    SUBTYPE_OTADATA,
    SUBTYPE_PHY,
    TABLE_OFFSET,
    TYPE_APP,
    TYPE_DATA,
    FlashPartition,
    pack_partition_table,
)

BENCH_VERSION: Final = "1.0.0"
MICROPYTHON_BANNER: Final = "MicroPython v1.21.0 on 2023-10-05; Generic ESP32 module with ESP32"
MERGED_IMAGE_OFFSET: Final = 0x1000
APP_OFFSET: Final = 0x10000

_IDF_VERSION: Final = b"v5.1.2"
_BUILD_DATE: Final = b"Nov 24 2026"
_BUILD_TIME: Final = b"08:00:00"
_KIB: Final = 1024
_MODE_DIO: Final = 2
_SIZE_4MB: Final = 2 << 4
_LOG_FORMATS: Final = b"\x1b[0;32mI (%lu) %s: \x00\x1b[0;33mW (%lu) %s: \x00\x1b[0;31mE (%lu) %s: \x00"
_QUIET_LOG_FORMATS: Final = b"\x1b[0;31mE (%lu) %s: \x00"
# Of each block this part cannot be compressed; the rest deflates away: 1.4 MB become 0.9 MB, as real applications do.
_NOISE_BLOCK_BYTES: Final = 256
_NOISE_BYTES: Final = 162
_NOISE_REST: Final = (b"\x36\x41\x00\x1d\xf0\x00\x00\x00" * _NOISE_BLOCK_BYTES)[: _NOISE_BLOCK_BYTES - _NOISE_BYTES]

_NVS: Final = FlashPartition("nvs", TYPE_DATA, SUBTYPE_NVS, 0x9000, 0x6000)
_PHY: Final = FlashPartition("phy_init", TYPE_DATA, SUBTYPE_PHY, 0xF000, 0x1000)
_VFS: Final = FlashPartition("vfs", TYPE_DATA, SUBTYPE_FAT, 0x200000, 0x200000)

TRAINING_TABLE: Final = (
    _NVS,
    _PHY,
    FlashPartition("factory", TYPE_APP, SUBTYPE_FACTORY, APP_OFFSET, 0x100000),
    FlashPartition("fctry", TYPE_DATA, SUBTYPE_NVS, 0x110000, 0x6000),
)
ESP_ALIYUN_TABLE: Final = (
    FlashPartition("nvs", TYPE_DATA, SUBTYPE_NVS, 0x9000, 0x4000),
    FlashPartition("otadata", TYPE_DATA, SUBTYPE_OTADATA, 0xD000, 0x2000),
    _PHY,
    FlashPartition("ota_0", TYPE_APP, SUBTYPE_OTA_0, APP_OFFSET, 0x100000),
    FlashPartition("ota_1", TYPE_APP, SUBTYPE_OTA_0 + 1, 0x110000, 0x100000),
    FlashPartition("fctry", TYPE_DATA, SUBTYPE_NVS, 0x210000, 0x4000),
)
MICROPYTHON_TABLE: Final = (
    _NVS,
    _PHY,
    FlashPartition("factory", TYPE_APP, SUBTYPE_FACTORY, APP_OFFSET, 0x180000),
    _VFS,
)
BENCHMARK_TABLE: Final = (
    _NVS,
    _PHY,
    FlashPartition("factory", TYPE_APP, SUBTYPE_FACTORY, APP_OFFSET, 0x180000),
    FlashPartition("fctry", TYPE_DATA, SUBTYPE_NVS, 0x190000, 0x6000),
    _VFS,
)


def make_bench_images(folder: Path) -> None:
    """Write every set below `folder` (about 3 MB); files that are there already are overwritten."""
    program = freeze_program(CERTIFICATE_PROGRAM)
    training = {"partition-table.bin": pack_partition_table(TRAINING_TABLE)}
    _write(folder / "training", training | _boot_and_app("esp32", "station-training", 176 * _KIB, program))
    _write(folder / "training-c3", training | _boot_and_app("esp32c3", "station-training", 176 * _KIB, program))
    aliyun = {"partition-table.bin": pack_partition_table(ESP_ALIYUN_TABLE), "ota_data_initial.bin": b"\xff" * 0x2000}
    _write(folder / "esp-aliyun", aliyun | _boot_and_app("esp32", "esp-aliyun-demo", 168 * _KIB, program))
    benchmark = {"partition-table.bin": pack_partition_table(BENCHMARK_TABLE)}
    _write(folder / "benchmark", benchmark | _boot_and_app("esp32", "station-benchmark", 1280 * _KIB, program))
    _write(folder / "micropython", {"firmware.bin": _merged_micropython()})


def make_bootloader(chip: str, *, talks: bool = True) -> bytes:
    """Give a second-stage bootloader; one that does not `talk` logs errors alone, as MicroPython's does."""
    first, second, third = _BOOTLOADER_SEGMENTS[chip]
    description = struct.pack("<B3sI32s24s16s", 80, b"", 1, _IDF_VERSION, _BUILD_DATE + b" " + _BUILD_TIME, b"")
    data = description + (_LOG_FORMATS if talks else _QUIET_LOG_FORMATS)
    segments = [
        _section("dram", first[0], data + _code("bootloader dram", first[1] - len(data))),
        _section("loader", second[0], _code("bootloader loader", second[1])),
        _section("iram", third[0], _code("bootloader iram", third[1])),
    ]
    return _save_image(chip, segments, entry_address=third[0] + 0x1CC)


def make_app(chip: str, name: str, version: str, *, code_bytes: int, data: bytes = b"") -> bytes:
    """Give an application image of about `code_bytes` + 110 KB; `data` is put into its mapped data segment."""
    drom, irom, dram, iram = _APP_ADDRESSES[chip]
    mapped = (_app_description(name, version) + data).ljust(_KIB, b"\x00")
    segments = [
        _section("drom", drom + 0x20, mapped + _code(f"{name} drom", 40 * _KIB)),
        _section("irom", irom + 0x20, _code(f"{name} irom", code_bytes)),
        _section("dram", dram, _code(f"{name} dram", 9 * _KIB)),
        _section("iram", iram, _code(f"{name} iram", 62 * _KIB)),
    ]
    return _save_image(chip, segments, entry_address=iram + 0x400)


_BOOTLOADER_SEGMENTS: Final = {
    "esp32": ((0x3FFF0030, 7172), (0x40078000, 15556), (0x40080400, 3900)),
    "esp32c3": ((0x3FCD5810, 0x17EC), (0x403CC710, 0x964), (0x403CE710, 0x2FA4)),
}
_APP_ADDRESSES: Final = {
    "esp32": (0x3F400000, 0x400D0000, 0x3FFB0000, 0x40080000),
    "esp32c3": (0x3C000000, 0x42000000, 0x3FC8C000, 0x40380000),
}


def _boot_and_app(chip: str, name: str, code_bytes: int, data: bytes) -> dict[str, bytes]:
    app = make_app(chip, name, BENCH_VERSION, code_bytes=code_bytes, data=data)
    return {"bootloader.bin": make_bootloader(chip), "app.bin": app}


def _merged_micropython() -> bytes:
    banner = f'{MICROPYTHON_BANNER}\r\n\0Type "help()" for more information.\r\n\0'.encode("ascii")
    merged = bytearray(make_bootloader("esp32", talks=False))
    merged = merged.ljust(TABLE_OFFSET - MERGED_IMAGE_OFFSET, b"\xff") + pack_partition_table(MICROPYTHON_TABLE)
    app = make_app("esp32", "micropython", "v1.21.0", code_bytes=176 * _KIB, data=banner)
    return bytes(merged.ljust(APP_OFFSET - MERGED_IMAGE_OFFSET, b"\xff") + app)


def _app_description(name: str, version: str) -> bytes:
    """Pack `esp_app_desc_t` (256 bytes; ESP-IDF, esp_app_desc.h)."""
    elf_hash = hashlib.sha256(f"{name} {version}".encode()).digest()
    return struct.pack(
        "<II8s32s32s16s16s32s32sHHB3s72s",
        APP_DESCRIPTION_MAGIC,
        0,
        b"",
        version.encode("ascii"),
        name.encode("ascii"),
        _BUILD_TIME,
        _BUILD_DATE,
        _IDF_VERSION,
        elf_hash,
        0,
        99,
        16,
        b"",
        b"",
    )


def _code(seed: str, size_bytes: int) -> bytes:
    """Give bytes that look as random and compress as well as machine code; a multiple of 4 in length."""
    blocks = -(-size_bytes // _NOISE_BLOCK_BYTES)
    noise = hashlib.shake_256(seed.encode("ascii")).digest(blocks * _NOISE_BYTES)
    parts = (noise[n * _NOISE_BYTES : (n + 1) * _NOISE_BYTES] + _NOISE_REST for n in range(blocks))
    return b"".join(parts)[: size_bytes // 4 * 4]


def _section(name: str, address: int, data: bytes) -> ELFSection:
    return ELFSection(name.encode("ascii"), address, data.ljust(-(-len(data) // 4) * 4, b"\x00"), 0)


def _save_image(chip: str, segments: list[ELFSection], entry_address: int) -> bytes:
    image = ESP32C3FirmwareImage() if chip == "esp32c3" else ESP32FirmwareImage()
    image.flash_mode = _MODE_DIO
    image.flash_size_freq = _SIZE_4MB | (0xF if chip == "esp32c3" else 0x0)
    image.max_rev_full = 199 if chip == "esp32c3" else 399
    image.entrypoint = entry_address
    image.segments = segments
    return bytes(image.save(None))


def _write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
