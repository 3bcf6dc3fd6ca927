"""How long an adapter keeps an answer back before it hands it over: 16 ms on an FTDI one, which costs a unit 2 s.

Linux: the driver's `latency_timer` in sysfs, and ASYNC_LOW_LATENCY, which any user of the port may set (kernel,
drivers/usb/serial/ftdi_sio.c). Windows: the value LatencyTimer beside the port's name in the registry (FTDI AN_107).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import serial

LOW_LATENCY_MS: Final = 1
SYSFS_TTY: Path = Path("/sys/class/tty")
FTDI_KEY: Final = r"SYSTEM\CurrentControlSet\Enum\FTDIBUS"


def latency_timer_ms(url: str) -> int | None:
    """Give the latency timer of a local port; None where its driver has none or does not tell."""
    if "://" in url:
        return None
    if sys.platform == "win32":
        return _registry_timer_ms(url)
    with contextlib.suppress(OSError, ValueError):
        return int((SYSFS_TTY / Path(url).resolve().name / "device" / "latency_timer").read_text(encoding="ascii"))
    return None


def lasting_mend() -> str:
    """Say how a person makes the timer short for good on this system."""
    if sys.platform == "win32":
        return (
            "Device Manager → the port → Port Settings → Advanced → Latency Timer: 1 "
            rf"(HKLM\{FTDI_KEY}\…\Device Parameters, LatencyTimer = 1), then plug the adapter in again"
        )
    return (
        "To make it last, write into /etc/udev/rules.d/99-latency.rules: "
        'ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"; then plug it in again'
    )


def set_low_latency(port: serial.Serial, on: bool) -> bool:
    """Let a local port hand answers over at once, or no longer; False where the platform or the driver does not allow it."""
    if sys.platform == "win32":
        return False
    try:
        port.set_low_latency_mode(on)
    except (AttributeError, NotImplementedError, ValueError, OSError):
        return False
    return True


if sys.platform == "win32":
    import winreg

    def _registry_timer_ms(port: str) -> int | None:
        with contextlib.suppress(OSError):
            for device in _subkeys(FTDI_KEY):
                for instance in _subkeys(device):
                    with (
                        contextlib.suppress(OSError),
                        winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, rf"{instance}\Device Parameters") as key,
                    ):
                        if winreg.QueryValueEx(key, "PortName")[0] == port:
                            return int(winreg.QueryValueEx(key, "LatencyTimer")[0])
        return None

    def _subkeys(path: str) -> Iterator[str]:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
            for index in range(winreg.QueryInfoKey(key)[0]):
                yield rf"{path}\{winreg.EnumKey(key, index)}"
