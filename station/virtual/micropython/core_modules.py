"""Stand-ins for the modules that belong to MicroPython itself: sys, time, micropython, hashlib, binascii, gc."""

from __future__ import annotations

import binascii
import gc
import hashlib
import io
import sys
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any, Final

from station.virtual.micropython.device import Device
from station.virtual.micropython.device_files import DeviceFiles

_TICKS_PERIOD: Final = 1 << 30
_HEAP_BYTES: Final = 110_000
_EPOCH_2000_S: Final = 946_684_800


def make_module(name: str, **members: object) -> ModuleType:
    """Make a module of these members."""
    module = ModuleType(name)
    module.__dict__.update(members)
    return module


class DeviceText(io.TextIOBase):
    """The program's `sys.stdout`."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device

    def write(self, text: str) -> int:
        self._device.say(text)
        return len(text)

    def writable(self) -> bool:
        return True


class _Hash:
    """A hash object with MicroPython's two methods; it has no `hexdigest`."""

    def __init__(self, start: Callable[[bytes], Any], data: bytes) -> None:
        self._hash = start(data)

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return bytes(self._hash.digest())


def core_modules(
    device: Device, files: DeviceFiles | None, modules: dict[str, ModuleType], print_exception: Callable[..., None]
) -> dict[str, ModuleType]:
    """Make the stand-ins by name."""
    made = [
        _sys(device, modules, print_exception),
        _time(device),
        make_module(
            "micropython",
            const=lambda value: value,
            native=lambda function: function,
            viper=lambda function: function,
            mem_info=lambda *_arguments: None,
            kbd_intr=lambda _character: None,
            alloc_emergency_exception_buf=lambda _size: None,
            schedule=lambda function, argument: function(argument),
        ),
        make_module(
            "hashlib",
            sha256=lambda data=b"": _Hash(hashlib.sha256, data),
            sha1=lambda data=b"": _Hash(lambda first: hashlib.sha1(first, usedforsecurity=False), data),
            md5=lambda data=b"": _Hash(lambda first: hashlib.md5(first, usedforsecurity=False), data),
        ),
        make_module(
            "binascii",
            hexlify=binascii.hexlify,
            unhexlify=binascii.unhexlify,
            a2b_base64=binascii.a2b_base64,
            b2a_base64=binascii.b2a_base64,
            crc32=binascii.crc32,
        ),
        make_module(
            "gc",
            collect=gc.collect,
            enable=gc.enable,
            disable=gc.disable,
            mem_free=lambda: _HEAP_BYTES,
            mem_alloc=lambda: 0,
            threshold=lambda *_arguments: None,
        ),
    ]
    if files is not None:
        made.append(files.os_module())
    return {module.__name__: module for module in made}


def _sys(device: Device, modules: dict[str, ModuleType], print_exception: Callable[..., None]) -> ModuleType:
    def leave(value: object = None) -> None:
        raise SystemExit(value)

    machine = device.banner.partition("; ")[2]
    return make_module(
        "sys",
        argv=[],
        path=["", ".frozen", "/lib"],
        modules=modules,
        platform="esp32",
        byteorder="little",
        maxsize=0x7FFFFFFF,
        version="3.4.0; " + device.banner.partition(";")[0],
        version_info=(3, 4, 0),
        implementation=SimpleNamespace(name="micropython", version=(1, 21, 0, ""), _machine=machine, _mpy=10246),
        stdout=DeviceText(device),
        exit=leave,
        print_exception=print_exception,
        exc_info=sys.exc_info,
    )


def _time(device: Device) -> ModuleType:
    def ticks_diff(end: int, begin: int) -> int:
        half = _TICKS_PERIOD // 2
        return (end - begin + half) % _TICKS_PERIOD - half

    return make_module(
        "time",
        sleep=time.sleep,
        sleep_ms=lambda ms: time.sleep(ms / 1000),
        sleep_us=lambda us: time.sleep(us / 1_000_000),
        ticks_ms=lambda: device.now_ms() % _TICKS_PERIOD,
        ticks_us=lambda: time.monotonic_ns() // 1000 % _TICKS_PERIOD,
        ticks_cpu=lambda: time.monotonic_ns() % _TICKS_PERIOD,
        ticks_add=lambda ticks, delta: (ticks + delta) % _TICKS_PERIOD,
        ticks_diff=ticks_diff,
        time=lambda: int(time.time()) - _EPOCH_2000_S,
        time_ns=lambda: time.time_ns() - _EPOCH_2000_S * 1_000_000_000,
        gmtime=lambda seconds=None: _calendar(seconds),
        localtime=lambda seconds=None: _calendar(seconds),
    )


def _calendar(seconds: int | None) -> tuple[int, ...]:
    """Give MicroPython's eight fields; its epoch is 2000-01-01."""
    now = time.time() if seconds is None else seconds + _EPOCH_2000_S
    t = time.gmtime(now)
    return (t.tm_year, t.tm_mon, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, t.tm_wday, t.tm_yday)
