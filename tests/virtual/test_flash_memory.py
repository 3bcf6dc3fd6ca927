"""The virtual unit's flash keeps the rules of NOR flash, and its file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.virtual.flash_memory import SECTOR_BYTES, FlashMemory

SIZE = 4 * SECTOR_BYTES


@given(first=st.binary(min_size=1, max_size=64), second=st.binary(min_size=1, max_size=64))
def test_programming_only_clears_bits(first: bytes, second: bytes) -> None:
    flash = FlashMemory(SIZE)
    assert flash.program(100, first)
    together = bytes(old & new for old, new in zip(first.ljust(64, b"\xff"), second.ljust(64, b"\xff"), strict=True))
    assert flash.program(100, second) == (together[: len(second)] == second)
    assert flash.read(100, 64) == together


def test_erasing_sets_whole_sectors_and_nothing_else() -> None:
    flash = FlashMemory(SIZE)
    flash.program(0, bytes(SIZE))
    flash.erase(SECTOR_BYTES, 2 * SECTOR_BYTES)
    assert flash.is_blank(SECTOR_BYTES, 2 * SECTOR_BYTES)
    assert flash.read(0, SECTOR_BYTES) + flash.read(3 * SECTOR_BYTES, SECTOR_BYTES) == bytes(2 * SECTOR_BYTES)
    with pytest.raises(ValueError, match="whole sectors"):
        flash.erase(1, SECTOR_BYTES)
    flash.erase_all()
    assert flash.is_blank(0, SIZE)


def test_a_place_outside_the_flash_is_refused() -> None:
    flash = FlashMemory(SIZE)
    for act in (
        lambda: flash.read(SIZE - 1, 2),
        lambda: flash.program(SIZE, b"x"),
        lambda: flash.erase(SIZE, SECTOR_BYTES),
        lambda: flash.read(-1, 1),
    ):
        with pytest.raises(ValueError, match="outside"):
            act()


def test_every_change_is_in_the_file_at_once(tmp_path: Path) -> None:
    file = tmp_path / "units" / "flash.bin"
    flash = FlashMemory(SIZE, file)
    assert file.read_bytes() == b""
    flash.program(0x1800, b"credentials")
    assert file.read_bytes() == b"\xff" * 0x1800 + b"credentials"
    again = FlashMemory(SIZE, file)
    assert again.read(0x1800, 11) == b"credentials"
    assert again.is_blank(0x2000, 0x2000)
    assert again.md5(0x1800, 11) == hashlib.md5(b"credentials", usedforsecurity=False).digest()
    again.erase(0x1000, SECTOR_BYTES)
    assert FlashMemory(SIZE, file).is_blank(0, SIZE)
    again.program(0, b"x")
    again.erase_all()
    assert file.read_bytes() == b""


def test_a_file_larger_than_the_flash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flash.bin").write_bytes(bytes(SIZE + 1))
    with pytest.raises(ValueError, match="larger"):
        FlashMemory(SIZE, tmp_path / "flash.bin")
