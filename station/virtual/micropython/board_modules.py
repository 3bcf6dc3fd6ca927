"""Stand-ins for the modules that reach the board: esp32, machine, network."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, Final, NoReturn

from station.virtual.micropython.core_modules import make_module
from station.virtual.micropython.device import Device
from station.virtual.micropython.partition_module import partition_class
from station.virtual.micropython.timer_module import timer_class
from station.virtual.nvs_partition import ItemType, NvsError, NvsErrorCode, NvsPartition

_NVS_LABEL: Final = "nvs"
_KEY_CHARACTERS_MAX: Final = 15
_STATION_INTERFACE: Final = 0
_ACCESS_POINT_INTERFACE: Final = 1
_STAT_IDLE: Final = 1000
_STAT_GOT_IP: Final = 1010
_BENCH_ADDRESSES: Final = ("10.0.0.2", "255.255.255.0", "10.0.0.1", "10.0.0.1")
_CPU_HZ: Final = 160_000_000


def board_modules(device: Device) -> dict[str, ModuleType]:
    """Make the stand-ins by name."""
    made = (_esp32(device), _machine(device), _network(device), make_module("esp", osdebug=lambda *_arguments: None))
    return {module.__name__: module for module in made}


def start_micropython_nvs(device: Device) -> None:
    """Initialise the `nvs` partition as MicroPython's `app_main` does: one that cannot be used is erased."""
    try:
        device.nvs(_NVS_LABEL)
    except NvsError as error:
        if error.code in {NvsErrorCode.ESP_ERR_NVS_NO_FREE_PAGES, NvsErrorCode.ESP_ERR_NVS_NEW_VERSION_FOUND}:
            device.erase_nvs(_NVS_LABEL)


def _esp32(device: Device) -> ModuleType:
    class NVS:
        """`esp32.NVS`: i32 and blobs alone. Errors are OSErrors of the negative code and its name."""

        def __init__(self, namespace: str) -> None:
            if not 0 < len(namespace) <= _KEY_CHARACTERS_MAX:
                _raise_esp_error(NvsErrorCode.ESP_ERR_NVS_INVALID_NAME)
            self._namespace = namespace
            self._partition()

        def get_i32(self, key: str) -> int:
            return int(self._get(key, ItemType.I32))

        def set_i32(self, key: str, value: int) -> None:
            self._change(lambda nvs: nvs.set(self._namespace, key, ItemType.I32, value))

        def get_blob(self, key: str, buffer: bytearray) -> int:
            data: bytes = self._get(key, ItemType.BLOB_INDEX)
            if len(data) > len(buffer):
                _raise_esp_error(NvsErrorCode.ESP_ERR_NVS_INVALID_LENGTH)
            buffer[: len(data)] = data
            return len(data)

        def set_blob(self, key: str, value: bytes) -> None:
            data = value.encode("utf-8") if isinstance(value, str) else bytes(value)
            self._change(lambda nvs: nvs.set(self._namespace, key, ItemType.BLOB_INDEX, data))

        def erase_key(self, key: str) -> None:
            self._change(lambda nvs: nvs.erase(self._namespace, key))

        def commit(self) -> None:
            """Do nothing: this chip writes each change at once."""

        def _partition(self) -> NvsPartition:
            try:
                return device.nvs(_NVS_LABEL)
            except NvsError as error:
                _raise_esp_error(error.code)

        def _get(self, key: str, kind: ItemType) -> Any:
            try:
                return self._partition().get(self._namespace, key, kind)
            except NvsError as error:
                _raise_esp_error(error.code)

        def _change(self, change: Callable[[NvsPartition], None]) -> None:
            try:
                change(self._partition())
                device.save_nvs(_NVS_LABEL)
            except NvsError as error:
                _raise_esp_error(error.code)

    return make_module("esp32", NVS=NVS, Partition=partition_class(device))


def _raise_esp_error(code: NvsErrorCode) -> NoReturn:
    raise OSError(-int(code), code.name)


def _machine(device: Device) -> ModuleType:
    class Pin:
        """A pin that keeps what it is set to."""

        IN, OUT, OPEN_DRAIN, PULL_UP, PULL_DOWN, IRQ_RISING, IRQ_FALLING = 1, 3, 7, 2, 1, 1, 2

        def __init__(self, number: int, mode: int = -1, pull: int = -1, *, value: int | None = None) -> None:
            self.number, self.mode, self.pull = number, mode, pull
            self._value = value or 0

        def value(self, value: int | None = None) -> int | None:
            if value is None:
                return self._value
            self._value = int(bool(value))
            return None

        __call__ = value

        def on(self) -> None:
            self._value = 1

        def off(self) -> None:
            self._value = 0

        def irq(self, *_arguments: object, **_options: object) -> None:
            """Never called: nothing moves the bench's pins."""

    class WDT:
        """A watchdog that never bites."""

        def __init__(self, *_arguments: object, **_options: object) -> None:
            self.fed = 0

        def feed(self) -> None:
            self.fed += 1

    def soft_reset() -> NoReturn:
        raise SystemExit

    return make_module(
        "machine",
        Pin=Pin,
        Timer=timer_class(),
        WDT=WDT,
        unique_id=lambda: device.mac,
        reset=device.reset,
        soft_reset=soft_reset,
        reset_cause=lambda: 1,
        freq=lambda *_arguments: _CPU_HZ,
        idle=lambda: None,
        PWRON_RESET=1,
        HARD_RESET=2,
        WDT_RESET=3,
        DEEPSLEEP_RESET=4,
        SOFT_RESET=5,
    )


def _network(device: Device) -> ModuleType:
    class WLAN:
        """A station that joins any network at once; the bench's network is the host's loopback."""

        def __init__(self, interface: int = _STATION_INTERFACE) -> None:
            self._interface = interface
            self._is_active = False
            self._is_connected = False

        def active(self, value: bool | None = None) -> bool:
            if value is not None:
                self._is_active = bool(value)
                self._is_connected = self._is_connected and self._is_active
            return self._is_active

        def connect(self, *_arguments: object, **_options: object) -> None:
            if not self._is_active:
                raise OSError("Wifi Not Started")
            self._is_connected = self._interface == _STATION_INTERFACE

        def disconnect(self) -> None:
            self._is_connected = False

        def isconnected(self) -> bool:
            return self._is_connected

        def status(self, *_arguments: object) -> int:
            return _STAT_GOT_IP if self._is_connected else _STAT_IDLE

        def ifconfig(self, *_arguments: object) -> tuple[str, str, str, str]:
            return _BENCH_ADDRESSES if self._is_connected else ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")  # noqa: S104  # an address nobody has, not one to listen on

        def config(self, name: str | None = None, **_options: object) -> object:
            return {"mac": device.mac, "dhcp_hostname": "espressif"}.get(name or "")

        def scan(self) -> list[tuple[object, ...]]:
            return []

    return make_module(
        "network",
        WLAN=WLAN,
        STA_IF=_STATION_INTERFACE,
        AP_IF=_ACCESS_POINT_INTERFACE,
        STAT_IDLE=_STAT_IDLE,
        STAT_GOT_IP=_STAT_GOT_IP,
        hostname=lambda *_arguments: "espressif",
    )
