"""The serial loader in the mask ROM, as recordings of ESP32 and ESP32-C3 ROMs show it (tests/virtual/rom-traces)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Final

from station.virtual.chip_memory import BusFault, ChipMemory
from station.virtual.chip_model import ChipModel
from station.virtual.flash_memory import BLOCK_BYTES, PAGE_BYTES, SECTOR_BYTES, FlashMemory
from station.virtual.loader_answer import Answer, Command, FlashTimings, Then, checksum, pack_answer, words

SYNC_ANSWERS: Final = 8
DATA_HEADER_BYTES: Final = 24
DATA_MAX_BYTES: Final = 0x1800
READ_SLOW_BYTES: Final = 64
STATUS_BYTES: Final = 4

_OK: Final = 0
_BAD_MESSAGE: Final = 0x05
_FLASH_BEGIN_FAILED: Final = 0x06
_BAD_CHECKSUM: Final = 0x07
_FLASH_WRITE_FAILED: Final = 0x08
_FLASH_READ_FAILED: Final = 0x09
_BAD_STREAM: Final = 0x0B

_CLEARS_ERROR: Final = frozenset(
    {
        Command.SYNC,
        Command.READ_REG,
        Command.WRITE_REG,
        Command.CHANGE_BAUDRATE,
        Command.SPI_FLASH_MD5,
        Command.GET_SECURITY_INFO,
        Command.READ_FLASH_SLOW,
    }
)

_ALLOWED_IN_SECURE_DOWNLOAD: Final = frozenset(
    {
        Command.SYNC,
        Command.FLASH_BEGIN,
        Command.FLASH_DATA,
        Command.FLASH_END,
        Command.FLASH_DEFL_BEGIN,
        Command.FLASH_DEFL_DATA,
        Command.FLASH_DEFL_END,
        Command.SPI_ATTACH,
        Command.SPI_SET_PARAMS,
        Command.CHANGE_BAUDRATE,
        Command.GET_SECURITY_INFO,
    }
)
"""ESP-IDF, "Secure UART Download mode": SPI configuration, baud rate, plain writes, and the security information."""


class RomLoader:
    """One run of the ROM's loader. It keeps a command's bytes and an answer's bytes for the next one, as the ROM does."""

    def __init__(
        self, model: ChipModel, flash: FlashMemory, memory: ChipMemory, timings: FlashTimings | None = None
    ) -> None:
        self._model = model
        self._flash = flash
        self._memory = memory
        self._timings = timings or FlashTimings()
        self._frame = bytearray(DATA_HEADER_BYTES + DATA_MAX_BYTES)
        self._length = 0
        self._reply = bytearray(READ_SLOW_BYTES + STATUS_BYTES)
        self._value = 0
        self._error = _OK
        self._last_known = Command.SYNC
        self._set_size_bytes = model.flash_size_bytes
        self._sequence = 0
        # The C3's ROM takes data that nothing announced, the ESP32's does not.
        self._begun = model.kind.knows_security_info
        self._place = 0
        self._inflater = zlib.decompressobj()
        self._handlers: dict[int, Callable[[bytes], Answer]] = {
            Command.SYNC: self._sync,
            Command.READ_REG: self._read_register,
            Command.WRITE_REG: self._write_register,
            Command.MEM_BEGIN: self._memory_begin,
            Command.MEM_DATA: self._memory_data,
            Command.MEM_END: self._memory_end,
            Command.FLASH_BEGIN: self._flash_begin,
            Command.FLASH_DATA: self._flash_data,
            Command.FLASH_END: self._flash_end,
            Command.FLASH_DEFL_BEGIN: self._deflate_begin,
            Command.FLASH_DEFL_DATA: self._deflate_data,
            Command.FLASH_DEFL_END: self._deflate_end,
            Command.SPI_ATTACH: lambda _data: self._done(Command.SPI_ATTACH),
            Command.SPI_SET_PARAMS: self._set_parameters,
            Command.SPI_FLASH_MD5: self._flash_md5,
            Command.READ_FLASH_SLOW: self._read_slow,
            Command.CHANGE_BAUDRATE: self._change_baud,
        }
        if model.kind.knows_security_info:
            self._handlers[Command.GET_SECURITY_INFO] = self._security_info
        if model.security.secure_download:
            self._handlers = {
                command: act for command, act in self._handlers.items() if command in _ALLOWED_IN_SECURE_DOWNLOAD
            }

    def handle(self, frame: bytes) -> Answer:
        """Carry out one frame; what it does not bring is taken from the frame before it."""
        kept = frame[: len(self._frame)]
        self._frame[: len(kept)] = kept
        self._length = len(frame)
        direction, command = self._frame[0], self._frame[1]
        handler = self._handlers.get(command)
        if direction != 0 or handler is None:
            refusal = pack_answer(self._last_known, self._value, bytes([1, _BAD_MESSAGE, *self._reply[2:4]]))
            # It comes as often as the last known command was answered.
            return Answer(frames=(refusal,) * (SYNC_ANSWERS if self._last_known == Command.SYNC else 1))
        self._last_known = command
        if command in _CLEARS_ERROR:
            self._error = _OK
        try:
            return handler(bytes(self._frame[8:]))
        except BusFault:
            return Answer(text=self._model.kind.fault_text, then=Then.HANG)

    def _done(self, command: int, error: int = _OK, *, busy_s: float = 0.0, then: Then = Then.STAY) -> Answer:
        return Answer(frames=(self._answer(command, 0, error),), busy_s=busy_s, then=then)

    def _answer(self, command: int, data_bytes: int, error: int = _OK) -> bytes:
        """Give an answer of `data_bytes` from the reply buffer and the status, which lies in the buffer after them."""
        if error:
            self._error = error
        self._reply[data_bytes : data_bytes + 2] = bytes([1 if error else 0, self._error])
        if data_bytes:
            status = bytes([1 if error else 0, self._error, 0, 0])
            return pack_answer(command, self._value, bytes(self._reply[:data_bytes]) + status)
        return pack_answer(command, self._value, bytes(self._reply[:STATUS_BYTES]))

    def _sync(self, data: bytes) -> Answer:
        (self._value,) = words(data, 1)
        return Answer(frames=(self._answer(Command.SYNC, 0),) * SYNC_ANSWERS)

    def _read_register(self, data: bytes) -> Answer:
        (address,) = words(data, 1)
        self._value = self._memory.read(address)
        return self._done(Command.READ_REG)

    def _write_register(self, data: bytes) -> Answer:
        # More than one register may follow, each with address, value, mask, delay.
        for first in range(0, max(16, (self._length - 8) // 16 * 16), 16):
            address, value, mask, delay_us = words(data[first:], 4)
            del delay_us
            self._memory.write(address, value, mask)
        return self._done(Command.WRITE_REG)

    def _begin(self, place: int) -> None:
        self._begun = True
        self._sequence = 0
        self._place = place

    def _take_block(self, data: bytes) -> tuple[bytes, int]:
        """Check a data command; give its bytes and an error."""
        size, sequence = words(data, 2)
        sent = self._length - DATA_HEADER_BYTES
        if not self._begun or sequence != self._sequence or size != sent or size > DATA_MAX_BYTES:
            return b"", _BAD_MESSAGE
        # The ROM counts a block before it looks at the checksum, so a repeated block comes out of sequence.
        self._sequence += 1
        block = data[16 : 16 + size]
        announced = struct.unpack_from("<I", self._frame, 4)[0]
        return (block, _OK) if checksum(block) == announced & 0xFF else (b"", _BAD_CHECKSUM)

    def _memory_begin(self, data: bytes) -> Answer:
        self._begin(words(data, 4)[3])
        return self._done(Command.MEM_BEGIN)

    def _memory_data(self, data: bytes) -> Answer:
        block, error = self._take_block(data)
        self._memory.load(self._place, block)
        self._place += len(block)
        return self._done(Command.MEM_DATA, error)

    def _memory_end(self, data: bytes) -> Answer:
        stays, _entry = words(data, 2)
        return self._done(Command.MEM_END, then=Then.STAY if stays else Then.RUN_STUB)

    def _erase(self, offset: int, size: int) -> tuple[int, float]:
        """Erase for a BEGIN command; give an error and the seconds it takes."""
        end = offset + size
        if offset % SECTOR_BYTES or end > min(self._set_size_bytes, self._flash.size_bytes):
            return _FLASH_BEGIN_FAILED, 0.0
        if not size:
            return _OK, 0.0
        end += -end % SECTOR_BYTES
        self._flash.erase(offset, end - offset)
        blocks = max(0, end // BLOCK_BYTES - -(-offset // BLOCK_BYTES))
        sectors = (end - offset - blocks * BLOCK_BYTES) // SECTOR_BYTES
        return _OK, blocks * self._timings.block_erase_s + sectors * self._timings.sector_erase_s

    def _flash_begin(self, data: bytes) -> Answer:
        size, _blocks, _block_size, offset = words(data, 4)
        error, busy_s = self._erase(offset, size)
        self._begin(offset)
        return self._done(Command.FLASH_BEGIN, error, busy_s=busy_s)

    def _program(self, data: bytes) -> tuple[int, float]:
        """Program at the current place and read back; the flash ignores address bits above its size."""
        held = True
        for first in range(0, len(data), SECTOR_BYTES):
            part = data[first : first + SECTOR_BYTES]
            place = self._place % self._flash.size_bytes
            room = self._flash.size_bytes - place
            held &= self._flash.program(place, part[:room])
            if part[room:]:
                held &= self._flash.program(0, part[room:])
            self._place += len(part)
        seconds = -(-len(data) // PAGE_BYTES) * self._timings.page_program_s
        return (_OK if held else _FLASH_WRITE_FAILED), seconds

    def _flash_data(self, data: bytes) -> Answer:
        block, error = self._take_block(data)
        if error:
            return self._done(Command.FLASH_DATA, error)
        error, busy_s = self._program(block)
        return self._done(Command.FLASH_DATA, error, busy_s=busy_s)

    def _flash_end(self, _data: bytes) -> Answer:
        # Both ROMs leave the loader here even when told to stay.
        return self._done(Command.FLASH_END, then=Then.RUN_APP)

    def _deflate_begin(self, data: bytes) -> Answer:
        size, _blocks, _block_size, offset = words(data, 4)
        error, busy_s = self._erase(offset, size)
        self._begin(offset)
        self._inflater = zlib.decompressobj()
        return self._done(Command.FLASH_DEFL_BEGIN, error, busy_s=busy_s)

    def _deflate_data(self, data: bytes) -> Answer:
        block, error = self._take_block(data)
        if error:
            return self._done(Command.FLASH_DEFL_DATA, error)
        try:
            unpacked = self._inflater.decompress(block)
        except zlib.error:
            return self._done(Command.FLASH_DEFL_DATA, _BAD_STREAM)
        # Too long or cut streams are not noticed: only an MD5 finds them.
        _held, busy_s = self._program(unpacked)
        return self._done(Command.FLASH_DEFL_DATA, busy_s=busy_s + len(unpacked) * self._timings.inflate_s_per_byte)

    def _deflate_end(self, data: bytes) -> Answer:
        (stays,) = words(data, 1)
        return self._done(Command.FLASH_DEFL_END, then=Then.STAY if stays else Then.RUN_APP)

    def _set_parameters(self, data: bytes) -> Answer:
        self._set_size_bytes = words(data, 2)[1]
        return self._done(Command.SPI_SET_PARAMS)

    def _flash_md5(self, data: bytes) -> Answer:
        offset, size = words(data, 2)
        if offset + size > min(self._set_size_bytes, self._flash.size_bytes):
            return Answer(frames=(self._answer(Command.SPI_FLASH_MD5, 32, _FLASH_READ_FAILED),))
        self._reply[:32] = self._flash.md5(offset, size).hex().encode("ascii")
        busy_s = size * self._timings.md5_s_per_byte
        return Answer(frames=(self._answer(Command.SPI_FLASH_MD5, 32),), busy_s=busy_s)

    def _read_slow(self, data: bytes) -> Answer:
        offset, size = words(data, 2)
        size = min(size, READ_SLOW_BYTES)
        if offset + size > self._flash.size_bytes:
            return Answer(frames=(self._answer(Command.READ_FLASH_SLOW, READ_SLOW_BYTES, _FLASH_READ_FAILED),))
        self._reply[:size] = self._flash.read(offset, size)
        return Answer(frames=(self._answer(Command.READ_FLASH_SLOW, READ_SLOW_BYTES),))

    def _security_info(self, _data: bytes) -> Answer:
        info = pack_security_info(self._model)
        self._reply[: len(info)] = info
        return Answer(frames=(self._answer(Command.GET_SECURITY_INFO, len(info)),))

    def _change_baud(self, data: bytes) -> Answer:
        baud, _old = words(data, 2)
        return Answer(frames=(self._answer(Command.CHANGE_BAUDRATE, 0),), baud=baud)


def pack_security_info(model: ChipModel) -> bytes:
    """Give the 20 bytes of GET_SECURITY_INFO: flags, encryption count, key purposes, chip id, revision."""
    fuses = model.security
    # The seventh byte is as recorded.
    purposes = bytes([*fuses.key_purposes(), 0x0C])
    return struct.pack("<IB7sII", fuses.flags(), model.flash_crypt_count, purposes, model.kind.image_chip_id, 3)
