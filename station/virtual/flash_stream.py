"""A write to flash in the stub: bytes in order, each sector erased just before the first byte of it is programmed."""

from __future__ import annotations

from functools import partial
from typing import Final

from station.virtual.flash_memory import BLOCK_BYTES, PAGE_BYTES, SECTOR_BYTES, FlashMemory
from station.virtual.loader_answer import FlashStep, FlashTimings

STEP_BYTES: Final = 0x1000


class FlashStream:
    """The place of a write that was announced for `size_bytes` at `offset`.

    A 64 KiB block is erased in one go where the write covers it whole, sectors elsewhere; blank sectors are not erased.
    """

    def __init__(self, flash: FlashMemory, offset: int, size_bytes: int, timings: FlashTimings) -> None:
        self._flash = flash
        self._place = offset
        self._end = offset + size_bytes
        self._erased_to = offset - offset % SECTOR_BYTES
        self._timings = timings

    @property
    def left_bytes(self) -> int:
        """How many of the announced bytes have not come."""
        return self._end - self._place

    def write(self, data: bytes) -> tuple[FlashStep, ...]:
        """Give the steps that put these bytes into flash, in order. Bytes beyond the flash's end go nowhere."""
        steps: list[FlashStep] = []
        for first in range(0, len(data), STEP_BYTES):
            part = data[first : first + STEP_BYTES]
            part = part[: max(0, self._flash.size_bytes - self._place)]
            if not part:
                self._place = self._end
                break
            while self._erased_to < self._place + len(part):
                steps.append(self._erase_next())
            seconds = -(-len(part) // PAGE_BYTES) * self._timings.page_program_s
            steps.append(FlashStep(partial(self._flash.program, self._place, part), seconds))
            self._place += len(part)
        return tuple(steps)

    def _erase_next(self) -> FlashStep:
        offset = self._erased_to
        whole = offset % BLOCK_BYTES == 0 and offset + BLOCK_BYTES <= min(self._end, self._flash.size_bytes)
        size, seconds = (
            (BLOCK_BYTES, self._timings.block_erase_s) if whole else (SECTOR_BYTES, self._timings.sector_erase_s)
        )
        self._erased_to += size
        if self._flash.is_blank(offset, size):
            return FlashStep(lambda: None, 0.0)
        return FlashStep(partial(self._flash.erase, offset, size), seconds)
