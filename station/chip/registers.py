"""Fewer questions about registers: each answer waits for the adapter, 16 ms on an FTDI one as it comes.

Both wrap one loader object of esptool's for a while; esptool itself stays as it is.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from esptool.util import FatalError

_WRITE_ENTRY: Final = struct.Struct("<IIII")
"""Address, value, mask, delay: the stub takes any number of them in one command (esp-flasher-stub, `s_write_reg`)."""
_ALL_BITS: Final = 0xFFFFFFFF
_DONE: Final = bytes(2)


@contextmanager
def each_register_read_once(rom: Any) -> Iterator[None]:
    """While this lasts, a register that was read is not asked again: eFuses and clocks do not change."""
    rom.read_reg = functools.cache(rom.read_reg)
    try:
        yield
    finally:
        del rom.read_reg


@contextmanager
def register_writes_gathered(stub: Any) -> Iterator[None]:
    """While this lasts, writes to registers go out together, just before the stub is asked anything else.

    The SPI controller's own settings are known once they were written: nobody but the host changes them.
    """
    gathered = _GatheredWrites(stub, {stub.SPI_REG_BASE + offset for offset in (stub.SPI_USR_OFFS, stub.SPI_USR2_OFFS)})
    stub.command = gathered.command
    try:
        yield
        gathered.send()
    finally:
        del stub.command


class _GatheredWrites:
    """Stands in for one stub's `command`."""

    def __init__(self, stub: Any, lasting: set[int]) -> None:
        self._command = stub.command
        self._write, self._read = stub.ESP_CMDS["WRITE_REG"], stub.ESP_CMDS["READ_REG"]
        self._lasting = lasting
        self._known: dict[int, int] = {}
        self._entries = b""

    def command(self, op: int | None = None, data: bytes = b"", *rest: Any, **named: Any) -> Any:
        """Do as esptool's `command`, writes excepted, which succeed later or with the next command fail."""
        if op == self._write:
            self._gather(data)
            return 0, _DONE
        if op == self._read and (address := int.from_bytes(data[:4], "little")) in self._known:
            return self._known[address], _DONE
        if op is not None:
            self.send()
        answer = self._command(op, data, *rest, **named)
        if op == self._read and address in self._lasting:
            self._known[address] = answer[0]
        return answer

    def send(self) -> None:
        """Send what was gathered; FatalError when the stub refuses it."""
        entries, self._entries = self._entries, b""
        if entries:
            _value, answer = self._command(self._write, entries)
            if answer[:1] != _DONE[:1]:
                raise FatalError.WithResult("Failed to write target memory", answer[:2])

    def _gather(self, data: bytes) -> None:
        self._entries += data
        for address, value, mask, _delay_us in _WRITE_ENTRY.iter_unpack(data):
            self._known.pop(address, None)
            if address in self._lasting and mask == _ALL_BITS:
                self._known[address] = value
