"""Partition tables: what is read, and what is refused by name."""

from __future__ import annotations

import pytest

from station.image.fault import ImageFault
from station.image.partition_table import Partition, find_partition_table, parse_partition_table
from tests.image.by_hand import partition_row, partition_table

NVS = partition_row("nvs", 1, 2, 0x9000, 0x6000)
PHY = partition_row("phy_init", 1, 1, 0xF000, 0x1000)
FACTORY = partition_row("factory", 0, 0, 0x10000, 0x180000)
VFS = partition_row("vfs", 1, 0x81, 0x200000, 0x200000)


def test_the_table_of_a_real_firmware_is_read() -> None:
    """These are the rows of MicroPython for ESP32; the MD5 is the one in its released image."""
    raw = partition_table(NVS, PHY, FACTORY, VFS)
    assert raw[0x90:0xA0].hex() == "f7ab233fbb04375b36fa5f9f92ef427e"
    table = parse_partition_table(raw)
    assert table.names() == ("nvs", "phy_init", "factory", "vfs")
    assert table.find("vfs") == Partition("vfs", 1, 0x81, 0x200000, 0x200000, encrypted=False, readonly=False)
    assert table.find("VFS") is None
    assert table.has_md5
    nvs = table.find("nvs")
    assert nvs is not None
    assert nvs.is_nvs
    assert not nvs.is_app


def test_flags_are_read() -> None:
    table = parse_partition_table(
        partition_table(partition_row("a", 1, 2, 0x9000, 0x1000, 1), partition_row("b", 1, 2, 0xA000, 0x1000, 2))
    )
    assert [(each.encrypted, each.readonly) for each in table.partitions] == [(True, False), (False, True)]


def test_a_table_without_md5_is_read() -> None:
    assert not parse_partition_table(partition_table(NVS, md5=False)).has_md5


def test_a_table_that_ends_behind_its_md5_row_is_whole() -> None:
    assert parse_partition_table(partition_table(NVS)[:64]).names() == ("nvs",)


def test_a_name_of_sixteen_characters_is_read_whole() -> None:
    assert parse_partition_table(partition_table(partition_row("a" * 16, 1, 2, 0x9000, 0x1000))).names() == ("a" * 16,)


@pytest.mark.parametrize("bit", range(0, 64 * 8, 7))
def test_any_changed_bit_is_found(bit: int) -> None:
    raw = bytearray(partition_table(NVS, PHY, FACTORY, VFS))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ImageFault):
        parse_partition_table(bytes(raw))


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (b"", "no binary partition table"),
        (b"nvs,data,nvs,0x9000,0x6000", "no binary partition table"),
        (partition_table(NVS, FACTORY)[:48], "row 2 is neither"),
        (partition_table(NVS, FACTORY)[:32], "ends without its last row"),
        (partition_table(NVS, md5=False)[:32] + b"\0" * 32, "row 2 is neither"),
        (partition_table(NVS)[:64] + NVS, "a row stands behind its MD5 row"),
        (partition_table(NVS, NVS), "the name nvs stands twice"),
        (partition_table(FACTORY, partition_row("a", 1, 2, 0x18F000, 0x1000)), "overlap"),
        (partition_table(partition_row("a", 0, 0, 0x11000, 0x1000)), "no multiple of 0x10000"),
        (partition_table(partition_row("a", 1, 2, 0x9100, 0x1000)), "no multiple of 0x1000"),
        (partition_table(partition_row("a", 1, 2, 0x9000, 0)), "no size"),
        (partition_table(partition_row("a", 1, 2, 0xFFFFF000, 0x2000)), "behind 4 GiB"),
        (partition_table(partition_row("", 1, 2, 0x9000, 0x1000)), "no readable name"),
        (partition_table(partition_row(b"\xff\xfe", 1, 2, 0x9000, 0x1000)), "is no text"),
    ],
)
def test_a_bad_table_is_refused_with_its_cause(raw: bytes, cause: str) -> None:
    with pytest.raises(ImageFault, match=cause) as refused:
        parse_partition_table(raw)
    assert refused.value.mend


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(ImageFault, match="no binary partition table"):
        parse_partition_table(b"\xff" * 0xC00)


def test_an_overlap_names_both_partitions() -> None:
    with pytest.raises(ImageFault, match=r"nvs \(0x9000 to 0xf000\) and late \(0xe000 to 0xf000\) overlap"):
        parse_partition_table(partition_table(partition_row("late", 1, 2, 0xE000, 0x1000), NVS))


def test_the_first_app_to_start_is_factory_then_the_first_slot() -> None:
    slots = [partition_row(f"ota_{n}", 0, 0x10 + n, 0x10000 * (n + 2), 0x10000) for n in (1, 0)]
    table = parse_partition_table(partition_table(*slots))
    first = table.boot_app()
    assert first is not None
    assert first.name == "ota_0"
    first = parse_partition_table(partition_table(*slots, partition_row("app", 0, 0, 0x10000, 0x10000))).boot_app()
    assert first is not None
    assert first.name == "app"
    assert parse_partition_table(partition_table(NVS)).boot_app() is None


@pytest.mark.parametrize(("written_at", "lies_at"), [(0x0, 0x8000), (0x1000, 0x8000), (0x0, 0xA000), (0x2000, 0x9000)])
def test_a_table_inside_a_merged_image_is_found(written_at: int, lies_at: int) -> None:
    merged = b"\xe9".ljust(lies_at - written_at, b"\xff") + partition_table(NVS, FACTORY) + b"\xe9" * 0x4000
    table = find_partition_table(merged, written_at)
    assert table is not None
    assert table.names() == ("nvs", "factory")
    assert table.flash_offset == lies_at


def test_an_image_without_a_table_has_none() -> None:
    assert find_partition_table(b"\xe9" + b"\xff" * 0x20000, 0x10000) is None
    assert find_partition_table(b"", 0) is None


def test_two_bytes_that_look_like_a_row_are_no_table() -> None:
    merged = b"\xff" * 0xA000 + b"\xaa\x50 looks like one".ljust(0x1000, b"\0")
    assert find_partition_table(merged, 0) is None


def test_a_damaged_table_at_its_usual_place_is_not_passed_over() -> None:
    merged = bytearray(b"\xff" * 0x8000 + partition_table(NVS))
    merged[0x8004] ^= 1
    with pytest.raises(ImageFault, match="MD5"):
        find_partition_table(bytes(merged), 0)
