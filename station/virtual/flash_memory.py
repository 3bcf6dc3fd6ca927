"""The SPI flash of a virtual unit: a file on disk with the rules of NOR flash."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import Final

SECTOR_BYTES: Final = 0x1000
BLOCK_BYTES: Final = 0x10000
PAGE_BYTES: Final = 0x100
ERASED: Final = 0xFF


class FlashMemory:
    """Flash of `size_bytes`; with a `path` every change is in that file before the call returns.

    Programming only clears bits; erasing a sector sets all of its bits. The file may be shorter than the flash:
    what lies beyond its end is blank. Several threads may use one flash. ValueError for a place outside the flash.
    """

    def __init__(self, size_bytes: int, path: Path | None = None) -> None:
        if size_bytes <= 0 or size_bytes % SECTOR_BYTES:
            raise ValueError(f"flash size {size_bytes} is not a number of {SECTOR_BYTES}-byte sectors")
        self.size_bytes = size_bytes
        self.path = path
        self.worn_cells: Mapping[int, int] = {}
        """Address → bits of that byte that read inverted after programming; none in a good flash."""
        self._lock = threading.RLock()
        self._file_bytes = 0
        stored = path.read_bytes() if path is not None and path.exists() else b""
        if len(stored) > size_bytes:
            raise ValueError(f"{path} is larger ({len(stored)} bytes) than the flash ({size_bytes} bytes)")
        self._data = bytearray(stored.ljust(size_bytes, bytes([ERASED])))
        self._file_bytes = len(stored)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Give the bytes at `offset`."""
        self._check(offset, size_bytes)
        with self._lock:
            return bytes(self._data[offset : offset + size_bytes])

    def program(self, offset: int, data: bytes) -> bool:
        """Program bytes: each bit becomes old AND new. Says whether the flash now holds exactly `data` there."""
        self._check(offset, len(data))
        if not data:
            return True
        with self._lock:
            place = slice(offset, offset + len(data))
            old = int.from_bytes(self._data[place], "little")
            held = (old & int.from_bytes(data, "little")).to_bytes(len(data), "little")
            for worn, bits in self.worn_cells.items():
                if offset <= worn < offset + len(data):
                    held = held[: worn - offset] + bytes([held[worn - offset] ^ bits]) + held[worn - offset + 1 :]
            self._data[place] = held
            self._store(offset, held)
        return held == data

    def erase(self, offset: int, size_bytes: int) -> None:
        """Erase whole sectors: `offset` and `size_bytes` are multiples of 4096."""
        self._check(offset, size_bytes)
        if offset % SECTOR_BYTES or size_bytes % SECTOR_BYTES:
            raise ValueError(f"erase of {size_bytes:#x} bytes at {offset:#x} is not whole sectors")
        with self._lock:
            self._data[offset : offset + size_bytes] = bytes([ERASED]) * size_bytes
            # Nothing is stored beyond the file's end: that part is blank already.
            stored_bytes = min(size_bytes, self._file_bytes - offset)
            if stored_bytes > 0:
                self._store(offset, bytes([ERASED]) * stored_bytes)

    def erase_all(self) -> None:
        """Erase the whole chip."""
        with self._lock:
            self._data[:] = bytes([ERASED]) * self.size_bytes
            self._file_bytes = 0
            if self.path is not None:
                self.path.write_bytes(b"")

    def is_blank(self, offset: int, size_bytes: int) -> bool:
        """Say whether all bits of that range are set."""
        return self.read(offset, size_bytes).count(ERASED) == size_bytes

    def md5(self, offset: int, size_bytes: int) -> bytes:
        """Give the 16-byte MD5 of a range."""
        return hashlib.md5(self.read(offset, size_bytes), usedforsecurity=False).digest()

    def _check(self, offset: int, size_bytes: int) -> None:
        if offset < 0 or size_bytes < 0 or offset + size_bytes > self.size_bytes:
            raise ValueError(
                f"{size_bytes:#x} bytes at {offset:#x} lie outside the {self.size_bytes:#x} bytes of flash"
            )

    def _store(self, offset: int, data: bytes) -> None:
        """Put bytes into the file; it is open for this moment only, so that nobody has to close a flash."""
        if self.path is None:
            return
        with FileIO(self.path, "r+") as file:
            if offset > self._file_bytes:
                file.seek(self._file_bytes)
                file.write(bytes([ERASED]) * (offset - self._file_bytes))
            file.seek(offset)
            file.write(data)
        self._file_bytes = max(self._file_bytes, offset + len(data))
