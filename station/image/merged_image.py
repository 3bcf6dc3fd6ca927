"""A merged image: one file with bootloader, partition table and application, as `esptool merge-bin` and MicroPython give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from station.image.esp_image import BOOTLOADER_OFFSETS, EspImage, check_esp_image, is_esp_image
from station.image.fault import ImageFault
from station.image.partition_table import Partition, PartitionTable, find_partition_table

_BLANK: Final = 0xFF


@dataclass(frozen=True, slots=True)
class MergedImage:
    """What a merged image holds. `apps` pairs each filled app partition with its image, the one that starts first."""

    table: PartitionTable
    bootloader: EspImage
    apps: tuple[tuple[Partition, EspImage], ...]

    @property
    def chip(self) -> str:
        """esptool's name of the chip that it is for."""
        return self.bootloader.chip

    @property
    def app(self) -> EspImage:
        """The application that starts on a unit with blank otadata."""
        return self.apps[0][1]


def check_merged_image(data: bytes, offset: int, what: str) -> MergedImage:
    """Check a merged image that is written at flash address `offset`: its table, its bootloader and its applications.

    Raises ImageFault when a part is missing, damaged, for another chip than the bootloader, or larger than its partition.
    """
    table = find_partition_table(data, offset)
    if table is None:
        raise ImageFault(
            f"{what} holds no partition table", "Name the partition table as an image of its own, or use a merged image"
        )
    bootloader = _bootloader(data, offset, what)
    filled = []
    for partition in table.app_partitions():
        start = partition.offset - offset
        if not 0 <= start < len(data) or data[start] == _BLANK:
            continue
        app = check_esp_image(data[start:], f"the app {partition.name} in {what}")
        if app.length_bytes > partition.size_bytes:
            raise ImageFault(
                f"the app {partition.name} in {what} has {app.length_bytes} bytes, "
                f"its partition only {partition.size_bytes}",
                "Make the partition larger in the build's partitions CSV, or the application smaller",
            )
        if app.chip != bootloader.chip:
            raise ImageFault(
                f"{what} holds a bootloader for {bootloader.chip} and an app for {app.chip}",
                "Build it again for one chip",
            )
        filled.append((partition, app))
    if not filled:
        raise ImageFault(f"{what} holds no application", "Name the application as an image of its own")
    first = table.boot_app()
    filled.sort(key=lambda pair: (pair[0] != first, pair[0].offset))
    return MergedImage(table, bootloader, tuple(filled))


def _bootloader(data: bytes, offset: int, what: str) -> EspImage:
    for place in sorted(set(BOOTLOADER_OFFSETS.values())):
        start = place - offset
        if start < 0 or not is_esp_image(data[start : start + 1]):
            continue
        image = check_esp_image(data[start:], f"the bootloader in {what}")
        if image.bootloader_offset != place:
            raise ImageFault(
                f"{what} puts a bootloader for {image.chip} at flash address {place:#x}; "
                f"that chip starts it from {image.bootloader_offset:#x}",
                "Correct the address of the image",
            )
        return image
    raise ImageFault(f"{what}, written at {offset:#x}, holds no bootloader", "Correct the address of the image")
