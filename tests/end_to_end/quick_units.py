"""Units that take about a second: a small product, and an application that says at once what the bench's would say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import yaml

from station.virtual.chip_model import ChipModel
from station.virtual.faults import Faults
from station.virtual.fixture import Fixture, Unit, make_unit
from station.virtual.flash_memory import FlashMemory
from station.virtual.images import TRAINING_TABLE, make_app, make_bootloader
from station.virtual.partitions import pack_partition_table
from station.virtual.security_fuses import SecurityFuses
from station.virtual.virtual_chip import BootFactory

PRODUCT_KEY: Final = "a1Training0"
FAST_BAUD: Final = 3_000_000
SLOW_BAUD: Final = 460_800
"""The write takes about two seconds: time enough to do something in its middle."""
APP_OFFSET: Final = 0x10000
CREDENTIALS_OFFSET: Final = 0x110000
EVENT_LIMIT_S: Final = 60.0


def mac_number(number: int) -> str:
    return f"24:0a:c4:00:10:{number:02x}"


def unit_number(
    number: int, *, chip: str = "esp32", flash_size: str = "4MB", revision: int | None = None, **fuses: bool
) -> Unit:
    """A unit with a MAC of its own; `fuses` are the booleans of SecurityFuses."""
    security = SecurityFuses(**fuses)  # type: ignore[arg-type]  # names of booleans
    return make_unit(mac_number(number), chip=chip, flash_size=flash_size, security=security, revision=revision)


def make_product(folder: Path) -> Path:
    """Write the small product's images and profile; give the profile."""
    images = {
        "bootloader.bin": make_bootloader("esp32"),
        "partition-table.bin": pack_partition_table(TRAINING_TABLE),
        "app.bin": make_app("esp32", "station-training", "1.0.0", code_bytes=1024),
    }
    for name, data in images.items():
        (folder / name).write_bytes(data)
    return write_profile(folder / "quick.yaml")


def write_profile(path: Path, *, baud: int | None = FAST_BAUD, boot_within: str = "20s", **keys: object) -> Path:
    """Write a profile beside the small product's images; `keys` are put in place of its own."""
    content = {
        "schema": 1,
        "name": path.stem,
        "product_key": PRODUCT_KEY,
        "chip": "esp32",
        "flash_size": "4MB",
        "baud": [baud],
        "firmware": {
            "version": "1.0.0",
            "images": [
                {"file": "bootloader.bin", "at": 0x1000},
                {"file": "partition-table.bin", "at": 0x8000},
                {"file": "app.bin", "at": "factory"},
            ],
        },
        "credentials": {"preset": "esp-aliyun"},
        "checks": {
            "boot": {"expect": "station-app ready", "within": boot_within},
            "online": {"by": "console", "expect": "station-app online", "within": "20s"},
        },
    }
    if baud is None:
        del content["baud"]
    path.write_text(yaml.safe_dump(content | keys, sort_keys=False), encoding="utf-8")
    return path


class QuickApplication:
    """Runs when bootloader, application and credentials stand in flash; else complains as the ROM does."""

    def __init__(self, flash: FlashMemory, _model: ChipModel, console: Callable[[bytes], None]) -> None:
        self._flash = flash
        self._console = console

    def start(self) -> None:
        whole = all(self._flash.read(offset, 1) == b"\xe9" for offset in (0x1000, APP_OFFSET))
        if whole and not self._flash.is_blank(CREDENTIALS_OFFSET, 0x1000):
            self._console(b"station-app ready: station-training 1.0.0\r\nstation-app online\r\n")
        else:
            self._console(b"invalid header: 0xffffffff\r\n")

    def stop(self) -> None:
        """Nothing runs on."""

    def receive(self, data: bytes) -> None:
        """Reads nothing."""


class MuteApplication(QuickApplication):
    """Starts and says nothing."""

    def start(self) -> None:
        self._console(b"")


def quick_fixture(
    unit: Unit | None = None, *, faults: Faults | None = None, boot: BootFactory = QuickApplication, port: int = 0
) -> Fixture:
    return Fixture(unit, boot=boot, faults=faults, port=port)


@contextmanager
def quick_fixtures(count: int) -> Iterator[list[Fixture]]:
    """Empty fixtures that serve."""
    fixtures = [quick_fixture().start() for _ in range(count)]
    try:
        yield fixtures
    finally:
        for fixture in fixtures:
            fixture.stop()
