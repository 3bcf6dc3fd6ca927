"""The stub flasher, as recordings of esptool's stub 1.4.1 on ESP32 and ESP32-C3 show it.

Its code is not run: whatever is uploaded and started answers as this stub does.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

from station.virtual.chip_memory import BusFault, ChipMemory
from station.virtual.chip_model import ChipModel
from station.virtual.flash_memory import BLOCK_BYTES, SECTOR_BYTES, FlashMemory
from station.virtual.flash_stream import FlashStream
from station.virtual.loader_answer import (
    SILENCE,
    Answer,
    Command,
    FlashStep,
    FlashTimings,
    Then,
    checksum,
    pack_answer,
    words,
)
from station.virtual.rom_loader import SYNC_ANSWERS, pack_security_info

GREETING: Final = b"OHAI"
HEADER_BYTES: Final = 8
BLOCK_HEADER_BYTES: Final = 16
FRAME_MAX_BYTES: Final = 8 + 0x4000 + 0xFF

_OK: Final = 0x00
_BAD_LENGTH: Final = 0xC0
_BAD_CHECKSUM: Final = 0xC1
_UNKNOWN_COMMAND: Final = 0xC3
_NOT_IN_FLASH_MODE: Final = 0xC6
_INFLATE_FAILED: Final = 0xC7
_NOT_ENOUGH_DATA: Final = 0xC8
_TOO_MUCH_DATA: Final = 0xC9


class StubLoader:
    """One run of the stub. It acknowledges a block before it works on it, so an error of that work comes with the next one."""

    def __init__(
        self, model: ChipModel, flash: FlashMemory, memory: ChipMemory, timings: FlashTimings | None = None
    ) -> None:
        self._model = model
        self._flash = flash
        self._memory = memory
        self._timings = timings or FlashTimings()
        self._error = _OK
        self._stream: FlashStream | None = None
        self._inflater = zlib.decompressobj()
        self._reader: FlashReader | None = None
        self._ram_place = 0
        for address, value in model.kind.stub_registers.items():
            memory.write(address, value)
        # Command → least bytes of data, and what carries it out.
        self._handlers: dict[int, tuple[int, Callable[[bytes, int], Answer]]] = {
            Command.SYNC: (0, self._sync),
            Command.READ_REG: (4, self._read_register),
            Command.WRITE_REG: (16, self._write_register),
            Command.MEM_BEGIN: (16, self._memory_begin),
            Command.MEM_DATA: (16, self._memory_data),
            Command.MEM_END: (8, self._memory_end),
            Command.FLASH_BEGIN: (16, self._flash_begin),
            Command.FLASH_DATA: (16, self._flash_data),
            Command.FLASH_END: (4, self._flash_end),
            Command.FLASH_DEFL_BEGIN: (16, self._deflate_begin),
            Command.FLASH_DEFL_DATA: (16, self._deflate_data),
            Command.FLASH_DEFL_END: (4, self._deflate_end),
            Command.SPI_ATTACH: (4, lambda _data, _check: self._done(Command.SPI_ATTACH)),
            Command.SPI_SET_PARAMS: (24, lambda _data, _check: self._done(Command.SPI_SET_PARAMS)),
            Command.SPI_FLASH_MD5: (16, self._flash_md5),
            Command.CHANGE_BAUDRATE: (8, self._change_baud),
            Command.ERASE_FLASH: (0, self._erase_flash),
            Command.ERASE_REGION: (8, self._erase_region),
            Command.READ_FLASH: (16, self._read_flash),
            Command.RUN_USER_CODE: (0, lambda _data, _check: Answer(then=Then.RUN_APP)),
        }
        if model.kind.knows_security_info:
            self._handlers[Command.GET_SECURITY_INFO] = (0, self._security_info)

    def handle(self, frame: bytes) -> Answer:
        """Carry out one frame; while a read streams, a frame is its acknowledgement."""
        if self._reader is not None:
            answer = self._reader.acknowledge(words(frame, 1)[0])
            if self._reader.is_over:
                self._reader = None
            return answer
        if len(frame) > FRAME_MAX_BYTES:
            return Answer(then=Then.HANG)
        if len(frame) < HEADER_BYTES or frame[0] != 0:
            return SILENCE
        command = frame[1]
        if self._error:
            error, self._error = self._error, _OK
            return self._done(command, error)
        least_bytes, handler = self._handlers.get(command, (0, None))
        if handler is None:
            return self._done(command, _UNKNOWN_COMMAND)
        data = frame[HEADER_BYTES:]
        if len(data) < least_bytes:
            return self._done(command, _BAD_LENGTH)
        try:
            return handler(data, words(frame[4:], 1)[0])
        except BusFault:
            return Answer(text=self._model.kind.fault_text, then=Then.HANG)

    def _done(self, command: int, error: int = _OK, *, value: int = 0, data: bytes = b"") -> Answer:
        return Answer(frames=(pack_answer(command, value, data + bytes([error, 0])),))

    def _sync(self, _data: bytes, _check: int) -> Answer:
        return Answer(frames=self._done(Command.SYNC).frames * SYNC_ANSWERS)

    def _read_register(self, data: bytes, _check: int) -> Answer:
        return self._done(Command.READ_REG, value=self._memory.read(words(data, 1)[0]))

    def _write_register(self, data: bytes, _check: int) -> Answer:
        for first in range(0, len(data) // 16 * 16, 16):
            address, value, mask, _delay_us = words(data[first:], 4)
            self._memory.write(address, value, mask)
        return self._done(Command.WRITE_REG)

    def _memory_begin(self, data: bytes, _check: int) -> Answer:
        self._ram_place = words(data, 4)[3]
        return self._done(Command.MEM_BEGIN)

    def _memory_data(self, data: bytes, check: int) -> Answer:
        block = data[BLOCK_HEADER_BYTES:]
        error = _block_error(data, check)
        if not error:
            self._memory.load(self._ram_place, block)
            self._ram_place += len(block)
        return self._done(Command.MEM_DATA, error)

    def _memory_end(self, data: bytes, _check: int) -> Answer:
        stays, _entry = words(data, 2)
        return Answer(frames=self._done(Command.MEM_END).frames, then=Then.STAY if stays else Then.RUN_STUB)

    def _flash_begin(self, data: bytes, _check: int) -> Answer:
        size, _blocks, _block_size, offset = words(data, 4)
        self._stream = FlashStream(self._flash, offset, size, self._timings)
        return self._done(Command.FLASH_BEGIN)

    def _flash_data(self, data: bytes, check: int) -> Answer:
        error = _block_error(data, check) if self._stream else _NOT_IN_FLASH_MODE
        if error or self._stream is None:
            return self._done(Command.FLASH_DATA, error)
        # The last block is padded to a whole one: what lies beyond the announced size is not written.
        block = data[BLOCK_HEADER_BYTES:][: self._stream.left_bytes]
        return Answer(frames=self._done(Command.FLASH_DATA).frames, work=self._stream.write(block))

    def _flash_end(self, data: bytes, _check: int) -> Answer:
        return self._end(Command.FLASH_END, data)

    def _deflate_begin(self, data: bytes, check: int) -> Answer:
        self._flash_begin(data, check)
        self._inflater = zlib.decompressobj()
        return self._done(Command.FLASH_DEFL_BEGIN)

    def _deflate_data(self, data: bytes, check: int) -> Answer:
        error = _block_error(data, check) if self._stream else _NOT_IN_FLASH_MODE
        acknowledged = self._done(Command.FLASH_DEFL_DATA, error).frames
        if error or self._stream is None:
            return Answer(frames=acknowledged)
        try:
            unpacked = self._inflater.decompress(data[BLOCK_HEADER_BYTES:])
        except zlib.error:
            self._error = _INFLATE_FAILED
            return Answer(frames=acknowledged)
        if len(unpacked) > self._stream.left_bytes:
            # Recorded: a stream that unpacks to more than was announced is acknowledged, then nothing more is answered.
            return Answer(
                frames=acknowledged, work=self._stream.write(unpacked[: self._stream.left_bytes]), then=Then.HANG
            )
        inflate = FlashStep(lambda: None, len(unpacked) * self._timings.inflate_s_per_byte)
        return Answer(frames=acknowledged, work=(inflate, *self._stream.write(unpacked)))

    def _deflate_end(self, data: bytes, _check: int) -> Answer:
        return self._end(Command.FLASH_DEFL_END, data)

    def _end(self, command: int, data: bytes) -> Answer:
        stays = words(data, 1)[0]
        error = _NOT_IN_FLASH_MODE
        if self._stream is not None:
            error = _NOT_ENOUGH_DATA if self._stream.left_bytes else _OK
        self._stream = None
        then = Then.STAY if stays or error else Then.RESET
        return Answer(frames=self._done(command, error).frames, then=then)

    def _flash_md5(self, data: bytes, _check: int) -> Answer:
        offset, size = words(data, 2)
        if offset + size > self._flash.size_bytes:
            # Recorded: no answer within three seconds.
            return Answer(then=Then.HANG)
        digest = self._flash.md5(offset, size)
        return Answer(
            frames=self._done(Command.SPI_FLASH_MD5, data=digest).frames, busy_s=size * self._timings.md5_s_per_byte
        )

    def _change_baud(self, data: bytes, _check: int) -> Answer:
        return Answer(frames=self._done(Command.CHANGE_BAUDRATE).frames, baud=words(data, 1)[0])

    def _erase_flash(self, _data: bytes, _check: int) -> Answer:
        self._flash.erase_all()
        return Answer(frames=self._done(Command.ERASE_FLASH).frames, busy_s=self._timings.chip_erase_s)

    def _erase_region(self, data: bytes, _check: int) -> Answer:
        offset, size = words(data, 2)
        if offset % SECTOR_BYTES or size % SECTOR_BYTES:
            return self._done(Command.ERASE_REGION, _BAD_LENGTH)
        inside = max(0, min(size, self._flash.size_bytes - offset))
        if inside:
            self._flash.erase(offset, inside)
        busy_s = size // BLOCK_BYTES * self._timings.block_erase_s
        busy_s += size % BLOCK_BYTES // SECTOR_BYTES * self._timings.sector_erase_s
        return Answer(frames=self._done(Command.ERASE_REGION).frames, busy_s=busy_s)

    def _read_flash(self, data: bytes, _check: int) -> Answer:
        offset, size, block_bytes, _in_flight = words(data, 4)
        if offset + size > self._flash.size_bytes or not block_bytes:
            return self._done(Command.READ_FLASH, _BAD_LENGTH)
        reader = FlashReader(self._flash, offset, size, block_bytes)
        first = reader.begin()
        self._reader = None if reader.is_over else reader
        return Answer(frames=self._done(Command.READ_FLASH).frames + first)

    def _security_info(self, _data: bytes, _check: int) -> Answer:
        return self._done(Command.GET_SECURITY_INFO, data=pack_security_info(self._model))


def _block_error(data: bytes, check: int) -> int:
    """Check a data command's own size and checksum."""
    (announced_bytes,) = words(data, 1)
    block = data[BLOCK_HEADER_BYTES:]
    if announced_bytes > len(block):
        return _BAD_LENGTH
    if announced_bytes < len(block):
        return _TOO_MUCH_DATA
    return _OK if checksum(block) == check & 0xFF else _BAD_CHECKSUM


class FlashReader:
    """A READ_FLASH under way: each block waits for the acknowledgement of the one before; the MD5 of all ends it.

    Recorded: the host may allow more blocks in flight, but the stub sends one at a time.
    """

    def __init__(self, flash: FlashMemory, offset: int, size_bytes: int, block_bytes: int) -> None:
        self._flash = flash
        self._offset = offset
        self._size_bytes = size_bytes
        self._block_bytes = block_bytes
        self._sent_bytes = 0
        self.is_over = False

    def begin(self) -> tuple[bytes, ...]:
        """Give the first block."""
        return self.acknowledge(0).frames

    def acknowledge(self, received_bytes: int) -> Answer:
        """Take how much the host has; give the next block, or the MD5 when it has everything."""
        if received_bytes >= self._size_bytes:
            self.is_over = True
            return Answer(frames=(self._flash.md5(self._offset, self._size_bytes),))
        if received_bytes < self._sent_bytes:
            return SILENCE
        size = min(self._block_bytes, self._size_bytes - self._sent_bytes)
        block = self._flash.read(self._offset + self._sent_bytes, size)
        self._sent_bytes += size
        return Answer(frames=(block,) if block else ())
