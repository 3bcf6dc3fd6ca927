"""The power is cut at every single write of an update: the unit always starts, and the update succeeds afterwards."""

from __future__ import annotations

from typing import Any, Final

import pytest

from station.virtual.micropython.core_modules import make_module
from tests.firmware.board import CERTIFICATE, Board, make_flash, source_files
from tests.firmware.packages import make_package

ORDER_OF_SOURCES: Final = ("main.py", "aliyun/__init__.py", "aliyun/trial.py", "aliyun/slots.py")
LIBRARY: Final = {
    name: text
    for name, text in source_files().items()
    if name in (*ORDER_OF_SOURCES, "aliyun/firmware.py", "aliyun/package.py")
}
VERSION_A: Final = """
import machine, world
from aliyun import trial
from aliyun.package import ApplicationUpdate
def run():
    world.said("A")
    trial.confirm()
    update = ApplicationUpdate()
    update.begin(len(world.package))
    for place in range(0, len(world.package), 1000):
        update.write(world.package[place:place + 1000])
    update.finish("B")
    machine.reset()
"""
VERSION_B: Final = """
import world, deep.more
from aliyun import trial
def run():
    assert deep.more.WORD == "whole" * 300
    world.said("B")
    trial.confirm()
"""
PACKAGE: Final = make_package(
    {"station_app.py": VERSION_B, "deep/__init__.py": "", "deep/more.py": f"WORD = '{'whole' * 300}'"}
)
NVS: Final[dict[tuple[str, str], str | bytes | int]] = {
    ("aliyun-key", key): value for key, value in CERTIFICATE.items()
}


class World:
    """What the two versions tell the test."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def module(self) -> Any:
        return make_module("world", said=self.heard.append, package=PACKAGE)


def start(flash: bytes, cut_at: int | None, *, tears: bool) -> tuple[list[str], Board]:
    """Start the unit on this flash until it ends or resets for the last time before the cut."""
    world = World()
    board = Board(flash, extra={"world": world.module()})
    board.cut_at, board.tears = cut_at, tears
    for _ in range(4):
        if board.power_on() == "end" or board.is_dead:
            break
    return world.heard, board


@pytest.fixture(scope="module")
def flash() -> bytes:
    return bytes(make_flash(LIBRARY | {"station_app.py": VERSION_A}, NVS, 0x80000))


@pytest.mark.parametrize("tears", [False, True], ids=["before the write", "in the middle of the write"])
def test_a_unit_whose_power_is_cut_at_any_write_of_an_update_starts_and_takes_the_update(
    flash: bytes, tears: bool
) -> None:
    heard, whole = start(flash, None, tears=False)
    assert heard == ["A", "B"]
    writes = whole.writes
    assert writes > 20
    first_versions = []
    for cut_at in range(1, writes + 1):
        _, cut = start(flash, cut_at, tears=tears)
        heard, after = start(bytes(cut.flash), None, tears=False)
        assert heard in (["A", "B"], ["B"]), (cut_at, heard, after.console)
        first_versions.append(heard[0])
    # One switch: every cut before it leaves A, every cut after it B.
    assert first_versions == sorted(first_versions)
    assert set(first_versions) == {"A", "B"}


def test_a_unit_whose_power_is_cut_again_and_again_gets_there_in_the_end(flash: bytes) -> None:
    image = flash
    heard: list[str] = []
    for cut_at in range(1, 200):
        heard, board = start(image, cut_at, tears=True)
        image = bytes(board.flash)
        if not board.is_dead:
            break
    assert heard[-1] == "B"
