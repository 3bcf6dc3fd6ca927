"""A new firmware image goes into the other OTA partition, is tried, and kept or given up."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import pytest

from station.virtual.images import make_app
from tests.firmware.board import CERTIFICATE, PARTITIONS, Board, Reset, make_flash, source_files

SIZE_BYTES: Final = 0x40000
OTADATA: Final = ("otadata", 1, 0, 0x5000, 0x2000)
OLD: Final = ("ota_0", 0, 0x10, 0x80000, SIZE_BYTES)
NEW: Final = ("ota_1", 0, 0x11, 0xC0000, SIZE_BYTES)
TABLE: Final = (*PARTITIONS[:2], OTADATA, OLD, NEW)


@cache
def images() -> tuple[bytes, bytes, bytes]:
    """Give a flash that runs from ota_0, the old image, the new one."""
    flash = make_flash(source_files(), {("aliyun-key", key): value for key, value in CERTIFICATE.items()}, 0x100000)
    old, new = (make_app("esp32", "micropython", version, code_bytes=2048) for version in ("1", "2"))
    flash[OLD[3] : OLD[3] + len(old)] = old
    return bytes(flash), old, new


def board_at(flash: bytes) -> Board:
    return Board(flash, TABLE)


def update(board: Board, image: bytes) -> Any:
    """Take a whole image."""
    taken = board.load("aliyun.firmware").FirmwareUpdate()
    taken.begin(len(image))
    for place in range(0, len(image), 1000):
        taken.write(image[place : place + 1000])
    taken.finish("2.0")
    return taken


def restart(board: Board) -> tuple[Board, str]:
    """Give the board after a power cycle, and what runs on it then."""
    after = board_at(bytes(board.flash))
    partition = after.load("esp32").Partition
    return after, partition(partition.RUNNING).info()[4]


def begin_start(board: Board) -> bool:
    """Do the launcher's part of a start; true when it restarted the chip."""
    try:
        board.load("aliyun.firmware").begin_start()
    except Reset:
        return True
    return False


def test_the_new_image_is_written_whole_and_starts_next() -> None:
    flash, _, new = images()
    board = board_at(flash)
    update(board, new)
    assert board.flash[NEW[3] : NEW[3] + len(new)] == new
    after, running = restart(board)
    assert running == "ota_1"
    firmware = after.load("aliyun.firmware")
    assert firmware.is_on_trial()
    firmware.confirm()
    for _ in range(5):
        after, running = restart(after)
        assert not begin_start(after)
        assert running == "ota_1"


def test_a_firmware_that_never_reaches_the_platform_gives_way_to_the_old_one() -> None:
    flash, _, new = images()
    board = board_at(flash)
    update(board, new)
    for _ in range(3):
        board, running = restart(board)
        assert (running, begin_start(board)) == ("ota_1", False)
    board, running = restart(board)
    assert begin_start(board)
    board, running = restart(board)
    assert (running, begin_start(board)) == ("ota_0", False)
    firmware = board.load("aliyun.firmware")
    assert not firmware.is_on_trial()
    assert firmware.FirmwareUpdate().is_refused("2.0")


@pytest.mark.parametrize("damage", [0, 5000, -1])
def test_an_image_that_is_damaged_does_not_start(damage: int) -> None:
    flash, _, new = images()
    broken = bytearray(new)
    broken[damage] ^= 0x40
    board = board_at(flash)
    with pytest.raises(Exception, match="the image is not valid"):
        update(board, bytes(broken))
    board, running = restart(board)
    assert (running, begin_start(board)) == ("ota_0", False)
    assert not board.load("aliyun.firmware").is_on_trial()


def test_an_image_larger_than_its_partition_is_refused_before_anything_is_written() -> None:
    board = board_at(images()[0])
    taken = board.load("aliyun.firmware").FirmwareUpdate()
    with pytest.raises(Exception, match="larger than its partition"):
        taken.begin(SIZE_BYTES + 1)
    assert board.writes == 0


def test_a_board_with_one_application_partition_says_so() -> None:
    taken = Board().load("aliyun.firmware").FirmwareUpdate()
    with pytest.raises(Exception, match="no second OTA partition"):
        taken.begin(1000)


def test_the_power_cut_at_any_write_leaves_a_unit_that_starts_with_a_whole_image() -> None:
    flash, _, new = images()
    whole = board_at(flash)
    update(whole, new)
    ran = []
    for cut_at in range(1, whole.writes + 1):
        board = board_at(flash)
        board.cut_at = cut_at
        update(board, new)
        after, running = restart(board)
        ran.append(running)
        assert not begin_start(after)
        if running == "ota_0":
            assert not after.load("aliyun.firmware").is_on_trial()
            update(after, new)
            assert restart(after)[1] == "ota_1"
    assert ran == sorted(ran)
