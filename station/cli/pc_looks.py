"""What `station doctor` looks at in the PC: Python and libraries, the terminal, the data folder and its disk, the settings."""

from __future__ import annotations

import locale
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from station.cli.context import Session
from station.cli.examples import DISTRIBUTION
from station.cli.finding import Finding, Health
from station.errors import InputError, UsageError

PACKAGES: Final = (
    "esptool",
    "pyserial",
    "textual",
    "sqlalchemy",
    "cryptography",
    "esp-idf-nvs-partition-gen",
    "littlefs-python",
)
FREE_BYTES_MIN: Final = 200 * 1024 * 1024
COLUMNS_MIN, LINES_MIN = 80, 24
UTF_8_CODE_PAGE: Final = 65001
_MOUNTS: Final = Path("/proc/self/mounts")
_NETWORK_KINDS: Final = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph", "davfs"}
_REMOTE_DRIVE: Final = 4
"""DRIVE_REMOTE of Microsoft's GetDriveTypeW."""
_PINNED: Final = re.compile(r"([A-Za-z0-9._-]+)==([^;, ]+)")


def look_at_python(_session: Session) -> Iterator[Finding]:
    """Python and the libraries; those that the station pins must be of that very version."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("python", Health.GOOD, f"{version} on {sys.platform}")
    pinned = _pinned_versions()
    for package in PACKAGES:
        try:
            there = metadata.version(package)
        except metadata.PackageNotFoundError:
            yield Finding(package, Health.BAD, "not installed", "Install the station again: pip install .")
            continue
        wanted = pinned.get(package, there)
        if there == wanted:
            yield Finding(package, Health.GOOD, there)
        else:
            seen = f"{there}, and this station is made for {wanted}"
            yield Finding(package, Health.BAD, seen, f"Run: pip install '{package}=={wanted}'")


def _pinned_versions() -> dict[str, str]:
    try:
        required = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return {}
    return {found[1].lower(): found[2] for text in required if (found := _PINNED.match(text))}


def look_at_terminal(_session: Session) -> Iterator[Finding]:
    """Signs, colours and size of the terminal, where there is one."""
    encoding = (getattr(sys.stdout, "encoding", None) or locale.getpreferredencoding(False)).lower().replace("-", "")
    if encoding != "utf8":
        mend = "Run: chcp 65001, and set PYTHONUTF8=1" if sys.platform == "win32" else "Set LANG=C.UTF-8, PYTHONUTF8=1"
        yield Finding("terminal", Health.ODD, f"writes {encoding}: Chinese and the marks are not readable", mend)
    if (code_page := console_code_page()) not in {None, UTF_8_CODE_PAGE}:
        yield Finding(
            "terminal", Health.ODD, f"its code page is {code_page}", "Run: chcp 65001, or use Windows Terminal"
        )
    if os.environ.get("TERM") == "dumb":
        yield Finding("terminal", Health.ODD, "TERM=dumb: it has neither colours nor places", "Set TERM=xterm-256color")
    if sys.stdout.isatty():
        size = shutil.get_terminal_size()
        if size.columns < COLUMNS_MIN or size.lines < LINES_MIN:
            seen = f"{size.columns}×{size.lines} signs"
            yield Finding(
                "terminal", Health.ODD, seen, f"Make it at least {COLUMNS_MIN}×{LINES_MIN}, or its letters smaller"
            )


def console_code_page() -> int | None:
    """Give the code page that a Windows console writes with; None elsewhere, and without a console."""
    if sys.platform != "win32":
        return None
    import ctypes  # noqa: PLC0415  Windows alone needs it

    return int(ctypes.windll.kernel32.GetConsoleOutputCP()) or None


def network_share(folder: Path) -> str | None:
    """Give the kind of network share that a folder is on; None for a disk of this PC, and where the system does not say."""
    folder = folder.resolve()
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415  as above

        is_remote = (
            folder.anchor.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(folder.anchor) == _REMOTE_DRIVE
        )
        return folder.anchor if is_remote else None
    try:
        mounts = [line.split() for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()]
    except OSError:
        return None
    kinds = {Path(fields[1].replace("\\040", " ")): fields[2] for fields in mounts if len(fields) > 2}
    kind = next((kinds[place] for place in (folder, *folder.parents) if place in kinds), "")
    return kind if kind in _NETWORK_KINDS else None


def look_at_settings(session: Session) -> Iterator[Finding]:
    """The file of settings."""
    try:
        session.settings()
    except InputError as error:
        for fault in error.faults:
            yield Finding("settings", Health.BAD, f"{fault.file}:{fault.line or 1}: {fault.cause}", fault.mend)
    except UsageError as error:
        yield Finding("settings", Health.BAD, error.cause, error.mend)


def look_at_data_folder(session: Session) -> Iterator[Finding]:
    """Rights of the data folder, and room on its disk."""
    mend = "Choose a folder of yours with --data"
    try:
        folder = session.data
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir():
            yield Finding("data folder", Health.BAD, f"{folder} is a file", "Choose a folder with --data")
            return
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding("data folder", Health.BAD, f"{session.data} cannot be looked at ({error.strerror})", mend)
        return
    health = Health.GOOD if free >= FREE_BYTES_MIN else Health.BAD
    more = "" if health is Health.GOOD else "Free some space, or choose another folder with --data"
    yield Finding("disk", health, f"{free >> 20} MB free for {session.data}", more)
    if (share := network_share(folder)) is not None:
        yield Finding(
            "data folder",
            Health.BAD,
            f"{session.data} is on a network share ({share}): SQLite is not safe there, nor may two PCs have one data folder",
            "Choose a folder on this PC with --data; several PCs share a ledger on a server, with --ledger",
        )
    if not os.access(folder, os.W_OK):
        yield Finding("data folder", Health.BAD, f"{folder} is not writable", mend)
    elif session.data.is_dir() and os.name == "posix" and stat.S_IMODE(session.data.stat().st_mode) & 0o022:
        yield Finding("data folder", Health.ODD, f"others can write in {session.data}", f"chmod go-w {session.data}")
