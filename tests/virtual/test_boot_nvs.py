"""The virtual chip's NVS against images by Espressif's generator, and against damage."""

from __future__ import annotations

import pytest

from station.virtual.nvs_partition import ItemType, NvsError, NvsErrorCode, NvsPartition, blank_nvs
from tests.virtual.boot_chip import nvs_image

LONG = "ab" * 9000
ENTRIES = {
    "first": {"text": ("string", "hello"), "port": ("u16", "1883"), "low": ("i32", "-5"), "wide": ("u64", str(2**63))},
    "second": {"text": ("string", "other"), "long": ("hex2bin", LONG), "short": ("hex2bin", "00ff")},
}


def test_every_type_of_the_generator_is_read() -> None:
    nvs = NvsPartition(nvs_image(ENTRIES))
    assert nvs.get("first", "text", ItemType.STRING) == "hello"
    assert nvs.get("second", "text", ItemType.STRING) == "other"
    assert nvs.get("first", "port", ItemType.U16) == 1883
    assert nvs.get("first", "low", ItemType.I32) == -5
    assert nvs.get("first", "wide", ItemType.U64) == 2**63
    assert nvs.get("second", "short", ItemType.BLOB_INDEX) == b"\x00\xff"


def test_a_blob_over_several_pages_is_read_whole() -> None:
    assert NvsPartition(nvs_image(ENTRIES)).get("second", "long", ItemType.BLOB_INDEX) == bytes.fromhex(LONG)


def test_what_is_packed_is_read_again() -> None:
    nvs = NvsPartition(nvs_image(ENTRIES))
    nvs.set("third", "new", ItemType.BLOB_INDEX, b"x" * 5000)
    nvs.set("first", "text", ItemType.STRING, "changed")
    nvs.erase("second", "long")
    again = NvsPartition(nvs.image())
    assert again.get("third", "new", ItemType.BLOB_INDEX) == b"x" * 5000
    assert again.get("first", "text", ItemType.STRING) == "changed"
    assert again.get("first", "wide", ItemType.U64) == 2**63
    with pytest.raises(NvsError, match="NOT_FOUND"):
        again.get("second", "long", ItemType.BLOB_INDEX)


def test_a_key_under_another_type_is_not_found() -> None:
    with pytest.raises(NvsError, match="NOT_FOUND"):
        NvsPartition(nvs_image(ENTRIES)).get("first", "text", ItemType.BLOB_INDEX)


def test_an_entry_with_a_wrong_crc_is_gone() -> None:
    image = bytearray(nvs_image(ENTRIES))
    image[image.index(b"text\x00")] ^= 1
    with pytest.raises(NvsError, match="NOT_FOUND"):
        NvsPartition(bytes(image)).get("first", "text", ItemType.STRING)


def test_data_with_a_wrong_crc_is_gone() -> None:
    image = bytearray(nvs_image(ENTRIES))
    image[image.index(b"hello\x00")] ^= 1
    with pytest.raises(NvsError, match="NOT_FOUND"):
        NvsPartition(bytes(image)).get("first", "text", ItemType.STRING)


def test_a_page_with_a_wrong_header_counts_as_free() -> None:
    image = bytearray(nvs_image({"first": {"port": ("u16", "1")}}))
    image[28] ^= 1
    assert not NvsPartition(bytes(image)).has_namespace("first")


def test_random_bytes_are_an_empty_partition() -> None:
    assert not NvsPartition(bytes(range(256)) * 0x60).has_namespace("first")


def test_a_partition_without_a_free_page_is_refused() -> None:
    image = nvs_image(ENTRIES)
    with pytest.raises(NvsError) as refused:
        NvsPartition(image[:0x3000])
    assert refused.value.code is NvsErrorCode.ESP_ERR_NVS_NO_FREE_PAGES


def test_more_than_fits_is_refused_and_leaves_a_page_free() -> None:
    nvs = blank_nvs(0x3000)
    nvs.set("first", "big", ItemType.BLOB_INDEX, b"x" * 3500)
    nvs.set("first", "more", ItemType.BLOB_INDEX, b"x" * 2000)
    assert nvs.image().endswith(b"\xff" * 0x1000)
    nvs.set("first", "most", ItemType.BLOB_INDEX, b"x" * 3000)
    with pytest.raises(NvsError, match="NOT_ENOUGH_SPACE"):
        nvs.image()
