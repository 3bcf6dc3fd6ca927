"""Reads recordings of real ROMs and stubs, and plays the host's half to the virtual chip's loaders.

A record longer than 256 bytes stands in a recording as its first 64 bytes and its SHA-256; the contents that the recorder
wrote are made anew here and found by that hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import esptool

from station.virtual.chip_memory import ChipMemory
from station.virtual.chip_model import CHIP_KINDS, ChipModel
from station.virtual.flash_memory import FlashMemory
from station.virtual.loader_answer import Loader, Then
from station.virtual.rom_loader import RomLoader
from station.virtual.slip import FrameDecoder, encode_frame
from station.virtual.stub_loader import GREETING, StubLoader

FOLDER = Path(__file__).parent / "rom-traces"
MAC = "24:0a:c4:5e:10:00"
BLOCK_SIZES = (0x200, 0x400, 0x1000, 0x1800, 0x4000)


@dataclass(slots=True)
class Session:
    """What happened between two resets: what the host sent, and the frames that the chip sent, as `as_recorded` gives them."""

    sent: list[bytes] = field(default_factory=list)
    recorded: list[str] = field(default_factory=list)


def noise() -> bytes:
    """The 16 KiB of noise that the recorder wrote."""
    source = random.Random(7)  # noqa: S311  the recorder's own noise, not a secret
    return bytes(source.randint(0, 255) for _ in range(0x4000))


def text() -> bytes:
    """The 16 KiB of repeated text that the recorder wrote."""
    return (b"GET /thing/property HTTP/1.1\r\n" * 0x300)[:0x4000]


@cache
def _long_frames() -> dict[str, bytes]:
    """Every long frame that a host may have sent: SHA-256 on the wire → the bytes on the wire."""
    contents = [
        noise(),
        bytes(byte ^ 0x5A for byte in noise()[:0x400]),
        text(),
        zlib.compress(noise(), 9),
        zlib.compress(text(), 9),
    ]
    stubs = Path(esptool.__file__).parent / "targets" / "stub_flasher" / "2"
    for chip in CHIP_KINDS:
        stub = json.loads((stubs / f"{chip}.json").read_text(encoding="utf-8"))
        contents += [base64.b64decode(stub["text"]), base64.b64decode(stub["data"])]
    return {hashlib.sha256(wire).hexdigest(): wire for content in contents for wire in _frames_of(content)}


def _frames_of(content: bytes) -> Iterator[bytes]:
    for block_size in BLOCK_SIZES:
        for sequence, first in enumerate(range(0, len(content), block_size)):
            block = content[first : first + block_size]
            for padded in (block, block.ljust(block_size, b"\xff")):
                yield from _data_frames(padded, sequence)


def _data_frames(block: bytes, sequence: int) -> Iterator[bytes]:
    check = 0xEF
    for byte in block:
        check ^= byte
    for command in (0x03, 0x07, 0x11):
        # The recorder's wrong frames: another checksum, another declared size, another sequence.
        for wrong_check, size, number in (
            (0, len(block), sequence),
            (1, len(block), sequence),
            (0x80, len(block), sequence),
            (0, 512, sequence),
            *((0, len(block), number) for number in (1, 2, 3, 4, 5, 7)),
        ):
            header = bytes([0, command]) + (len(block) + 16).to_bytes(2, "little")
            words = (check ^ wrong_check, size, number, 0, 0)
            yield encode_frame(header + b"".join(word.to_bytes(4, "little") for word in words) + block)


def read_trace(name: str) -> list[dict[str, Any]]:
    """Give the records of a recording such as `esp32-03-connect-rom`."""
    with (FOLDER / f"{name}.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def host_bytes(record: dict[str, Any]) -> bytes:
    """Give what the host sent, also when the recording holds only its beginning."""
    if "sha256" not in record:
        return bytes.fromhex(record["hex"])
    found = _long_frames().get(record["sha256"])
    assert found is not None, f"unknown content at {record['t_ms']} ms: {record['note']}"
    return found


def sessions(name: str) -> Iterator[Session]:
    """Give what a recording holds of each reset into download mode. Text outside frames is left out.

    Who answered when is left out too: the recorder's host writes some records a moment too late.
    """
    session: Session | None = None
    for record in read_trace(name):
        if record["dir"] == "line":
            if not record["note"].startswith("EN released"):
                continue
            if session is not None:
                yield session
            session = Session() if record["note"].endswith("download mode") else None
        elif session is None:
            continue
        elif record["dir"] == "host":
            session.sent.append(host_bytes(record))
        elif record["hex"].startswith("c0"):
            session.recorded.append(f"sha256:{record['sha256']}" if "sha256" in record else record["hex"])
    if session is not None:
        yield session


class ReplayedChip:
    """The virtual chip's loaders without a wire: bytes in, frames on the wire out."""

    def __init__(self, chip: str, flash: FlashMemory | None = None) -> None:
        kind = CHIP_KINDS[chip]
        if kind.name == "esp32":
            # The recorder's emulator does not model the oscillator's calibration.
            kind = replace(kind, reset_registers={**kind.reset_registers, 0x3FF5A010: 0, 0x3FF5F06C: 0x28000})
        self.model = ChipModel(MAC, kind)
        self.flash = flash or FlashMemory(self.model.flash_size_bytes)
        self._loader: Loader | None = None
        self._memory = ChipMemory(self.model)
        self._decoder = FrameDecoder()

    def reset(self) -> None:
        """Reset into download mode; the recorder always spoke at 115200 then."""
        self._memory = ChipMemory(self.model)
        self._memory.set_baud(115200)
        self._loader = RomLoader(self.model, self.flash, self._memory)
        self._decoder = FrameDecoder()

    def take(self, data: bytes) -> list[bytes]:
        """Give the frames that the chip answers, as they go over the wire."""
        answers: list[bytes] = []
        for frame in self._decoder.feed(data):
            if self._loader is None:
                break
            answer = self._loader.handle(frame)
            answers += [encode_frame(payload) for payload in answer.frames]
            for step in answer.work:
                step.act()
            if answer.then is Then.RUN_STUB:
                self._loader = StubLoader(self.model, self.flash, self._memory)
                self._decoder = FrameDecoder(strict=True)
                answers.append(encode_frame(GREETING))
            elif answer.then is not Then.STAY:
                self._loader = None
        return answers


def as_recorded(frame: bytes) -> str:
    """Give a frame as a recording holds it."""
    return f"sha256:{hashlib.sha256(frame).hexdigest()}" if len(frame) > 256 else frame.hex()
