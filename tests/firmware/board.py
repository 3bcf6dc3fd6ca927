"""A board in this process: the bench's stand-ins over a small flash, a clock that only sleeping moves, a fake platform.

Every start is a fresh interpreter over what the flash holds. When the power is cut, the flash keeps what was written so
far; whatever the program still does is lost, so a cut needs no exception.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NoReturn

from littlefs import LittleFS

from station.virtual.micropython.board_modules import board_modules
from station.virtual.micropython.core_modules import core_modules, make_module
from station.virtual.micropython.device import Device
from station.virtual.micropython.device_files import BLOCK_SIZE_BYTES, DeviceFiles, mount_files
from station.virtual.micropython.device_import import DeviceImport
from station.virtual.micropython.mqtt_module import MQTTClient, mqtt_modules
from station.virtual.micropython.tls_module import tls_modules
from station.virtual.nvs_partition import ItemType, blank_nvs
from tests.firmware.fake_platform import DEVICE_NAME, PRODUCT_KEY, SECRET, FakePlatform, FakeWeb

APP: Final = Path(__file__).parents[2] / "firmware" / "app"
NVS_OFFSET: Final = 0x1000
NVS_SIZE_BYTES: Final = 0x4000
VFS_OFFSET: Final = 0x8000
VFS_SIZE_BYTES: Final = 0x60000
PARTITIONS: Final = (
    ("nvs", 1, 2, NVS_OFFSET, NVS_SIZE_BYTES),
    ("vfs", 1, 0x81, VFS_OFFSET, VFS_SIZE_BYTES),
    ("factory", 0, 0, 0x70000, 0x10000),
)
CERTIFICATE: Final = {"ProductKey": PRODUCT_KEY, "DeviceName": DEVICE_NAME, "DeviceSecret": SECRET}
TICKS_PERIOD: Final = 1 << 30
SLEEPS_MAX: Final = 200_000


class Reset(BaseException):
    """The program restarted the chip."""


class Enough(BaseException):
    """The test has seen what it waits for, or time is up."""


class Clock:
    """MicroPython's `time` as far as the SDK uses it; `while_asleep` is called each time the program sleeps."""

    def __init__(self, start_ms: int = 0) -> None:
        self.now_ms = start_ms
        self.slept_ms: list[int] = []
        self.while_asleep: Callable[[], object] = lambda: None

    def ticks_ms(self) -> int:
        return self.now_ms % TICKS_PERIOD

    def ticks_add(self, ticks: int, delta: int) -> int:
        return (ticks + delta) % TICKS_PERIOD

    def ticks_diff(self, end: int, begin: int) -> int:
        half = TICKS_PERIOD // 2
        return (end - begin + half) % TICKS_PERIOD - half

    def sleep_ms(self, ms: int) -> None:
        self.now_ms += ms
        self.slept_ms.append(ms)
        assert len(self.slept_ms) < SLEEPS_MAX, "the program sleeps for ever"
        self.while_asleep()

    def sleep(self, seconds: float) -> None:
        self.sleep_ms(int(seconds * 1000))


def source_files() -> dict[str, str]:
    """Give what a profile flashes: path below firmware/app → text."""
    return {path.relative_to(APP).as_posix(): path.read_text(encoding="utf-8") for path in sorted(APP.rglob("*.py"))}


def make_flash(
    files: Mapping[str, str], nvs: Mapping[tuple[str, str], str | bytes | int], size_bytes: int
) -> bytearray:
    """Give a flash with these files in `vfs` and these values in `nvs` (namespace, key)."""
    vfs = LittleFS(block_size=BLOCK_SIZE_BYTES, block_count=VFS_SIZE_BYTES // BLOCK_SIZE_BYTES, disk_version=0x00020000)
    for path, text in files.items():
        if "/" in path:
            vfs.makedirs(path.rpartition("/")[0], exist_ok=True)
        with vfs.open(path, "w", encoding="utf-8") as file:
            file.write(text)
    store = blank_nvs(NVS_SIZE_BYTES)
    for (namespace, key), value in nvs.items():
        kind = ItemType.I32 if isinstance(value, int) else ItemType.BLOB_INDEX
        store.set(namespace, key, kind, value.encode() if isinstance(value, str) else value)
    flash = bytearray(b"\xff" * size_bytes)
    flash[NVS_OFFSET : NVS_OFFSET + NVS_SIZE_BYTES] = store.image()
    flash[VFS_OFFSET : VFS_OFFSET + VFS_SIZE_BYTES] = vfs.context.buffer
    return flash


@cache
def _application_flash() -> bytes:
    return bytes(
        make_flash(source_files(), {("aliyun-key", key): value for key, value in CERTIFICATE.items()}, 0x80000)
    )


class Board:
    """One unit: flash, console, the world around it. `start` runs main.py; `load` gives a module of the flash to a test."""

    def __init__(
        self,
        flash: bytes | None = None,
        partitions: tuple[tuple[str, int, int, int, int], ...] = PARTITIONS,
        extra: Mapping[str, ModuleType] | None = None,
    ) -> None:
        self.flash = bytearray(_application_flash() if flash is None else flash)
        self.partitions = partitions
        self.platform = FakePlatform()
        self.web = FakeWeb()
        self.clock = Clock()
        self.has_network = True
        self.joined: list[tuple[object, ...]] = []
        self.console = ""
        self.writes = 0
        self.cut_at: int | None = None
        self.tears = False
        self.timers: dict[int, Any] = {}
        self._extra = dict(extra or {})
        self._importing: DeviceImport | None = None
        self.device = _BoardDevice(self)

    @property
    def lines(self) -> list[str]:
        return self.console.splitlines()

    @property
    def is_dead(self) -> bool:
        return self.cut_at is not None and self.writes >= self.cut_at

    def set_nvs(self, namespace: str, key: str, value: str | bytes | int) -> None:
        """Put a value into the flash, as the station would."""
        nvs = self.device.nvs("nvs")
        kind = ItemType.I32 if isinstance(value, int) else ItemType.BLOB_INDEX
        nvs.set(namespace, key, kind, value.encode() if isinstance(value, str) else value)
        self.device.save_nvs("nvs")

    def load(self, name: str) -> Any:
        """Import a module as the program would."""
        if self._importing is None:
            self._importing = self._interpreter()[0]
        module = self._importing.builtins["__import__"](name, {}, {}, ("*",))
        assert isinstance(module, ModuleType)
        return module

    def certificate(self) -> Any:
        return self.load("aliyun.credentials").read()

    def config(self, **values: object) -> Any:
        """Give a config that leads to the fake platform."""
        config = self.load("aliyun.config").SdkConfig(mqtt_host="127.0.0.1")
        for name, value in values.items():
            setattr(config, name, value)
        return config

    def connected(self) -> Any:
        """Give a connection of this board that the platform has accepted."""
        connection = self.load("aliyun.connection").Connection(self.certificate(), self.config(), self.clock)
        assert connection.poll()
        return connection

    def power_on(self) -> str:
        """Run main.py until it ends, restarts the chip, or the test has had enough; gives how it ended."""
        self.clock.slept_ms.clear()
        self.device = _BoardDevice(self)
        self._importing, files = self._interpreter()
        source = files.read_source("main.py")
        assert source is not None
        try:
            self._importing.run_source(source, "main.py", ModuleType("__main__"))
        except Reset:
            return "reset"
        except Enough:
            return "enough"
        return "end"

    def _interpreter(self) -> tuple[DeviceImport, DeviceFiles]:
        device = self.device
        row = next(partition for partition in device.partitions if partition.name == "vfs")
        files = mount_files(device, row)
        stand_ins: dict[str, ModuleType] = {}
        importing = DeviceImport(files, stand_ins)
        importing.builtins["print"] = self._print
        stand_ins |= core_modules(device, files, importing.modules, self._print_exception)
        stand_ins |= board_modules(device) | mqtt_modules() | tls_modules()
        stand_ins |= self._world() | self._extra
        stand_ins["machine"].__dict__["Timer"] = self._timer_class()
        return importing, files

    def _world(self) -> dict[str, ModuleType]:
        board = self

        class Client(MQTTClient):
            def _reach(self) -> Any:
                return board.platform.open()

        class Station:
            def __init__(self, _interface: int) -> None: ...

            def active(self, _value: bool) -> None: ...

            def disconnect(self) -> None: ...

            def isconnected(self) -> bool:
                return board.has_network

            def connect(self, *arguments: object) -> None:
                board.joined.append(arguments)

        simple = make_module(
            "umqtt.simple", MQTTClient=Client, MQTTException=mqtt_modules()["umqtt.simple"].MQTTException
        )
        clock = self.clock
        names = ("ticks_ms", "ticks_add", "ticks_diff", "sleep_ms", "sleep")
        return {
            "umqtt": make_module("umqtt", simple=simple, __path__=[]),
            "umqtt.simple": simple,
            "network": make_module("network", WLAN=Station, STA_IF=0),
            "socket": make_module("socket", socket=self.web.socket, getaddrinfo=self.web.getaddrinfo),
            "time": make_module("time", **{name: getattr(clock, name) for name in names}),
        }

    def _timer_class(self) -> type:
        timers = self.timers

        class Timer:
            ONE_SHOT = 0

            def __init__(self, number: int) -> None:
                self.number = number

            def init(self, **options: Any) -> None:
                timers[self.number] = options

            def deinit(self) -> None:
                timers.pop(self.number, None)

        return Timer

    def _print(self, *words: object) -> None:
        self.console += " ".join(map(str, words)) + "\n"

    def _print_exception(self, error: BaseException) -> None:
        self._print(f"{type(error).__name__}: {error}")


class _BoardDevice(Device):
    """The chip of a Board: writes are counted and, after the cut, lost."""

    def __init__(self, board: Board) -> None:
        facts: dict[str, object] = {
            "chip": "esp32",
            "mac": "240ac4000001",
            "banner": "MicroPython v1.21.0",
            "project_name": "",
            "version": "",
        }
        facts |= {"partitions": board.partitions, "now_ms": 0}
        super().__init__(json.loads(json.dumps(facts)), bytes(board.flash), io.BytesIO(), io.BytesIO())
        self._board = board

    def overwrite(self, offset: int, data: bytes) -> None:
        board = self._board
        board.writes += 1
        if board.cut_at is None or board.writes < board.cut_at:
            board.flash[offset : offset + len(data)] = data
        elif board.writes == board.cut_at and board.tears and offset >= VFS_OFFSET:
            half = len(data) // 2
            board.flash[offset : offset + half] = data[:half]
        super().overwrite(offset, data)

    def say(self, text: str) -> None:
        self._board.console += text

    def reset(self) -> NoReturn:
        raise Reset
