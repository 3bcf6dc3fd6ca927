"""A virtual chip in run mode for tests: its flash from files, and its console to wait on."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final

from esp_idf_nvs_partition_gen import nvs_partition_gen

from station.virtual.boot import RunMode
from station.virtual.flash_memory import FlashMemory

MAC: Final = bytes.fromhex("240ac4000001")
FLASH_SIZE_BYTES: Final = 0x400000
SECRET: Final = "c0ffee" * 5 + "00"
WAIT_S: Final = 20.0
CERTIFICATE: Final = {"ProductKey": "a1B2c3D4e5F", "DeviceName": "plug-0001", "DeviceSecret": SECRET}


class Console:
    """What the chip said so far."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._said = bytearray()

    def take(self, data: bytes) -> None:
        with self._changed:
            self._said += data
            self._changed.notify_all()

    @property
    def text(self) -> str:
        with self._changed:
            return self._said.decode("utf-8")

    def wait_for(self, wanted: str, times: int = 1) -> str:
        """Wait until `wanted` was said so often; gives all that was said."""
        with self._changed:
            came = self._changed.wait_for(lambda: self._said.count(wanted.encode()) >= times, WAIT_S)
            text = self._said.decode("utf-8")
        assert came, f"{wanted!r} did not come; the console said:\n{text}"
        return text


class RunningChip:
    """A chip that starts on entry and is stopped on exit."""

    def __init__(self, flash: FlashMemory, chip: str = "esp32", resets_max: int = 3) -> None:
        self.flash = flash
        self.console = Console()
        self.run_mode = RunMode(chip, MAC, flash, self.console.take, reset_pause_s=0.01, resets_max=resets_max)

    def __enter__(self) -> RunningChip:
        self.run_mode.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run_mode.stop()

    def type(self, text: str) -> None:
        self.run_mode.receive(text.encode())


def flash_with(*regions: tuple[int, bytes | Path]) -> FlashMemory:
    """Make a 4 MB flash that holds these regions (offset, bytes or the file they are in)."""
    flash = FlashMemory(FLASH_SIZE_BYTES)
    for offset, region in regions:
        data = region.read_bytes() if isinstance(region, Path) else region
        assert flash.program(offset, data)
    return flash


def nvs_image(entries: Mapping[str, Mapping[str, tuple[str, str]]], size_bytes: int = 0x6000) -> bytes:
    """Make an NVS image with Espressif's generator: namespace → key → (encoding, value)."""
    image = io.BytesIO()
    # The generator adds the page that NVS keeps free to the size that it is given.
    with nvs_partition_gen.nvs_open(image, size_bytes - 0x1000, nvs_partition_gen.Page.VERSION2) as nvs:
        for namespace, values in entries.items():
            nvs_partition_gen.write_entry(nvs, namespace, "namespace", "", "")
            for key, (encoding, value) in values.items():
                nvs_partition_gen.write_entry(nvs, key, "data", encoding, value)
    return image.getvalue()


def certificate_strings(size_bytes: int = 0x6000, **changes: str) -> bytes:
    """Make the NVS image of a certificate as strings, as esp-aliyun wants it."""
    keys = {key: ("string", value) for key, value in (CERTIFICATE | changes).items()}
    return nvs_image({"aliyun-key": keys, "sdk": {"region": ("string", "cn-shanghai")}}, size_bytes)


def certificate_blobs() -> bytes:
    """Make the NVS image of a certificate as blobs, as MicroPython wants it."""
    keys = {key: ("hex2bin", value.encode().hex()) for key, value in CERTIFICATE.items()}
    return nvs_image({"aliyun-key": keys, "sdk": {"mqtt_port": ("i32", "1883")}})
