"""The program inside the bench's C-like applications, frozen into the image's mapped data segment.

The virtual chip has no CPU: where silicon would run machine code, it runs this source with stand-ins named after ESP-IDF's C
functions. It does what esp-aliyun's example does first: reads the device certificate as NVS strings, says who it is, connects.
"""

from __future__ import annotations

import struct
from typing import Final

PROGRAM_MARK: Final = b"BENCH-FROZEN-PROGRAM\x00"

CERTIFICATE_PROGRAM: Final = """\
import esp_app
import esp_log
import esp_wifi
import nvs

TAG = "wrapper_product"
PARTITION = "fctry"
KEYS = ("ProductKey", "DeviceName", "DeviceSecret")


def read_certificate():
    error = nvs.nvs_flash_init_partition(PARTITION)
    if error:
        esp_log.ESP_LOGE(TAG, "NVS Flash init %s failed %x" % (PARTITION, error))
        return None
    error, handle = nvs.nvs_open_from_partition(PARTITION, "aliyun-key")
    if error:
        esp_log.ESP_LOGE(TAG, "nvs_open failed %x" % error)
        return None
    certificate = {}
    for key in KEYS:
        error, value = nvs.nvs_get_str(handle, key)
        if error:
            esp_log.ESP_LOGE(TAG, "nvs_get_str %s failed %x" % (key, error))
            return None
        certificate[key] = value
    return certificate


def show_sdk_config():
    error, handle = nvs.nvs_open_from_partition(PARTITION, "sdk")
    if error:
        esp_log.ESP_LOGI("sdk", "no config, using defaults")
        return
    error, region = nvs.nvs_get_str(handle, "region")
    error, host = nvs.nvs_get_str(handle, "mqtt_host")
    error, port = nvs.nvs_get_u16(handle, "mqtt_port")
    esp_log.ESP_LOGI("sdk", "region=%s mqtt_host=%s mqtt_port=%s" % (region, host, port))


def app_main():
    certificate = read_certificate()
    if certificate is None:
        print("no certificate")
        return
    show_sdk_config()
    print("station-app ready: %s %s device=%s" % (esp_app.project_name, esp_app.version, certificate["DeviceName"]))
    if esp_wifi.connect():
        print("station-app online")


app_main()
"""


def freeze_program(source: str) -> bytes:
    """Give the program as it is embedded: mark, length (u32), UTF-8 source."""
    code = source.encode("utf-8")
    return PROGRAM_MARK + struct.pack("<I", len(code)) + code


def find_program(data: bytes) -> str | None:
    """Give the frozen program inside a segment's data, None when there is none."""
    place = data.find(PROGRAM_MARK)
    if place < 0:
        return None
    place += len(PROGRAM_MARK)
    (size_bytes,) = struct.unpack_from("<I", data, place)
    return data[place + 4 : place + 4 + size_bytes].decode("utf-8")
