"""The bench's images against esptool, and against the station's own reader of partition tables."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import pytest
from esptool.bin_image import LoadFirmwareImage

from station.virtual.image_check import read_image
from station.virtual.images import APP_OFFSET, MERGED_IMAGE_OFFSET, make_bench_images
from station.virtual.partitions import TABLE_OFFSET, TableFault, pack_partition_table, read_partition_table

FLASH_SIZE_BYTES = 0x400000
IMAGES = [
    ("esp32", "training/bootloader.bin", 0),
    ("esp32", "training/app.bin", 0),
    ("esp32c3", "training-c3/bootloader.bin", 0),
    ("esp32c3", "training-c3/app.bin", 0),
    ("esp32", "esp-aliyun/app.bin", 0),
    ("esp32", "benchmark/app.bin", 0),
    ("esp32", "micropython/firmware.bin", 0),
    ("esp32", "micropython/firmware.bin", APP_OFFSET - MERGED_IMAGE_OFFSET),
]
TABLES = [
    ("training", {"nvs": 0x9000, "phy_init": 0xF000, "factory": 0x10000, "fctry": 0x110000}),
    ("benchmark", {"nvs": 0x9000, "phy_init": 0xF000, "factory": 0x10000, "fctry": 0x190000, "vfs": 0x200000}),
    (
        "esp-aliyun",
        {"nvs": 0x9000, "otadata": 0xD000, "phy_init": 0xF000, "ota_0": 0x10000, "ota_1": 0x110000, "fctry": 0x210000},
    ),
]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    make_bench_images(folder)
    return folder


@pytest.mark.parametrize(("chip", "name", "begin"), IMAGES)
def test_esptool_takes_every_image(images: Path, chip: str, name: str, begin: int) -> None:
    image = LoadFirmwareImage(chip, (images / name).read_bytes()[begin:])
    assert image.checksum == image.calculate_checksum()
    assert image.stored_digest == image.calc_digest


@pytest.mark.parametrize(("chip", "name", "begin"), IMAGES)
def test_the_chips_own_check_takes_every_image(images: Path, chip: str, name: str, begin: int) -> None:
    data = (images / name).read_bytes()
    image = read_image(lambda offset, size: data[offset : offset + size].ljust(size, b"\xff"), begin, len(data) - begin)
    assert image.fault is None
    assert image.hash_read == image.hash_calculated


def test_the_same_bytes_are_made_every_time(images: Path, tmp_path: Path) -> None:
    make_bench_images(tmp_path)
    made = {p.relative_to(tmp_path): hashlib.sha256(p.read_bytes()).digest() for p in tmp_path.rglob("*.bin")}
    assert made == {p.relative_to(images): hashlib.sha256(p.read_bytes()).digest() for p in images.rglob("*.bin")}


def test_the_training_images_are_about_300_kb(images: Path) -> None:
    total = sum(path.stat().st_size for path in (images / "training").glob("*.bin"))
    assert 280_000 < total < 340_000


def test_the_benchmark_is_1_4_mb_that_deflate_to_0_9_mb(images: Path) -> None:
    app = (images / "benchmark" / "app.bin").read_bytes()
    assert 1_380_000 < len(app) < 1_450_000
    assert 870_000 < len(zlib.compress(app, 9)) < 950_000


@pytest.mark.parametrize(("name", "offsets"), TABLES)
def test_the_tables_hold_the_documented_partitions(images: Path, name: str, offsets: dict[str, int]) -> None:
    table = (images / name / "partition-table.bin").read_bytes()
    partitions = read_partition_table(table, FLASH_SIZE_BYTES)
    assert {partition.name: partition.offset for partition in partitions} == offsets


def test_the_table_lies_at_0x8000_inside_the_merged_image(images: Path) -> None:
    merged = (images / "micropython" / "firmware.bin").read_bytes()
    partitions = read_partition_table(merged[TABLE_OFFSET - MERGED_IMAGE_OFFSET :][:0xC00], FLASH_SIZE_BYTES)
    assert [partition.name for partition in partitions] == ["nvs", "phy_init", "factory", "vfs"]


def test_a_changed_table_fails_its_md5(images: Path) -> None:
    table = bytearray((images / "training" / "partition-table.bin").read_bytes())
    table[5] ^= 1
    with pytest.raises(TableFault, match="Incorrect MD5 checksum"):
        read_partition_table(bytes(table), FLASH_SIZE_BYTES)


def test_a_table_for_a_larger_flash_is_refused(images: Path) -> None:
    table = (images / "micropython" / "firmware.bin").read_bytes()[TABLE_OFFSET - MERGED_IMAGE_OFFSET :][:0xC00]
    with pytest.raises(TableFault, match="exceeds flash chip size 0x200000"):
        read_partition_table(table, 0x200000)


def test_a_table_packed_again_is_the_same(images: Path) -> None:
    table = (images / "training" / "partition-table.bin").read_bytes()
    assert pack_partition_table(read_partition_table(table, FLASH_SIZE_BYTES)) == table
