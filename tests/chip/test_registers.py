"""Fewer questions to a chip, and the same answers."""

from __future__ import annotations

import struct
import threading

import pytest
from esptool.loader import ESPLoader
from esptool.util import FatalError

from station.chip.chip import Chip, SyncOutcome
from station.chip.lane_port import LanePort
from station.chip.registers import register_writes_gathered
from station.virtual.fixture import Fixture, make_unit

WRITE, READ, OTHER = 0x09, 0x0A, 0x13
USR, DATA = 0x101C, 0x1080
PREPARE_QUESTIONS_MAX = 36
"""Of them 22 attach the flash; one by one they would be 76."""


class Stub:
    """Registers, and what was asked of them."""

    SPI_REG_BASE, SPI_USR_OFFS, SPI_USR2_OFFS = 0x1000, 0x1C, 0x20

    def __init__(self) -> None:
        self.ESP_CMDS = {"WRITE_REG": WRITE, "READ_REG": READ}
        self.words: dict[int, int] = {}
        self.asked: list[tuple[int | None, bytes]] = []
        self.refuses = False

    def command(self, op: int | None = None, data: bytes = b"") -> tuple[int, bytes]:
        self.asked.append((op, data))
        if op == WRITE and not self.refuses:
            self.words.update((address, value) for address, value, _mask, _us in struct.iter_unpack("<IIII", data))
        value = self.words.get(struct.unpack("<I", data)[0], 0) if op == READ else 0
        return value, bytes([op == WRITE and self.refuses, 5])

    def write(self, address: int, value: int) -> None:
        assert self.command(WRITE, struct.pack("<IIII", address, value, 0xFFFFFFFF, 0))[1] == bytes(2)

    def read(self, address: int) -> int:
        return self.command(READ, struct.pack("<I", address))[0]


def test_writes_go_out_as_one_in_their_order_before_anything_else_is_asked() -> None:
    stub = Stub()
    with register_writes_gathered(stub):
        stub.write(DATA, 1)
        stub.write(DATA, 2)
        assert stub.asked == []
        assert stub.read(DATA) == 2
        stub.write(DATA, 3)
        stub.command(OTHER)
        stub.write(DATA, 4)
    assert [(op, len(data)) for op, data in stub.asked] == [
        (WRITE, 32),
        (READ, 4),
        (WRITE, 16),
        (OTHER, 0),
        (WRITE, 16),
    ]
    assert stub.words[DATA] == 4
    assert "command" not in vars(stub)


def test_only_a_register_that_the_chip_leaves_alone_is_not_asked_again() -> None:
    stub = Stub()
    with register_writes_gathered(stub):
        stub.write(USR, 7)
        assert [stub.read(USR), stub.read(USR)] == [7, 7]
        assert [stub.read(DATA), stub.read(DATA)] == [0, 0]
    assert [op for op, _data in stub.asked] == [WRITE, READ, READ]


def test_a_refused_write_fails_with_the_next_question() -> None:
    stub = Stub()
    stub.refuses = True
    with register_writes_gathered(stub):
        stub.write(DATA, 1)
        with pytest.raises(FatalError, match="write target memory"):
            stub.read(DATA)
    assert [op for op, _data in stub.asked] == [WRITE]


@pytest.mark.parametrize("kind", ["esp32", "esp32c3"])
def test_a_unit_is_made_ready_in_few_questions(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    send = ESPLoader.write

    def count(loader: ESPLoader, packet: bytes) -> None:
        asked.append(packet)
        send(loader, packet)

    monkeypatch.setattr(ESPLoader, "write", count)
    with Fixture(make_unit(chip=kind)) as fixture:
        port = LanePort.open(fixture.url, threading.Event())
        chip = Chip(port)
        assert chip.sync() is SyncOutcome.READY
        chip.identify()
        asked.clear()
        assert chip.prepare([921_600]) == 4 << 20
        port.release()
    assert len(asked) <= PREPARE_QUESTIONS_MAX
