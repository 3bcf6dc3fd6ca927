"""The chip's door against virtual chips behind real RFC2217 ports."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Iterator

import pytest

from station.chip.chip import Chip, ResetMode, SyncOutcome
from station.chip.lane_port import LanePort
from station.chip.packed_region import PackedRegion, pack
from station.errors import Aborted, ChipError, Code, PortFault
from station.virtual.faults import Faults
from station.virtual.fixture import Fixture, Unit, make_unit
from station.virtual.security_fuses import SecurityFuses

BAUDS = (921600, 460800, 115200)


def region(size_bytes: int, offset: int = 0x10000, seed: int = 1) -> PackedRegion:
    data = random.Random(seed).randbytes(size_bytes)  # noqa: S311  bytes that do not deflate
    return pack("app", offset, data, hashlib.md5(data, usedforsecurity=False).hexdigest())


@pytest.fixture(params=["esp32", "esp32c3"])
def unit(request: pytest.FixtureRequest) -> Unit:
    return make_unit(chip=request.param)


@pytest.fixture
def fixture(unit: Unit) -> Iterator[Fixture]:
    with Fixture(unit) as fixture:
        yield fixture


class Lane:
    """A port that is open, its chip, its abort."""

    def __init__(self, url: str, reset: ResetMode = ResetMode.DEFAULT_RESET) -> None:
        self.abort = threading.Event()
        self.port = LanePort.open(url, self.abort)
        self.chip = Chip(self.port, reset)


@pytest.fixture
def lane(fixture: Fixture) -> Iterator[Lane]:
    lane = Lane(fixture.url)
    yield lane
    lane.port.release()


def ready(lane: Lane) -> Chip:
    assert lane.chip.sync() is SyncOutcome.READY
    lane.chip.identify()
    lane.chip.prepare(BAUDS)
    return lane.chip


def test_a_unit_tells_who_it_is(lane: Lane, unit: Unit) -> None:
    assert lane.chip.sync() is SyncOutcome.READY
    seen = lane.chip.identify()
    assert (seen.chip, seen.mac) == (unit.model.kind.name, unit.model.mac)
    assert seen.security.flash_encryption is False
    assert seen.security.secure_boot is False
    assert lane.chip.prepare(BAUDS) == 4 << 20
    assert lane.chip.mac_now() == unit.model.mac


def test_what_is_written_is_there(lane: Lane, unit: Unit) -> None:
    chip, packed, sent = ready(lane), region(50_000), list[int]()
    chip.write(packed, sent.append)
    assert chip.md5(packed.offset, packed.size_bytes) == packed.md5
    assert chip.read(packed.offset, 4096) == unit.flash.read(packed.offset, 4096)
    assert sent[0] == 0
    assert sent[-1] == len(packed.blob)
    assert sent == sorted(sent)


def test_an_empty_fixture_is_silent() -> None:
    with Fixture() as fixture:
        lane = Lane(fixture.url)
        assert lane.chip.sync() is SyncOutcome.SILENT
        fixture.insert(make_unit())
        assert lane.chip.sync() is SyncOutcome.READY
        lane.port.release()


@pytest.mark.parametrize("kind", ["esp32", "esp32c3"])
def test_a_unit_whose_download_mode_is_burnt_shut_starts_instead_and_stays_as_it_is(kind: str) -> None:
    shut = make_unit(chip=kind, security=SecurityFuses(download_disabled=True))
    with Fixture(shut) as fixture:
        lane = Lane(fixture.url)
        assert lane.chip.sync() is SyncOutcome.RUNNING  # which a lane tells as F11
        assert shut.flash.is_blank(0, shut.flash.size_bytes)
        fixture.insert(make_unit(chip=kind))
        assert lane.chip.sync() is SyncOutcome.READY
        lane.port.release()


def test_a_unit_in_download_mode_is_seen_to_leave(lane: Lane, fixture: Fixture) -> None:
    ready(lane)
    lane.chip.sync()
    assert lane.chip.still_there()
    fixture.remove()
    assert not lane.chip.still_there()


def test_a_unit_pulled_out_in_mid_write_is_gone_and_starts_anew(lane: Lane, fixture: Fixture, unit: Unit) -> None:
    chip, packed = ready(lane), region(100_000)

    def pull(sent_bytes: int) -> None:
        if sent_bytes > 30_000:
            fixture.remove()

    with pytest.raises(ChipError) as caught:
        chip.write(packed, pull)
    assert caught.value.code == Code.UNIT_GONE
    fixture.insert(unit)
    chip = ready(lane)
    chip.write(packed, lambda _sent: None)
    assert chip.md5(packed.offset, packed.size_bytes) == packed.md5


def test_an_abort_stops_a_write_at_once_and_the_next_try_begins_clean(lane: Lane) -> None:
    chip, packed = ready(lane), region(300_000)
    threads = [threading.Timer(0.3, lane.abort.set)]
    threads[0].start()
    began = time.monotonic()
    with pytest.raises(Aborted):
        chip.write(packed, lambda _sent: None)
    assert time.monotonic() - began < 1.5
    lane.abort.clear()
    small = region(20_000)
    chip = ready(lane)
    chip.write(small, lambda _sent: None)
    assert chip.md5(small.offset, small.size_bytes) == small.md5


def test_a_second_program_on_the_port_is_turned_away(lane: Lane, fixture: Fixture) -> None:
    with pytest.raises(PortFault) as caught:
        LanePort.open(fixture.url, threading.Event())
    assert caught.value.code == Code.PORT_BUSY
    assert lane.chip.sync() is SyncOutcome.READY


def test_a_released_port_can_be_opened_again(fixture: Fixture) -> None:
    for _ in range(2):
        lane = Lane(fixture.url)
        assert lane.chip.sync() is SyncOutcome.READY
        lane.port.release()


def test_a_unit_that_babbles_is_garbled() -> None:
    with Fixture(make_unit(), faults=Faults(babbles=True)) as fixture:
        lane = Lane(fixture.url)
        assert lane.chip.sync() is SyncOutcome.GARBLED
        lane.port.release()


def test_worn_flash_is_found_by_its_md5() -> None:
    faults = Faults()
    with Fixture(make_unit(), faults=faults) as fixture:
        faults.worn_cells = {0x10010: 0x01}
        fixture.insert(make_unit())
        lane, data = Lane(fixture.url), b"\xff" * 4096
        packed = pack("app", 0x10000, data, hashlib.md5(data, usedforsecurity=False).hexdigest())
        chip = ready(lane)
        chip.write(packed, lambda _sent: None)
        assert chip.md5(0x10000, 4096) != packed.md5
        lane.port.release()


def test_without_reset_lines_a_unit_held_in_boot_is_found() -> None:
    with Fixture(make_unit(), faults=Faults(ignores_reset=True, boot_held=True)) as fixture:
        fixture.insert(make_unit())
        lane = Lane(fixture.url, ResetMode.NO_RESET)
        assert lane.chip.sync() is SyncOutcome.READY
        assert lane.chip.identify().chip == "esp32"
        lane.port.release()


@pytest.mark.parametrize("asked", ["md5", "read", "mac_now"])
def test_a_question_that_the_line_spoils_is_asked_again_at_a_lower_rate(asked: str) -> None:
    with Fixture(unit := make_unit(), faults=Faults()) as fixture:
        lane = Lane(fixture.url)
        chip = ready(lane)
        fixture.faults.garbles_above_baud = 500_000
        answers = {
            "md5": lambda: chip.md5(0, 4096) == hashlib.md5(b"\xff" * 4096, usedforsecurity=False).hexdigest(),
            "read": lambda: chip.read(0, 4096) == b"\xff" * 4096,
            "mac_now": lambda: chip.mac_now() == unit.model.mac,
        }
        assert answers[asked]()
        assert chip.baud == 460800
        lane.port.release()


def test_a_unit_changed_for_another_is_not_written_at_a_lower_rate() -> None:
    with Fixture(make_unit(), faults=Faults()) as fixture:
        lane, other = Lane(fixture.url), make_unit("24:0a:c4:00:00:99")
        chip = ready(lane)
        fixture.insert(other)
        with pytest.raises(ChipError) as caught:
            chip.write(region(30_000), lambda _sent: None)
        assert caught.value.code == Code.UNIT_SWAPPED
        assert other.flash.read(0x10000, 4) == b"\xff" * 4
        lane.port.release()


@pytest.mark.parametrize("spoilt", ["before", "within"])
def test_a_rate_that_the_cable_does_not_hold_is_left_without_losing_the_unit(spoilt: str) -> None:
    faults = Faults(garbles_above_baud=500_000 if spoilt == "before" else None)
    with Fixture(make_unit(), faults=faults) as fixture:
        lane, packed = Lane(fixture.url), region(60_000)
        chip = ready(lane)

        def spoil(sent_bytes: int) -> None:
            if sent_bytes:
                faults.garbles_above_baud = 500_000

        chip.write(packed, spoil)
        assert chip.md5(packed.offset, packed.size_bytes) == packed.md5
        assert lane.port.baudrate == 460800
        chip.restart()
        ready(lane)
        assert lane.port.baudrate == 460800
        lane.port.release()


def test_a_rom_that_was_blamed_for_what_the_line_spoilt_raises_the_rate_again_after_the_step_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[tuple[int, bool]] = []
    start = Chip._start_stub

    def spoilt_once(chip: Chip, baud: int, with_rom: bool) -> None:
        started.append((baud, with_rom))
        if len(started) == 1:
            raise ChipError(Code.CHIP_GARBLED, "one byte of the ROM's was spoilt", "-")
        start(chip, baud, with_rom)

    monkeypatch.setattr(Chip, "_start_stub", spoilt_once)
    with Fixture(make_unit(), faults=Faults()) as fixture:
        lane = Lane(fixture.url)
        chip = ready(lane)
        fixture.faults.garbles_above_baud = 500_000
        chip.mac_now()
        lane.port.release()
    assert started == [(921600, True), (921600, False), (460800, True)]
