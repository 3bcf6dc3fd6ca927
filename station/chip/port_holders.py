"""Which programs hold a serial port, or take new ones for themselves. Linux tells by /proc; other systems do not say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

PROC: Path = Path("/proc")
GRABBERS: Final = {
    "ModemManager": "sudo systemctl disable --now ModemManager",
    "brltty": "sudo systemctl disable --now brltty, or remove the package brltty",
}
"""Programs that open each new serial port for a look, and the mend (ModemManager probes modems, brltty Braille displays)."""


def port_holders(url: str) -> list[str]:
    """Give the programs that hold a local port, as `name (process ID)`; only those that this user may look at."""
    if "://" in url:
        return []
    port = Path(url).resolve()
    found = []
    for process in _processes():
        with suppress(OSError):
            if any(_leads_to(handle, port) for handle in (process / "fd").iterdir()):
                found.append(f"{_name(process)} ({process.name})")
    return found


def running_grabbers() -> list[str]:
    """Give those of GRABBERS that are running."""
    names = {_name(process) for process in _processes()}
    return [grabber for grabber in GRABBERS if grabber[:15] in names]  # the kernel keeps 15 characters


def _processes() -> Iterator[Path]:
    with suppress(OSError):
        yield from (path for path in PROC.iterdir() if path.name.isdecimal())


def _leads_to(handle: Path, port: Path) -> bool:
    with suppress(OSError):
        return handle.readlink() == port
    return False


def _name(process: Path) -> str:
    with suppress(OSError):
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    return ""
