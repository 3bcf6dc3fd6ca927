"""The flashed littlefs filesystem as MicroPython mounts it: `open`, and the `os` module over it."""

from __future__ import annotations

import errno
import posixpath
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from littlefs import LittleFS, LittleFSError, UserContext

from station.virtual.micropython.device import Device
from station.virtual.partitions import FlashPartition

BLOCK_SIZE_BYTES: Final = 4096
_DISK_VERSION_2_0: Final = 0x00020000
_MODE_DIRECTORY: Final = 0x4000
_MODE_FILE: Final = 0x8000
_TYPE_DIRECTORY: Final = 2
_ERRORS_BY_CLASS: Final[dict[type[OSError], int]] = {
    FileNotFoundError: errno.ENOENT,
    FileExistsError: errno.EEXIST,
    IsADirectoryError: errno.EISDIR,
    NotADirectoryError: errno.ENOTDIR,
}
_INITIAL_BOOT_PY: Final = "# This file is executed on every boot (including wake-boot from deepsleep)\n"


class _FlashContext(UserContext):
    """littlefs's block device: one partition of the chip's flash."""

    def __init__(self, device: Device, partition: FlashPartition) -> None:
        super().__init__(0)
        self._device = device
        self._begin = partition.offset

    def read(self, _config: Any, block: int, offset: int, size: int) -> bytearray:
        place = self._begin + block * BLOCK_SIZE_BYTES + offset
        return self._device.flash[place : place + size]

    def prog(self, _config: Any, block: int, offset: int, data: bytes) -> int:
        self._device.overwrite(self._begin + block * BLOCK_SIZE_BYTES + offset, bytes(data))
        return 0

    def erase(self, _config: Any, block: int) -> int:
        self._device.overwrite(self._begin + block * BLOCK_SIZE_BYTES, b"\xff" * BLOCK_SIZE_BYTES)
        return 0

    def sync(self, _config: Any) -> int:
        return 0


class NoFilesystem(Exception):
    """The partition holds something that is not a filesystem."""


class _DeviceFile:
    """An open file whose faults, a full filesystem's above all, are OSErrors with MicroPython's numbers."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._file, name)
        return (lambda *arguments: _translated(member, *arguments)) if callable(member) else member

    def __enter__(self) -> _DeviceFile:
        return self

    def __exit__(self, *_exception: object) -> None:
        _translated(self._file.close)

    def __iter__(self) -> _DeviceFile:
        return self

    def __next__(self) -> Any:
        return _translated(self._file.__next__)


def _translated(function: Callable[..., Any], *arguments: object) -> Any:
    try:
        return function(*arguments)
    except LittleFSError as error:
        raise _os_error(error) from None


class DeviceFiles:
    """The mounted filesystem. Paths are the device's own; OSErrors are raised with MicroPython's numbers."""

    def __init__(self, filesystem: LittleFS) -> None:
        self._filesystem = filesystem
        self._folder = "/"

    def read_source(self, path: str) -> str | None:
        """Give the text of a file, None when there is no such file."""
        try:
            with self._filesystem.open(self._whole(path), "rb") as file:
                return bytes(file.read()).decode("utf-8")
        except (LittleFSError, OSError):
            return None

    def open(self, path: str, mode: str = "r", *_arguments: object, **_options: object) -> Any:
        """Stand in for the built-in `open`."""
        try:
            if "b" in mode:
                return _DeviceFile(self._filesystem.open(self._whole(path), mode))
            return _DeviceFile(self._filesystem.open(self._whole(path), mode, encoding="utf-8"))
        except (LittleFSError, OSError) as error:
            raise _os_error(error) from None

    def os_module(self) -> ModuleType:
        """Make the `os` module."""
        module = ModuleType("os")
        names = ("listdir", "ilistdir", "mkdir", "remove", "rmdir", "rename", "stat", "getcwd", "chdir", "statvfs")
        for name in names:
            setattr(module, name, getattr(self, f"_{name}"))
        module.sep = "/"  # type: ignore[attr-defined]  # modules take any attribute
        return module

    def _whole(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self._folder, path))

    def _do(self, name: str, *paths: str) -> Any:
        try:
            return getattr(self._filesystem, name)(*(self._whole(path) for path in paths))
        except (LittleFSError, OSError) as error:
            raise _os_error(error) from None

    def _listdir(self, path: str = "") -> list[str]:
        return list(self._do("listdir", path))

    def _ilistdir(self, path: str = "") -> list[tuple[str, int, int, int]]:
        whole = [(name, self._do("stat", posixpath.join(path, name))) for name in self._listdir(path)]
        return [(name, _mode(found), 0, found.size) for name, found in whole]

    def _mkdir(self, path: str) -> None:
        self._do("mkdir", path)

    def _remove(self, path: str) -> None:
        self._do("remove", path)

    def _rmdir(self, path: str) -> None:
        self._do("rmdir", path)

    def _rename(self, old: str, new: str) -> None:
        self._do("rename", old, new)

    def _stat(self, path: str) -> tuple[int, ...]:
        found = self._do("stat", path)
        return (_mode(found), 0, 0, 0, 0, 0, found.size, 0, 0, 0)

    def _getcwd(self) -> str:
        return self._folder

    def _chdir(self, path: str) -> None:
        self._do("stat", path)
        self._folder = self._whole(path)

    def _statvfs(self, _path: str) -> tuple[int, ...]:
        count = self._filesystem.block_count
        free = count - self._filesystem.used_block_count
        return (BLOCK_SIZE_BYTES, BLOCK_SIZE_BYTES, count, free, free, 0, 0, 0, 0, 255)


def mount_files(device: Device, partition: FlashPartition) -> DeviceFiles:
    """Mount a partition; a blank one is formatted first, as MicroPython's first start does.

    Raises NoFilesystem when other bytes are there.
    """
    filesystem = LittleFS(
        context=_FlashContext(device, partition),
        mount=False,
        block_size=BLOCK_SIZE_BYTES,
        block_count=partition.size_bytes // BLOCK_SIZE_BYTES,
        disk_version=_DISK_VERSION_2_0,
    )
    try:
        filesystem.mount()
    except LittleFSError:
        if any(byte != 0xFF for byte in device.flash[partition.offset : partition.offset + BLOCK_SIZE_BYTES]):
            raise NoFilesystem(partition.name) from None
        device.say("Performing initial setup\n")
        filesystem.format()
        filesystem.mount()
        with filesystem.open("boot.py", "w", encoding="utf-8") as file:
            file.write(_INITIAL_BOOT_PY)
    return DeviceFiles(filesystem)


def _mode(found: Any) -> int:
    return _MODE_DIRECTORY if found.type == _TYPE_DIRECTORY else _MODE_FILE


def _os_error(error: LittleFSError | OSError) -> OSError:
    if isinstance(error, LittleFSError):
        return OSError(-int(error.code))
    return OSError(error.errno or _ERRORS_BY_CLASS.get(type(error), errno.EIO))
