"""Merged images: every part that they hold is checked."""

from __future__ import annotations

import re

import pytest

from station.image.fault import ImageFault
from station.image.merged_image import check_merged_image
from tests.image.by_hand import app_description, esp_image, partition_row, partition_table

TABLE = partition_table(
    partition_row("nvs", 1, 2, 0x9000, 0x6000),
    partition_row("ota_0", 0, 0x10, 0x10000, 0x20000),
    partition_row("ota_1", 0, 0x11, 0x30000, 0x20000),
)
APP = esp_image(segments=(app_description("plug", "1.0", "v5"),))


def merged(start: int, parts: dict[int, bytes]) -> bytes:
    image = bytearray()
    for at, data in sorted(parts.items()):
        image = image.ljust(at - start, b"\xff") + data
    return bytes(image)


def test_a_merged_image_that_starts_at_the_bootloader_is_whole() -> None:
    image = check_merged_image(merged(0x1000, {0x1000: esp_image(), 0x8000: TABLE, 0x10000: APP}), 0x1000, "it")
    assert image.chip == "esp32"
    assert image.table.flash_offset == 0x8000
    assert [partition.name for partition, _ in image.apps] == ["ota_0"]
    assert image.app.app is not None
    assert image.app.app.project_name == "plug"


def test_a_merged_image_that_starts_at_zero_is_whole() -> None:
    parts = {0x1000: esp_image(), 0x8000: TABLE, 0x10000: APP}
    assert check_merged_image(merged(0, parts), 0, "it").chip == "esp32"
    parts = {0x0: esp_image(5), 0x8000: TABLE, 0x10000: esp_image(5), 0x30000: esp_image(5)}
    image = check_merged_image(merged(0, parts), 0, "it")
    assert image.chip == "esp32c3"
    assert [partition.name for partition, _ in image.apps] == ["ota_0", "ota_1"]


@pytest.mark.parametrize(
    ("start", "parts", "cause"),
    [
        (0x1000, {0x1000: esp_image(), 0x10000: APP}, "holds no partition table"),
        (0x1000, {0x1000: esp_image(), 0x8000: TABLE}, "holds no application"),
        (0x8000, {0x8000: TABLE, 0x10000: APP}, "holds no bootloader"),
        (0x0, {0x0: esp_image(), 0x8000: TABLE, 0x10000: APP}, "starts it from 0x1000"),
        (0x1000, {0x1000: esp_image(5), 0x8000: TABLE, 0x10000: APP}, "esp32c3 at flash address 0x1000"),
        (0x0, {0x0: esp_image(5), 0x8000: TABLE, 0x10000: APP}, "bootloader for esp32c3 and an app for esp32$"),
        (0x1000, {0x1000: esp_image()[:-1] + b"?", 0x8000: TABLE, 0x10000: APP}, "the bootloader in it: its SHA-256"),
        (0x1000, {0x1000: esp_image(), 0x8000: TABLE, 0x10000: APP[:-1]}, "the app ota_0 in it is cut"),
        (0x1000, {0x1000: esp_image(), 0x8000: TABLE, 0x10000: b"\0" * 64}, "the app ota_0 in it is no ESP image"),
        (
            0x1000,
            {0x1000: esp_image(), 0x8000: TABLE, 0x10000: esp_image(segments=(b"1234" * 0x8000,))},
            "its partition only 131072",
        ),
    ],
)
def test_a_part_that_is_missing_or_wrong_is_named(start: int, parts: dict[int, bytes], cause: str) -> None:
    with pytest.raises(ImageFault) as refused:
        check_merged_image(merged(start, parts), start, "it")
    assert re.search(cause, refused.value.cause)
