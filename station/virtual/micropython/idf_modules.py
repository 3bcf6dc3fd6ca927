"""Stand-ins named after ESP-IDF's C functions, for the programs frozen in the bench's C-like applications."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from station.virtual.micropython.core_modules import make_module
from station.virtual.micropython.device import Device
from station.virtual.nvs_partition import ItemType, NvsError, NvsErrorCode

_OK: Final = 0


def idf_modules(device: Device) -> dict[str, ModuleType]:
    """Make the stand-ins by name."""
    made = (
        _nvs(device),
        make_module("esp_app", project_name=device.project_name, version=device.version),
        make_module(
            "esp_log",
            ESP_LOGI=lambda tag, text: device.log("I", tag, text),
            ESP_LOGW=lambda tag, text: device.log("W", tag, text),
            ESP_LOGE=lambda tag, text: device.log("E", tag, text),
        ),
        make_module("esp_wifi", connect=lambda: _connect(device)),
    )
    return {module.__name__: module for module in made}


def _nvs(device: Device) -> ModuleType:
    """`nvs`: each function gives its error code first, then what C would store through a pointer."""
    started: set[str] = set()
    handles: dict[int, tuple[str, str]] = {}

    def nvs_flash_init_partition(label: str) -> int:
        try:
            device.nvs(label)
        except NvsError as error:
            return int(error.code)
        started.add(label)
        return _OK

    def nvs_open_from_partition(label: str, namespace: str) -> tuple[int, int]:
        if label not in started:
            return int(NvsErrorCode.ESP_ERR_NVS_NOT_INITIALIZED), 0
        if not device.nvs(label).has_namespace(namespace):
            return int(NvsErrorCode.ESP_ERR_NVS_NOT_FOUND), 0
        handle = len(handles) + 1
        handles[handle] = (label, namespace)
        return _OK, handle

    def get(handle: int, key: str, kind: ItemType) -> tuple[int, object]:
        if handle not in handles:
            return int(NvsErrorCode.ESP_ERR_NVS_INVALID_HANDLE), None
        label, namespace = handles[handle]
        try:
            return _OK, device.nvs(label).get(namespace, key, kind)
        except NvsError as error:
            return int(error.code), None

    return make_module(
        "nvs",
        nvs_flash_init_partition=nvs_flash_init_partition,
        nvs_open_from_partition=nvs_open_from_partition,
        nvs_get_str=lambda handle, key: get(handle, key, ItemType.STRING),
        nvs_get_blob=lambda handle, key: get(handle, key, ItemType.BLOB_INDEX),
        nvs_get_u8=lambda handle, key: get(handle, key, ItemType.U8),
        nvs_get_u16=lambda handle, key: get(handle, key, ItemType.U16),
        nvs_get_u32=lambda handle, key: get(handle, key, ItemType.U32),
        nvs_get_i32=lambda handle, key: get(handle, key, ItemType.I32),
    )


def _connect(device: Device) -> bool:
    device.log("I", "wifi", "connected with bench, channel 6, bssid = 02:00:00:00:00:01")
    device.log("I", "esp_netif_handlers", "sta ip: 10.0.0.2, mask: 255.255.255.0, gw: 10.0.0.1")
    return True
