"""Bootloader and applications, wherever the images hold them, checked as the chip will check them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from station.errors import Why
from station.image.esp_image import BOOTLOADER_OFFSETS, EspImage, check_esp_image, is_esp_image
from station.image.fault import ImageFault
from station.image.partition_table import Partition, PartitionTable
from station.profile.doubts import Doubt, DoubtKind
from station.profile.layout import Layout, PlacedImage
from station.profile.model import Profile
from station.profile.quantities import shown
from station.profile.reading import Draft
from station.profile.recipe import Program

_BLANK: Final = 0xFF


def check_images(layout: Layout, draft: Draft) -> tuple[list[Doubt], tuple[Program, ...]]:
    """Note damaged images, images for another chip and images in a wrong place as faults; give doubts and programs."""
    profile = draft.profile
    if profile is None or not draft.is_sure("chip"):
        return [], ()
    programs: list[Program] = []
    bootloader: EspImage | None = None
    apps: dict[str, EspImage] = {}
    for placed in layout.images:
        for program in _programs(placed, layout.table, profile):
            if _is_misplaced(program, placed, layout, draft):
                continue
            image = _check(program, placed, draft)
            if image is None:
                continue
            if program.partition is None:
                bootloader = image
                _check_header_size(program.what, image, placed, draft)
            else:
                apps[program.partition.name] = image
            programs.append(Program(program.what, image, is_app=program.partition is not None))
    if draft.faults:
        return [], ()
    return list(_doubts(layout, profile, bootloader, apps)), tuple(programs)


class _Program(NamedTuple):
    """Bytes that must be a bootloader (no partition) or an application, and the flash address that they are meant for."""

    what: str
    address: int
    data: bytes
    partition: Partition | None


def _programs(placed: PlacedImage, table: PartitionTable | None, profile: Profile) -> Iterator[_Program]:
    """Give the programs inside one file."""
    data, name = placed.file.data, shown(placed.file.name)
    starts = BOOTLOADER_OFFSETS[profile.chip]
    found = False
    if placed.offset <= starts < placed.end:
        alone = placed.offset == starts
        inside = data[starts - placed.offset :]
        if alone or is_esp_image(inside):
            found = True
            yield _Program(name if alone else f"the bootloader in {name}", starts, inside, None)
    for partition in table.app_partitions() if table is not None else ():
        if not placed.offset <= partition.offset < placed.end:
            continue
        begin = partition.offset - placed.offset
        if begin == 0 or data[begin] != _BLANK:
            found = True
            what = name if begin == 0 else f"the app {partition.name} in {name}"
            yield _Program(what, partition.offset, data[begin : begin + partition.size_bytes], partition)
    if not found and is_esp_image(data) and placed.partition is None:
        yield _Program(name, placed.offset, data, None)


def _is_misplaced(program: _Program, placed: PlacedImage, layout: Layout, draft: Draft) -> bool:
    """Note a file at an address where the chip does not look for it; what else is wrong with it follows from that."""
    profile = draft.profile
    if profile is None or program.partition is not None:
        return False
    starts = BOOTLOADER_OFFSETS[profile.chip]
    if program.address != starts:
        cause = (
            f"{program.what} is a program, but at {program.address:#x} neither the chip nor the partition table looks"
        )
        mend = f"Write `at: {starts:#x}` for the bootloader of {profile.chip}, or the app partition's name"
    elif program.data[0] == _BLANK and is_esp_image(program.data[starts:]):
        cause = (
            f"{program.what} is a merged image with its bootloader {starts:#x} bytes in, so it is made for address 0x0"
        )
        mend = "Write `at: 0x0`"
    else:
        return False
    draft.faults.add_at(placed.file.spot, cause, mend)
    layout.misplaced.append(placed)
    return True


def _check(program: _Program, placed: PlacedImage, draft: Draft) -> EspImage | None:
    profile, faults, spot = draft.profile, draft.faults, placed.file.spot
    if profile is None:
        return None
    try:
        image = check_esp_image(program.data, program.what)
    except ImageFault as fault:
        faults.add_image_fault(spot, fault)
        return None
    if image.chip != profile.chip:
        faults.add_at(
            spot,
            f"{program.what} is for {image.chip}, the profile is for {profile.chip}",
            f"Name a build for {profile.chip}, or write `chip: {image.chip}`",
            why=Why.OTHER_CHIP,
            facts={"file": program.what, "chip": image.chip, "wanted": profile.chip},
        )
        return None
    return image


def _check_header_size(what: str, image: EspImage, placed: PlacedImage, draft: Draft) -> None:
    """ESP-IDF's application refuses to start when the bootloader's header names more flash than there is."""
    profile = draft.profile
    if profile is None or image.flash_size_bytes is None or not draft.is_sure("flash_size"):
        return
    if image.flash_size_bytes > profile.flash_size_bytes:
        built_mb, given_mb = image.flash_size_bytes >> 20, profile.flash_size_bytes / (1 << 20)
        draft.faults.add_at(
            placed.file.spot,
            f"{what} is built for {built_mb} MB of flash, `flash_size` is {given_mb:g} MB, so the unit would not start",
            f"Write `flash_size: {built_mb}MB`, or build for the smaller flash",
        )


def _doubts(
    layout: Layout, profile: Profile, bootloader: EspImage | None, apps: dict[str, EspImage]
) -> Iterator[Doubt]:
    if bootloader is None:
        yield Doubt(DoubtKind.NO_BOOTLOADER, "No image brings a bootloader: a unit keeps the one that it has.")
    table = layout.table
    first = table.boot_app() if table is not None else None
    if table is None or first is None:
        return
    written = {image.partition.name for image in layout.images if image.partition is not None}
    blank = {filled.partition.name for filled in layout.filled}
    otadata = next((partition for partition in table.partitions if partition.is_otadata), None)
    if otadata is not None and otadata.name not in written | blank:
        yield Doubt(
            DoubtKind.OTADATA_STAYS,
            f"{otadata.name} is neither written nor erased: a reworked unit may start an old application.",
            {"partition": otadata.name},
        )
    if first.name not in apps and (otadata is None or otadata.name not in written):
        yield Doubt(
            DoubtKind.NO_FIRST_APP,
            f"A blank unit starts the partition {first.name}, but no image is written there.",
            {"partition": first.name},
        )
    app = apps.get(first.name)
    if app is not None and app.app is not None and profile.firmware.filesystem is None:
        inside = app.app.version
        if inside and inside.lstrip("v") != profile.firmware.version.lstrip("v"):
            yield Doubt(
                DoubtKind.OTHER_VERSION,
                f"The application calls itself {inside}, the profile says version {profile.firmware.version}.",
                {"inside": inside},
            )
