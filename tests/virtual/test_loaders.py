"""The loaders beyond the recordings: no frame breaks them, and security eFuses say what was set."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.virtual.chip_memory import ChipMemory
from station.virtual.chip_model import CHIP_KINDS, ESP32, ESP32C3, ChipModel, crc8
from station.virtual.flash_memory import FlashMemory
from station.virtual.loader_answer import Answer, Command, Loader, Then, checksum
from station.virtual.rom_loader import RomLoader
from station.virtual.security_fuses import SecurityFuses
from station.virtual.slip import FrameDecoder, encode_frame
from station.virtual.stub_loader import StubLoader
from tests.virtual.rom_trace import MAC, noise

COMMANDS = st.sampled_from([value for name, value in vars(Command).items() if name.isupper()])
NUMBERS = st.one_of(
    st.integers(0, 0x10000), st.integers(0, 0xFFFFFFFF), st.sampled_from([0x3FF000, 0x400000, 0x500010])
)
FRAMES = st.one_of(
    st.binary(max_size=64),
    st.builds(
        lambda command, check, numbers, rest: (
            struct.pack(f"<BBHI{len(numbers)}I", 0, command, 4 * len(numbers) + len(rest), check, *numbers) + rest
        ),
        COMMANDS,
        st.integers(0, 255),
        st.lists(NUMBERS, max_size=6),
        st.one_of(st.binary(max_size=40), st.just(zlib.compress(noise())), st.just(noise())),
    ),
)


def make_loader(kind: type[RomLoader] | type[StubLoader], chip: str = "esp32") -> tuple[Loader, FlashMemory]:
    model = ChipModel(MAC, CHIP_KINDS[chip], 0x100000)
    flash = FlashMemory(model.flash_size_bytes)
    return kind(model, flash, ChipMemory(model)), flash


def ask(loader: Loader, command: int, *numbers: int, data: bytes = b"", check: int | None = None) -> Answer:
    body = struct.pack(f"<{len(numbers)}I", *numbers) + data
    check = checksum(data) if check is None else check
    answer = loader.handle(struct.pack("<BBHI", 0, command, len(body), check) + body)
    for step in answer.work:
        step.act()
    return answer


@settings(max_examples=300)
@given(
    frames=st.lists(FRAMES, max_size=8),
    kind=st.sampled_from([RomLoader, StubLoader]),
    chip=st.sampled_from([*CHIP_KINDS]),
)
def test_no_frame_breaks_a_loader(frames: list[bytes], kind: type[RomLoader] | type[StubLoader], chip: str) -> None:
    loader, flash = make_loader(kind, chip)
    for frame in frames:
        answer = loader.handle(frame)
        for step in answer.work:
            step.act()
        assert all(answered[:1] == b"\x01" or kind is StubLoader for answered in answer.frames)
    assert flash.size_bytes == 0x100000


@given(data=st.binary(max_size=300))
def test_the_checksum_is_the_xor_of_all_bytes(data: bytes) -> None:
    expected = 0xEF
    for byte in data:
        expected ^= byte
    assert checksum(data) == expected


@given(payloads=st.lists(st.binary(min_size=1, max_size=40), max_size=5), cut=st.integers(0, 200))
def test_frames_survive_the_wire_wherever_it_is_cut(payloads: list[bytes], cut: int) -> None:
    wire = b"noise before" + b"".join(encode_frame(payload) for payload in payloads)
    decoder = FrameDecoder()
    assert decoder.feed(wire[:cut]) + decoder.feed(wire[cut:]) == payloads


def test_the_stub_erases_only_what_it_writes_to() -> None:
    loader, flash = make_loader(StubLoader)
    flash.program(0, bytes(flash.size_bytes))
    ask(loader, Command.FLASH_BEGIN, 0x1000, 1, 0x4000, 0x10000, 0)
    assert flash.read(0x10000, 0x1000) == bytes(0x1000)
    ask(loader, Command.FLASH_DATA, 0x4000, 0, 0, 0, data=noise())
    assert flash.read(0x10000, 0x1000) == noise()[:0x1000]
    assert flash.read(0x11000, 0x1000) == bytes(0x1000)


def test_too_little_data_is_told_at_the_end() -> None:
    loader, _flash = make_loader(StubLoader)
    ask(loader, Command.FLASH_BEGIN, 0x1000, 1, 0x4000, 0x10000, 0)
    assert ask(loader, Command.FLASH_END, 1).frames[0][-2:] == b"\xc8\0"


def test_a_stub_that_is_told_to_reboot_resets() -> None:
    loader, _flash = make_loader(StubLoader)
    ask(loader, Command.FLASH_BEGIN, 0, 0, 0x4000, 0, 0)
    assert ask(loader, Command.FLASH_END, 0).then is Then.RESET
    assert ask(loader, Command.RUN_USER_CODE).then is Then.RUN_APP


def test_security_efuses_say_what_was_set() -> None:
    open_esp32, closed_esp32 = (
        ChipModel(MAC, ESP32, security=SecurityFuses(flash_encryption=on, secure_boot=on)) for on in (False, True)
    )
    assert ChipMemory(open_esp32).read(0x3FF5A000) == 0
    assert ChipMemory(closed_esp32).read(0x3FF5A000) >> 20 & 0x7F == 1
    assert ChipMemory(closed_esp32).read(0x3FF5A018) & 0x30
    closed_c3 = ChipModel(MAC, ESP32C3, security=SecurityFuses(flash_encryption=True, secure_boot=True))
    loader = RomLoader(closed_c3, FlashMemory(0x400000), ChipMemory(closed_c3))
    flags, crypt_count = struct.unpack_from("<IB", ask(loader, Command.GET_SECURITY_INFO).frames[0], 8)
    assert flags & 1
    assert crypt_count & 1


@pytest.mark.parametrize("size", [0x100000, 0x200000, 0x400000, 0x800000, 0x1000000])
def test_the_flash_id_tells_the_size(size: int) -> None:
    assert 1 << (ChipModel(MAC, flash_size_bytes=size).flash_id >> 16) == size


def test_the_mac_carries_its_crc() -> None:
    memory = ChipMemory(ChipModel("24:0a:c4:5e:10:00"))
    assert memory.read(0x3FF5A008) == 0x0083240A
    assert crc8(bytes.fromhex("240ac45e1000")) == 0x83


@pytest.mark.parametrize("mac", ["24:0A:C4:5E:10:00", "240ac45e1000", "24:0a:c4:5e:10", ""])
def test_a_mac_that_is_none_is_refused(mac: str) -> None:
    with pytest.raises(ValueError, match="MAC"):
        ChipModel(mac)
