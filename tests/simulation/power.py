"""What is left on the disk after a kill and after a power cut.

A kill leaves every byte that was written. A power cut leaves what was synced; of the rest, each sector (512 bytes) may be
there, missing or garbage. SQLite in WAL mode syncs the log at each commit under synchronous=FULL, and at no commit under NORMAL;
under both the log's header before the first frame after a restart of the log, and log and file at each checkpoint
(sqlite.org/wal.html, /pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LEDGER: Final = "ledger.sqlite3"
WAL: Final = "ledger.sqlite3-wal"
SHM: Final = "ledger.sqlite3-shm"
_WAL_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24
_SECTOR_BYTES: Final = 512
_SALTS_OF_LOG: Final = slice(16, 24)
_SALTS_OF_INDEX: Final = slice(32, 40)
_COMMITTED_AT: Final = 16
_CHECKPOINTED_AT: Final = 96
_WAL_INDEX_BYTES: Final = 100


def copy_after_kill(source: Path, target: Path) -> None:
    """Copy the data folder as a killed process leaves it."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(SHM))


def copy_after_power_cut(
    source: Path, target: Path, rng: random.Random, *, unsynced: list[Path], synced: SyncedLog
) -> None:
    """Copy the data folder as a power cut leaves it: `unsynced` files may be gone or empty, the log from `synced` on is torn."""
    copy_after_kill(source, target)
    for path in unsynced:
        copied = target / path.relative_to(source)
        fate = rng.randrange(3)
        if fate == 0:
            copied.unlink(missing_ok=True)
        elif fate == 1 and copied.exists():
            copied.write_bytes(b"")
    wal = target / WAL
    if not wal.exists():
        return
    log = wal.read_bytes()
    wal.write_bytes(torn(log, synced.end_in(log), len(log), rng))
    if rng.random() < 0.5 and wal_index(source):
        _checkpoint_partly(target / LEDGER, log[: synced.now(source, synced=False).end_in(log)], rng)


def tear_commit(folder: Path, synced: SyncedLog, ledger_before: bytes, rng: random.Random) -> None:
    """Make a folder in which a commit has just happened look as if the power went in the middle of it; `synced` before it."""
    wal = folder / WAL
    after = wal.read_bytes()
    wal.write_bytes(torn(after, synced.end_in(after), committed_end(after), rng))
    (folder / LEDGER).write_bytes(ledger_before)


@dataclass(frozen=True, slots=True)
class SyncedLog:
    """How many frames of the write-ahead log are on the disk, whatever the power does; `salts` tell which log that is."""

    salts: bytes = b""
    frames: int = 0

    @classmethod
    def whole(cls, folder: Path) -> SyncedLog:
        """Give what a power cut has left: all that is there."""
        wal = folder / WAL
        return cls(wal.read_bytes()[_SALTS_OF_LOG] if wal.exists() else b"", sys.maxsize)

    def now(self, folder: Path, *, synced: bool) -> SyncedLog:
        """Give how many it is now: all committed ones when the log was just `synced`, else those that a checkpoint has reached.

        Both stand in the index of the log (sqlite.org/walformat.html#wal_index_format): mxFrame and nBackfill.
        """
        index = wal_index(folder)
        if not index:
            return self
        salts = index[_SALTS_OF_INDEX]
        committed, checkpointed = (struct.unpack_from("=I", index, at)[0] for at in (_COMMITTED_AT, _CHECKPOINTED_AT))
        before = self.frames if salts == self.salts else 0
        return SyncedLog(salts, committed if synced else max(min(before, committed), checkpointed))

    def end_in(self, log: bytes) -> int:
        """Give where the synced part of a log ends; of one that began anew only the header is on the disk."""
        if len(log) < _WAL_HEADER_BYTES or log[_SALTS_OF_LOG] != self.salts:
            return min(len(log), _WAL_HEADER_BYTES)
        page_bytes: int = struct.unpack_from(">I", log, 8)[0]
        return min(len(log), _WAL_HEADER_BYTES + self.frames * (_FRAME_HEADER_BYTES + page_bytes))


def wal_index(folder: Path) -> bytes:
    """Give the head of the log's index: it changes with each transaction that wrote. Empty while nobody has the ledger open."""
    try:
        descriptor = os.open(
            f"{folder}/{SHM}", os.O_RDONLY
        )  # asked at every commit: nothing of what pathlib does is needed
    except FileNotFoundError:
        return b""
    head = os.read(descriptor, _WAL_INDEX_BYTES)
    os.close(descriptor)
    return head if len(head) == _WAL_INDEX_BYTES else b""


def torn(data: bytes, synced: int, end: int, rng: random.Random) -> bytes:
    """Give `data` up to `end` with everything from `synced` on at the mercy of the disk."""
    if rng.random() < 0.25:
        return data
    kept = bytearray(data[: rng.randint(synced, max(synced, end))])
    if rng.random() < 0.5:
        for start in range(synced, len(kept), _SECTOR_BYTES):
            stop = min(start + _SECTOR_BYTES, len(kept))
            fate = rng.randrange(4)
            if fate == 0:
                kept[start:stop] = bytes(stop - start)
            elif fate == 1:
                kept[start:stop] = rng.randbytes(stop - start)
    return bytes(kept)


def committed_end(log: bytes) -> int:
    """Give where the last committed frame of a write-ahead log ends (sqlite.org/fileformat2.html#walformat)."""
    end = min(len(log), _WAL_HEADER_BYTES)
    for stop, _, pages_after_commit, _ in _frames(log):
        if pages_after_commit:
            end = stop
    return end


def _frames(log: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Give end, page number, pages after commit (0 inside a transaction) and content of each frame of this log."""
    if len(log) < _WAL_HEADER_BYTES:
        return
    page_bytes: int = struct.unpack_from(">I", log, 8)[0]
    salts = log[16:24]
    size = _FRAME_HEADER_BYTES + page_bytes
    for start in range(_WAL_HEADER_BYTES, len(log) - size + 1, size):
        if log[start + 8 : start + 16] != salts:
            return
        page, pages_after_commit = struct.unpack_from(">II", log, start)
        yield start + size, page, pages_after_commit, log[start + _FRAME_HEADER_BYTES : start + size]


def _checkpoint_partly(ledger: Path, log: bytes, rng: random.Random) -> None:
    """Write some committed pages into the file, as a checkpoint that the power cut ended; one of them half."""
    latest = {page: content for _, page, _, content in _frames(log)}
    if not latest:
        return
    with ledger.open("r+b") as file:
        for page, content in latest.items():
            fate = rng.randrange(4)
            if fate == 0:
                continue
            file.seek((page - 1) * len(content))
            file.write(content if fate > 1 else content[: len(content) // 2])
