"""ESP images: what the chip's bootloader would refuse is refused here first."""

from __future__ import annotations

import functools
import operator
import time
from random import Random

import pytest
from esptool.bin_image import ELFSection, ESP32C3FirmwareImage, ESP32FirmwareImage
from esptool.targets import CHIP_DEFS
from hypothesis import given
from hypothesis import strategies as st

from station.image.esp_image import (
    BOOTLOADER_OFFSETS,
    CHIP_BY_IMAGE_ID,
    _xor_of_bytes,
    check_esp_image,
    is_esp_image,
)
from station.image.fault import ImageFault
from tests.image.by_hand import app_description, esp_image


def test_an_application_is_described() -> None:
    raw = esp_image(segments=(app_description("plug", "1.4.2", "v5.3") + b"x" * 64, b"code" * 9), revision=301)
    image = check_esp_image(raw, "app.bin")
    assert image.chip == "esp32"
    assert image.length_bytes == len(raw)
    assert image.has_hash
    assert image.app is not None
    assert (image.app.project_name, image.app.version, image.app.idf_version) == ("plug", "1.4.2", "v5.3")
    assert image.app.built == "Nov  1 2026 12:34:56"
    assert image.app.secure_version == 3
    assert image.app.elf_sha256 == bytes(range(32)).hex()
    assert image.flash_size_bytes == 4 << 20
    assert image.flash_mode == "dio"
    assert image.minimum_revision == 301


def test_a_bootloader_has_no_description() -> None:
    image = check_esp_image(esp_image(5), "bootloader.bin")
    assert image.app is None
    assert image.chip == "esp32c3"
    assert image.bootloader_offset == 0


def test_an_image_without_hash_is_whole_without_it() -> None:
    raw = esp_image(hashed=False)
    assert check_esp_image(raw, "app.bin").length_bytes == len(raw)
    assert not check_esp_image(raw, "app.bin").has_hash


def test_bytes_behind_the_image_are_not_part_of_it() -> None:
    raw = esp_image()
    assert check_esp_image(raw + b"\xff" * 5000, "app.bin").length_bytes == len(raw)


@pytest.mark.parametrize("made_by", [ESP32FirmwareImage, ESP32C3FirmwareImage])
def test_images_of_esptools_own_classes_pass(made_by: type[ESP32FirmwareImage]) -> None:
    image = made_by()
    image.entrypoint = 0x40380000
    image.segments = [
        ELFSection(b".data", 0x3FFB0000, b"data" * 40, 0),
        ELFSection(b".text", 0x40080000, b"code" * 101, 0),
    ]
    raw = image.save(None)
    assert raw is not None
    checked = check_esp_image(raw, "app.bin")
    assert checked.length_bytes == len(raw)
    assert checked.chip == made_by.ROM_LOADER.CHIP_NAME.lower().replace("-", "")


def test_the_chips_are_esptools() -> None:
    theirs = {name: chip for name, chip in CHIP_DEFS.items() if name != "esp8266"}
    assert {chip.IMAGE_CHIP_ID: name for name, chip in theirs.items()} == dict(CHIP_BY_IMAGE_ID)
    assert {name: chip.BOOTLOADER_FLASH_OFFSET for name, chip in theirs.items()} == dict(BOOTLOADER_OFFSETS)


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (b"", "app.bin is no ESP image .* nothing"),
        (b"\x7fELF" + bytes(60), "app.bin is no ESP image .* 7F, not E9"),
        (b"\xff" * 4096, "begins with FF"),
        (esp_image()[:20], "is cut"),
        (esp_image()[:28], "is cut"),
        (esp_image()[:50], "is cut"),
        (esp_image(segments=(b"1234" * 5,), hashed=False)[:-1], "is cut"),
        (esp_image()[:-1], "is cut"),
        (esp_image(99), "number 99, which is unknown"),
        (esp_image(segments=()), "header is damaged"),
        (esp_image(segments=(b"1234",) * 17), "header is damaged"),
    ],
)
def test_a_bad_image_is_refused_with_its_cause(raw: bytes, cause: str) -> None:
    with pytest.raises(ImageFault, match=cause) as refused:
        check_esp_image(raw, "app.bin")
    assert refused.value.mend


def test_a_changed_byte_breaks_the_checksum() -> None:
    raw = bytearray(esp_image(hashed=False))
    raw[40] ^= 1
    with pytest.raises(ImageFault, match="checksum"):
        check_esp_image(bytes(raw), "app.bin")


def test_two_changes_that_the_checksum_misses_break_the_hash() -> None:
    raw = bytearray(esp_image())
    raw[40] ^= 1
    raw[41] ^= 1
    with pytest.raises(ImageFault, match="SHA-256"):
        check_esp_image(bytes(raw), "app.bin")


HASH_FOLLOWS_BIT = 23 * 8
"""Without it the image ends before its hash, and what follows is not part of it."""


@given(st.integers(0, len(esp_image()) * 8 - 1).filter(lambda bit: bit != HASH_FOLLOWS_BIT))
def test_no_changed_bit_passes(bit: int) -> None:
    raw = bytearray(esp_image())
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ImageFault):
        check_esp_image(bytes(raw), "app.bin")


@given(st.binary(max_size=300))
def test_any_bytes_give_an_image_or_a_fault(tail: bytes) -> None:
    for raw in (tail, b"\xe9" + tail, esp_image()[:24] + tail):
        try:
            check_esp_image(raw, "it")
        except ImageFault as fault:
            assert fault.cause.startswith("it")  # noqa: PT017 - some bytes happen to be an image


@given(st.binary(max_size=100))
def test_the_fold_is_the_xor_of_all_bytes(data: bytes) -> None:
    assert _xor_of_bytes(memoryview(data)) == functools.reduce(operator.xor, data, 0)


def test_an_image_of_1_5_mb_is_checked_in_a_tenth_of_a_second() -> None:
    raw = esp_image(segments=(Random(1).randbytes(1_500_000),))  # noqa: S311 - filler
    best = min(_seconds(raw) for _ in range(3))
    assert best < 0.1


def _seconds(raw: bytes) -> float:
    begun = time.perf_counter()
    check_esp_image(raw, "app.bin")
    return time.perf_counter() - begun


def test_only_the_first_byte_says_whether_it_may_be_an_image() -> None:
    assert is_esp_image(b"\xe9")
    assert not is_esp_image(b"")
    assert not is_esp_image(b"\xff\xe9")
