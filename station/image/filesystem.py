"""A littlefs image of a folder, for MicroPython: only the blocks that matter.

On-disk version 2.0 and 4096-byte blocks are what MicroPython 1.21+ mounts on an ESP32; the buffer sizes are those of its
VfsLfs2, so that it finds inline files no longer than its own cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, Final

from littlefs import LFSConfig, LittleFS, LittleFSError, UserContext

from station.errors import Why
from station.image.fault import ImageFault

BLOCK_BYTES: Final = 4096
_DISK_VERSION: Final = 0x00020000
_BLOCKS_MIN: Final = 4
_NAME_BYTES_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring blocks in use: bytes for `offset_bytes` from the start of the partition, a multiple of 4096."""

    offset_bytes: int
    data: bytes = field(repr=False)


def build_littlefs(folder: Path, size_bytes: int) -> tuple[Block, ...]:
    """Make a littlefs of everything in `folder` for a partition of `size_bytes`; give the blocks to be written.

    The same files give the same blocks. Left out are names that begin with a dot and `__pycache__`. The other blocks of
    the partition may hold anything: the result was mounted over blank flash and over stale copies of a filesystem, and
    every file read back. Raises ImageFault when the folder cannot be read or does not fit.
    """
    files = read_folder(folder)
    return build_littlefs_of(files, size_bytes)


def read_folder(folder: Path) -> dict[str, bytes | None]:
    """Read a folder as `path/with/slashes` → content, None for a folder, sorted; parents come before what is in them."""
    found: dict[str, bytes | None] = {}
    try:
        if not folder.is_dir():
            raise ImageFault(
                f"{folder} is no folder",
                "Name the folder with the device's files",
                why=Why.FILE_MISSING,
                facts={"file": folder.name},
            )
        _collect(folder, "", found)
    except OSError as error:
        raise ImageFault(
            f"{error.filename or folder} cannot be read: {error.strerror or error}", "Correct the folder or its rights"
        ) from None
    if not found:
        raise ImageFault(f"{folder} holds no file", "Put the device's files there, or name another folder")
    return found


def build_littlefs_of(files: Mapping[str, bytes | None], size_bytes: int) -> tuple[Block, ...]:
    """Make a littlefs of these paths and contents (None for a folder); otherwise as `build_littlefs`.

    Folders above a path are made where they are not named.
    """
    _check_size(size_bytes)
    files = _with_parents(files)
    context = UserContext(size_bytes)
    try:
        _write_files(context, files)
    except LittleFSError as error:
        raise _translated(error, files, size_bytes) from None
    blank = _ReadOnlyContext(bytes(context.buffer))
    _check_mount(blank, files)
    used = frozenset(blank.blocks_read)
    stale = _with_stale_blocks(bytes(context.buffer), used)
    _check_mount(_ReadOnlyContext(stale), files)
    return _merge_neighbours(context.buffer, used)


def _collect(folder: Path, prefix: str, found: dict[str, bytes | None]) -> None:
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        name = path.name
        if name.startswith(".") or name == "__pycache__":
            continue
        if len(name.encode("utf-8", errors="surrogateescape")) > _NAME_BYTES_MAX or not name.isprintable():
            raise ImageFault(f"littlefs cannot hold the name {name!a}", "Rename the file")
        if path.is_dir():
            if path.is_symlink():
                raise ImageFault(f"{path} is a link to a folder", "Put the folder itself there")
            found[prefix + name] = None
            _collect(path, prefix + name + "/", found)
        else:
            found[prefix + name] = path.read_bytes()


def _with_parents(files: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    whole: dict[str, bytes | None] = {}
    for path, content in files.items():
        for parent in PurePosixPath(path).parents:
            if parent.name:
                whole.setdefault(str(parent), None)
        whole[path] = content
    return dict(sorted(whole.items()))


def _check_size(size_bytes: int) -> None:
    if size_bytes % BLOCK_BYTES or size_bytes < _BLOCKS_MIN * BLOCK_BYTES:
        raise ImageFault(
            f"a partition of {size_bytes:#x} bytes cannot hold a littlefs",
            f"Make it a multiple of {BLOCK_BYTES:#x} and at least {_BLOCKS_MIN * BLOCK_BYTES:#x} bytes",
        )


def _write_files(context: UserContext, files: Mapping[str, bytes | None]) -> None:
    filesystem = _filesystem(context)
    filesystem.format()
    filesystem.mount()
    for path, content in files.items():
        if content is None:
            filesystem.makedirs(path, exist_ok=True)
            continue
        with filesystem.open(path, "wb", buffering=0) as file:
            file.write(content)
    filesystem.unmount()


class _ReadOnlyContext(UserContext):
    """Flash that remembers which blocks were read and refuses to be changed."""

    def __init__(self, image: bytes) -> None:
        super().__init__(buffer=bytearray(image))
        self.blocks_read: set[int] = set()

    def read(self, cfg: LFSConfig, block: int, off: int, size: int) -> bytearray:
        self.blocks_read.add(block)
        return super().read(cfg, block, off, size)

    def prog(self, *_: Any, **__: Any) -> int:
        return int(LittleFSError.Error.LFS_ERR_IO)

    def erase(self, *_: Any, **__: Any) -> int:
        return int(LittleFSError.Error.LFS_ERR_IO)


def _filesystem(context: UserContext) -> LittleFS:
    return LittleFS(
        context,
        mount=False,
        block_size=BLOCK_BYTES,
        block_count=len(context.buffer) // BLOCK_BYTES,
        read_size=32,
        prog_size=32,
        cache_size=128,
        lookahead_size=32,
        name_max=_NAME_BYTES_MAX,
        disk_version=_DISK_VERSION,
    )


def _check_mount(context: _ReadOnlyContext, files: Mapping[str, bytes | None]) -> None:
    """Read everything back. What this reads is what the device reads: those blocks, and no others, matter."""
    try:
        filesystem = _filesystem(context)
        filesystem.mount()
        there: dict[str, bytes | None] = {}
        for folder, folders, names in filesystem.walk("/"):
            base = folder.strip("/") + "/" if folder.strip("/") else ""
            there.update({base + name: None for name in folders})
            for name in names:
                with filesystem.open(base + name, "rb") as file:
                    there[base + name] = file.read()
        whole = there == files and filesystem.fs_stat().disk_version == _DISK_VERSION
        _ = filesystem.used_block_count  # walks every block once more, as the device does before it first writes
        filesystem.unmount()
    except LittleFSError as error:
        raise _not_read_back(str(error)) from None
    if not whole:
        raise _not_read_back("its files differ")


def _with_stale_blocks(image: bytes, used: frozenset[int]) -> bytes:
    """Fill the unused blocks with copies of a valid metadata block, the most misleading leftovers there are."""
    stale = bytearray(image)
    for block in range(len(image) // BLOCK_BYTES):
        if block not in used:
            stale[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES] = image[:BLOCK_BYTES]
    return bytes(stale)


def _merge_neighbours(image: bytearray, used: Iterable[int]) -> tuple[Block, ...]:
    blocks = []
    for _, run in groupby(enumerate(sorted(used)), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        start = numbers[0] * BLOCK_BYTES
        blocks.append(Block(start, bytes(image[start : (numbers[-1] + 1) * BLOCK_BYTES])))
    return tuple(blocks)


def _translated(error: LittleFSError, files: Mapping[str, bytes | None], size_bytes: int) -> ImageFault:
    if error.code == LittleFSError.Error.LFS_ERR_NOSPC:
        total = sum(len(content) for content in files.values() if content is not None)
        return ImageFault(
            f"{total} bytes in {len(files)} files do not fit a littlefs of {size_bytes} bytes",
            "Make the partition larger, or remove files",
        )
    return ImageFault(f"the filesystem cannot be made ({error})", "Look for unusual file names in the folder")


def _not_read_back(why: str) -> ImageFault:
    return ImageFault(
        f"the filesystem does not read back as it was meant: {why}",
        "Stop using this profile and call the line engineer",
    )
