"""What is left on the disk after a kill and after a power cut.

A kill leaves every byte that was written. A power cut leaves what was synced; of the rest, each sector (512 bytes) may be
there, missing or garbage. SQLite in WAL mode with synchronous=FULL syncs the log at each commit, the log's header before the
first frame after a restart of the log, and the file at each checkpoint (sqlite.org/wal.html, /pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import random
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LEDGER: Final = "ledger.sqlite3"
WAL: Final = "ledger.sqlite3-wal"
SHM: Final = "ledger.sqlite3-shm"
_WAL_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24
_SECTOR_BYTES: Final = 512


def copy_after_kill(source: Path, target: Path) -> None:
    """Copy the data folder as a killed process leaves it."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(SHM))


def copy_after_power_cut(
    source: Path, target: Path, rng: random.Random, *, unsynced: list[Path], wal_synced: bool
) -> None:
    """Copy the data folder as a power cut leaves it: `unsynced` files may be gone or empty, the log's tail is torn."""
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
    synced = committed_end(log) if wal_synced else min(len(log), _WAL_HEADER_BYTES)
    wal.write_bytes(torn(log, synced, len(log), rng))
    if wal_synced and rng.random() < 0.5:
        _checkpoint_partly(target / LEDGER, log[:synced], rng)


def tear_commit(folder: Path, before: bytes, ledger_before: bytes, rng: random.Random) -> None:
    """Make a folder in which a commit has just happened look as if the power went in the middle of it."""
    wal = folder / WAL
    after = wal.read_bytes()
    same_log = after[:_WAL_HEADER_BYTES] == before[:_WAL_HEADER_BYTES]
    synced = committed_end(before) if same_log else _WAL_HEADER_BYTES
    wal.write_bytes(torn(after, synced, committed_end(after), rng))
    (folder / LEDGER).write_bytes(ledger_before)


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
