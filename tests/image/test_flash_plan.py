"""The flash plan: sorted, on sectors, without overlap, inside the flash."""

from __future__ import annotations

import hashlib

import pytest

from station.image.fault import ImageFault
from station.image.flash_plan import Region, make_flash_plan

FLASH = 0x400000


def test_regions_are_sorted_and_padded_to_words() -> None:
    plan = make_flash_plan([Region.of("app", 0x10000, b"12345"), Region.of("boot", 0x1000, b"1234")], FLASH)
    assert [region.name for region in plan.regions] == ["boot", "app"]
    assert plan.regions[1].data == b"12345\xff\xff\xff"
    assert plan.regions[1].md5 == hashlib.md5(b"12345\xff\xff\xff").hexdigest()  # noqa: S324 - the chip's own
    assert plan.regions[1].sha256 == hashlib.sha256(b"12345\xff\xff\xff").hexdigest()
    assert plan.total_bytes == 12
    assert plan.erased_bytes == 0x2000


def test_the_secret_region_is_written_last() -> None:
    plan = make_flash_plan([Region.of("app", 0x10000, b"1234")], FLASH)
    unit = plan.with_region(Region.of("fctry", 0x9000, b"key.", secret=True))
    assert [region.name for region in unit.regions] == ["fctry", "app"]
    assert [region.name for region in unit.write_order()] == ["app", "fctry"]
    assert plan.find("fctry") is None
    assert unit.find("fctry") is not None


def test_a_region_never_prints_its_bytes() -> None:
    region = Region.of("fctry", 0x9000, b"DeviceSecret", secret=True)
    printed = f"{region} {region!r} {make_flash_plan([region], FLASH)!r}"
    assert "DeviceSecret" not in printed
    assert region.md5 not in printed
    assert "fctry" in printed


def test_neighbours_in_whole_sectors_do_not_overlap() -> None:
    make_flash_plan([Region.of("a", 0x1000, b"x" * 0x1000), Region.of("b", 0x2000, b"y")], FLASH)
    make_flash_plan([Region.of("a", FLASH - 0x1000, b"x" * 0x1000)], FLASH)


@pytest.mark.parametrize(
    ("regions", "cause"),
    [
        ([Region.of("a", 0x1000, b"x" * 0x1001), Region.of("b", 0x2000, b"y")], r"a \(0x1000 to 0x2004\) and b \(0x20"),
        ([Region.of("a", 0x1000, b"x"), Region.of("b", 0x1000, b"y")], r"a .* and b .* overlap"),
        ([Region.of("a", 0x1000, b"x"), Region.of("a", 0x2000, b"y")], "a stands twice"),
        ([Region.of("a", 0x1800, b"x")], "a starts at 0x1800, which is not the start of a flash sector"),
        ([Region.of("a", -0x1000, b"x")], "a starts at -0x1000"),
        ([Region.of("a", 0x3FF000, b"x" * 0x1004)], "behind the flash, which has 0x400000 bytes"),
        ([Region.of("a", 0x1000, b"")], "a holds nothing"),
    ],
)
def test_a_region_that_cannot_be_written_is_refused_by_name(regions: list[Region], cause: str) -> None:
    with pytest.raises(ImageFault, match=cause):
        make_flash_plan(regions, FLASH)
    with pytest.raises(ImageFault, match=cause):
        make_flash_plan(reversed(regions), FLASH) if "and b" not in cause else make_flash_plan(regions, FLASH)
