"""What the chip's bus answers: registers, RAM, and the SPI controller through which the flash is asked for its identity."""

from __future__ import annotations

import struct
from typing import Final

from station.virtual.chip_model import CRYSTAL_HZ, ChipModel

SPI_USER_COMMAND: Final = 1 << 18
_STATUS_READS: Final = {0x05: 0, 0x35: 1, 0x15: 2}
_STATUS_WRITES: Final = {0x01: 0, 0x31: 1, 0x11: 2}
_READ_ID: Final = 0x9F
_ENABLES: Final = frozenset({0x06, 0x50})


class BusFault(Exception):
    """Nothing answers at that address: the CPU that tried is lost until a reset."""


class ChipMemory:
    """The 32-bit words on the bus; a word that nobody set reads zero."""

    def __init__(self, model: ChipModel) -> None:
        self._model = model
        self._words = model.registers()
        self._status = [0, 0, 0]
        self._may_write_status = False

    def read(self, address: int) -> int:
        """Give the word at `address`; BusFault."""
        if not self._model.answers(address):
            raise BusFault(hex(address))
        return self._words.get(address & ~3, 0)

    def write(self, address: int, value: int, mask: int = 0xFFFFFFFF) -> None:
        """Set the bits of `mask` in the word at `address`; BusFault. The chip's ROM and eFuses stay as they are."""
        old = self.read(address)
        kind = self._model.kind
        if address == 0x40001000 or kind.efuse_base <= address < kind.efuse_base + 0x200:
            return
        new = (old & ~mask) | (value & mask)
        if address == kind.spi.base and new & SPI_USER_COMMAND:
            self._run_spi_command()
            new &= ~SPI_USER_COMMAND
        self._words[address & ~3] = new

    def load(self, address: int, data: bytes) -> None:
        """Put bytes into RAM, as MEM_DATA does; nothing is kept where nothing answers."""
        count = -(-len(data) // 4)
        places = range(address & ~3, (address & ~3) + 4 * count, 4)
        words = zip(places, struct.unpack(f"<{count}I", data.ljust(4 * count, b"\0")), strict=True)
        if self._model.answers(address, 4 * count):
            self._words.update(words)
        else:
            self._words.update((place, word) for place, word in words if self._model.answers(place))

    def set_baud(self, baud: int) -> None:
        """Let the UART's clock divider tell this baud rate, one tick short as the ROM's autobaud measures it."""
        if baud > 0:
            self._words[self._model.kind.uart_divider] = CRYSTAL_HZ // baud - 1

    def _run_spi_command(self) -> None:
        spi = self._model.kind.spi
        command = self._words.get(spi.base + spi.user2, 0) & 0xFF
        place = spi.base + spi.data
        sent = self._words.get(place, 0)
        if command == _READ_ID:
            self._words[place] = self._model.flash_id
        elif command in _STATUS_READS:
            self._words[place] = self._status[_STATUS_READS[command]]
        elif command in _ENABLES:
            self._may_write_status = True
        elif command in _STATUS_WRITES and self._may_write_status:
            self._status[_STATUS_WRITES[command]] = sent & 0xFF
            self._may_write_status = False
