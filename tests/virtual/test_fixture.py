"""A fixture's port: who may use it, what its lines do, what the wire costs, and what is seen of a unit's faults."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from station.virtual.chip_model import ChipModel
from station.virtual.faults import Faults
from station.virtual.fixture import DEFAULT_MAC, Fixture, make_unit
from station.virtual.flash_memory import FlashMemory
from station.virtual.loader_answer import Command, FlashTimings
from station.virtual.reset_circuit import EN_RISE_S, ResetAction
from tests.virtual.host import LIMIT_S, QUIET_S, SYNC_DATA, Host
from tests.virtual.rom_trace import noise
from tests.waiting import wait_until

BLOCK = noise()
FLASH_BEGIN = struct.pack("<5I", 0x8000, 2, 0x4000, 0x10000, 0)


class Recorder:
    """An application that says one line, keeps what it is told, and notes when it is stopped."""

    def __init__(self, _flash: FlashMemory, _model: ChipModel, console: Callable[[bytes], None]) -> None:
        self.console = console
        self.heard = b""
        self.was_stopped = threading.Event()
        self.was_told = threading.Event()
        started.append(self)

    def start(self) -> None:
        self.console(b"the application runs\r\n")

    def stop(self) -> None:
        self.was_stopped.set()

    def receive(self, data: bytes) -> None:
        self.heard += data
        self.was_told.set()


started: list[Recorder] = []


@pytest.fixture(autouse=True)
def _forget_applications() -> None:
    started.clear()


def with_stub(host: Host, baud: int = 115200) -> None:
    host.reset_into_download()
    host.sync()
    host.start_stub()
    if baud != 115200:
        host.command(Command.CHANGE_BAUDRATE, struct.pack("<2I", baud, 115200))
        host.set_baud(baud)


def test_a_second_client_is_turned_away_and_the_first_goes_on() -> None:
    with Fixture(make_unit()) as fixture, Host(fixture.port) as first:
        first.reset_into_download()
        with Host(fixture.port) as second:
            assert second.is_hung_up()
        first.sync()


def test_a_client_that_vanishes_frees_the_port() -> None:
    with Fixture(make_unit()) as fixture:
        with Host(fixture.port) as gone:
            gone.reset_into_download()
            # Linger 0: the connection is reset, as when its computer loses power.
            gone.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wait_until(lambda: not fixture.has_client)
        with Host(fixture.port) as host:
            host.sync()


def test_a_port_that_is_taken_cannot_be_opened_twice() -> None:
    with Fixture() as fixture, pytest.raises(OSError, match=r"in use|permitted"):
        Fixture(port=fixture.port)


def test_a_fixture_without_a_unit_is_silent_until_one_is_put_in() -> None:
    with Fixture() as fixture, Host(fixture.port) as host:
        host.set_lines(dtr=True, rts=False)
        host.send(b"anybody there?")
        assert host.listen() == b""
        fixture.insert(make_unit())
        host.reset_into_download()
        host.sync()
        assert fixture.remove() is not None
        host.send(b"\xc0")
        assert host.listen() == b""
        assert fixture.mode is None


def test_another_unit_in_the_same_fixture_is_another_chip() -> None:
    with Fixture(make_unit()) as fixture, Host(fixture.port) as host:
        for mac in (DEFAULT_MAC, "24:0a:c4:00:00:01"):
            fixture.insert(make_unit(mac))
            host.reset_into_download()
            host.sync()
            host.send(bytes.fromhex("c0000a04000000000004a0f53fc0"))
            value = host.frames(1)[0][4:8]
            assert value[::-1].hex(":") == mac[6:]


def test_a_unit_that_is_pulled_keeps_what_was_programmed(tmp_path: Path) -> None:
    file = tmp_path / "unit.bin"
    with Fixture(make_unit(flash_file=file)) as fixture, Host(fixture.port) as host:
        with_stub(host, 921600)
        host.command(Command.FLASH_BEGIN, FLASH_BEGIN)
        assert host.write_block(BLOCK) == b"\0\0"
        fixture.faults.power_cut_after_bytes = 0
        host.send(b"\xc0\x00\x03")
        wait_until(lambda: fixture.unit is None)
        assert host.listen() == b""
    assert FlashMemory(0x400000, file).read(0x10000, 0x4000) == BLOCK
    assert file.stat().st_size == 0x14000


@pytest.mark.parametrize("baud", [115200, 921600])
def test_the_baud_rate_paces_both_directions(baud: int) -> None:
    size = 0x1000 if baud == 115200 else 0x4000
    wire_s = size * 10 / baud
    with Fixture(make_unit()) as fixture, Host(fixture.port) as host:
        with_stub(host, baud)
        host.command(Command.FLASH_BEGIN, FLASH_BEGIN)
        begun = time.monotonic()
        burnt = time.process_time()
        assert host.write_block(BLOCK[:size]) == b"\0\0"
        written_s = time.monotonic() - begun
        assert wire_s <= written_s < wire_s * 1.5 + 0.1
        begun = time.monotonic()
        host.send(bytes.fromhex("c0 00d21000 00000000") + struct.pack("<4I", 0x10000, size, size, 64) + b"\xc0")
        assert host.frames(2)[1] == BLOCK[:size]
        read_s = time.monotonic() - begun
        assert wire_s <= read_s < wire_s * 1.5 + 0.1
        assert time.process_time() - burnt < (written_s + read_s) / 2


def test_an_answer_carries_the_latency_of_the_adapter() -> None:
    with Fixture(make_unit(), reply_latency_s=0.05) as fixture, Host(fixture.port) as host:
        host.reset_into_download()
        begun = time.monotonic()
        host.sync()
        assert 0.05 <= time.monotonic() - begun < 0.5


def test_another_baud_rate_than_the_chips_is_garbage() -> None:
    with Fixture(make_unit()) as fixture, Host(fixture.port) as host:
        host.set_baud(460800)
        host.set_lines(dtr=False, rts=True)
        host.set_lines(dtr=True, rts=False)
        assert b"download" not in host.listen(0.3)
        host.sync()  # the ROM measures the rate of the first frame
        host.set_baud(115200)
        host.send(bytes.fromhex("c0000a04000000000004a0f53fc0"))
        assert b"\xc0" not in host.listen()
        host.set_baud(465000)  # less than 3 % beside it
        host.sync()


def test_the_lines_reset_into_download_and_into_run_mode() -> None:
    with Fixture(boot=Recorder) as fixture, Host(fixture.port) as host:
        wait_until(lambda: fixture.has_client)
        fixture.insert(make_unit())
        host.read_until(b"the application runs\r\n")
        host.set_lines(dtr=True, rts=True)  # as a program opens the port
        assert len(started) == 1
        assert not started[0].was_stopped.is_set()
        host.reset_into_download()
        assert started[0].was_stopped.is_set()
        assert fixture.mode is ResetAction.DOWNLOAD
        host.sync()
        host.reset_into_run()
        host.read_until(b"the application runs\r\n")
        host.send(b"help\r\n")
        assert started[1].was_told.wait(LIMIT_S)
        wait_until(lambda: started[1].heard == b"help\r\n")


def test_both_lines_on_for_good_let_the_chip_run() -> None:
    with Fixture(make_unit(), boot=Recorder) as fixture, Host(fixture.port) as host:
        host.set_lines(dtr=False, rts=True)
        wait_until(lambda: fixture.mode is ResetAction.HOLD)
        host.set_lines(dtr=True, rts=True)
        wait_until(lambda: fixture.mode is ResetAction.RUN)
        assert EN_RISE_S < LIMIT_S


def test_a_program_that_leaves_lets_the_chip_out_of_reset() -> None:
    with Fixture(make_unit(), boot=Recorder) as fixture:
        with Host(fixture.port) as host:
            host.set_lines(dtr=False, rts=True)
            wait_until(lambda: fixture.mode is ResetAction.HOLD)
        wait_until(lambda: fixture.mode is ResetAction.RUN)


def test_a_console_is_paced_at_its_own_rate() -> None:
    with Fixture(boot=Recorder) as fixture, Host(fixture.port) as host:
        wait_until(lambda: fixture.has_client)
        fixture.insert(make_unit())
        host.read_until(b"the application runs\r\n")
        begun = time.monotonic()
        for _ in range(20):
            started[0].console(b"x" * 115)
        host.read_until(b"x" * 115 * 20)
        assert time.monotonic() - begun >= 0.19


def test_without_reset_lines_boot_must_be_held() -> None:
    faults = Faults(ignores_reset=True)
    with Fixture(faults=faults, boot=Recorder) as fixture, Host(fixture.port) as host:
        fixture.insert(make_unit())
        host.read_until(b"the application runs\r\n")
        host.set_lines(dtr=False, rts=True)
        host.set_lines(dtr=True, rts=False)
        host.send(b"\xc0" + SYNC_DATA + b"\xc0")
        assert host.listen() == b""
        faults.boot_held = True
        unit = fixture.remove()
        assert unit is not None
        fixture.insert(unit)
        host.read_until(b"waiting for download\r\n")
        host.sync()


def test_a_chips_own_usb_port_has_its_own_reset() -> None:
    with Fixture(make_unit(chip="esp32c3"), usb_jtag=True) as fixture, Host(fixture.port) as host:
        host.set_lines(dtr=False, rts=False)
        host.set_lines(dtr=True, rts=False)
        host.control(5, b"\x0b")  # RTS on: through (1, 1)
        host.control(5, b"\x09")  # DTR off: reset
        host.set_lines(dtr=False, rts=False)
        host.read_until(b"wait uart0 download\r\n")
        host.sync()
        host.set_lines(dtr=False, rts=True)
        host.set_lines(dtr=False, rts=False)
        wait_until(lambda: fixture.mode is ResetAction.RUN)


def test_a_worn_cell_is_found_by_its_md5() -> None:
    faults = Faults(worn_cells={0x10123: 0x10})
    with Fixture(make_unit(), faults=faults) as fixture, Host(fixture.port) as host:
        with_stub(host, 921600)
        host.command(Command.FLASH_BEGIN, FLASH_BEGIN)
        assert host.write_block(BLOCK) == b"\0\0"
        digest = host.command(Command.SPI_FLASH_MD5, struct.pack("<4I", 0x10000, 0x4000, 0, 0))
        assert digest[:16] != FlashMemory(0x4000).md5(0, 0x4000)
        unit = fixture.unit
        assert unit is not None
        assert unit.flash.read(0x10123, 1)[0] ^ BLOCK[0x123] == 0x10


def test_a_chip_may_babble_fall_silent_or_lose_its_client() -> None:
    with Fixture(make_unit()) as fixture, Host(fixture.port) as host:
        host.reset_into_download()
        fixture.faults.babbles = True
        host.send(bytes.fromhex("c00008240000000000") + SYNC_DATA + b"\xc0")
        said = host.listen()
        assert said
        assert b"\xc0" not in said
        fixture.faults.babbles = False
        host.sync()
        fixture.faults.silent_after_bytes = 0
        host.send(bytes.fromhex("c00008240000000000") + SYNC_DATA + b"\xc0")
        assert host.listen() == b""
        fixture.faults.hang_up_after_bytes = 0
        host.send(b"\xc0")
        assert host.is_hung_up()


def test_flash_work_hides_behind_the_next_block() -> None:
    """The stub acknowledges a block, then works on it while the next one comes in."""
    work_s = 0x4000 / 0x100 * 0.001
    timings = FlashTimings(page_program_s=0.001)
    wire_s = 0x4000 * 10 / 921600
    with Fixture(make_unit(), timings=timings) as fixture, Host(fixture.port) as host:
        with_stub(host, 921600)
        host.command(Command.FLASH_BEGIN, struct.pack("<5I", 0x10000, 4, 0x4000, 0x10000, 0))
        begun = time.monotonic()
        for sequence in range(4):
            assert host.write_block(BLOCK, sequence) == b"\0\0"
        host.command(Command.SPI_FLASH_MD5, struct.pack("<4I", 0x10000, 0x10000, 0, 0))
        took_s = time.monotonic() - begun
    assert 4 * wire_s + work_s <= took_s < 4 * (wire_s + work_s)


def test_a_reset_ends_work_on_the_flash() -> None:
    timings = FlashTimings(page_program_s=1.0)
    with Fixture(make_unit(), timings=timings) as fixture, Host(fixture.port) as host:
        with_stub(host, 921600)
        host.command(Command.FLASH_BEGIN, FLASH_BEGIN)
        assert host.write_block(BLOCK) == b"\0\0"
        begun = time.monotonic()
        host.set_baud(115200)
        host.reset_into_download()
        assert time.monotonic() - begun < 1.0
        unit = fixture.unit
        assert unit is not None
        assert not unit.flash.is_blank(0x10000, 0x1000)
        assert unit.flash.is_blank(0x11000, 0x3000)
        host.sync()
        assert QUIET_S < 1.0


def test_leaving_the_loader_starts_what_is_in_flash() -> None:
    with Fixture(make_unit(), boot=Recorder) as fixture, Host(fixture.port) as host:
        host.reset_into_download()
        host.sync()
        host.command(Command.FLASH_END, struct.pack("<I", 1))
        host.read_until(b"flash read err")
        host.reset_into_download()
        host.sync()
        unit = fixture.unit
        assert unit is not None
        unit.flash.program(0x1000, b"\xe9")
        host.command(Command.FLASH_END, struct.pack("<I", 1))
        host.read_until(b"the application runs\r\n")


def test_a_stub_that_is_told_to_reboot_answers_before_it_goes() -> None:
    with Fixture(make_unit()) as fixture, Host(fixture.port) as host:
        with_stub(host)
        host.command(Command.FLASH_BEGIN, struct.pack("<5I", 0, 0, 0x4000, 0, 0))
        assert host.command(Command.FLASH_END, struct.pack("<I", 0)) == b"\0\0"
        host.read_until(b"waiting for download\r\n")
        host.sync()
