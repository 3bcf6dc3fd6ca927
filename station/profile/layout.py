"""Where everything goes: images with their addresses, partitions that are filled, and who gets in whose way."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

from station.image.fault import ImageFault
from station.image.flash_plan import SECTOR_BYTES, Region
from station.image.partition_table import Partition, PartitionTable, find_partition_table, parse_partition_table
from station.profile.faults import FaultList, Spot
from station.profile.firmware_files import FirmwareFile
from station.profile.quantities import shown
from station.profile.reading import Draft

_TABLE_MAGIC: Final = b"\xaa\x50"
_TABLE_ROOM_BYTES: Final = 0x1000


@dataclass(frozen=True, slots=True)
class PlacedImage:
    """A file with its flash address; `partition` is the one that it begins in."""

    file: FirmwareFile
    offset: int
    partition: Partition | None

    @property
    def end(self) -> int:
        """The first address behind its bytes."""
        return self.offset + len(self.file.data)

    @property
    def erased_end(self) -> int:
        """The first address behind the sectors that writing it erases."""
        return self.end + -self.end % SECTOR_BYTES

    def __str__(self) -> str:
        return f"{shown(self.file.name)} ({self.offset:#x} to {self.end:#x})"


@dataclass(frozen=True, slots=True)
class FilledPartition:
    """A partition that the station itself fills: credentials, SDK config, filesystem, or blank."""

    what: str
    partition: Partition
    spot: Spot

    def __str__(self) -> str:
        return f"{self.what} in {self.partition}"


@dataclass(slots=True)
class Layout:
    """All of a profile's images and filled partitions, as far as their places are known."""

    table: PartitionTable | None
    images: list[PlacedImage] = field(default_factory=list)
    filled: list[FilledPartition] = field(default_factory=list)
    misplaced: list[PlacedImage] = field(default_factory=list)
    """Images that were told to stand at a wrong address: what they lie over says nothing."""

    def image_regions(self) -> list[Region]:
        """Give the images' regions; where a merged image is blank under a filled partition, it is left out."""
        regions: list[Region] = []
        for image in self.images:
            for begin, end in self._pieces(image):
                data = image.file.data[begin - image.offset : end - image.offset]
                regions.append(Region.of(self._name(image, begin), begin, data))
        return regions

    def _name(self, image: PlacedImage, begin: int) -> str:
        stem = image.file.path.stem
        same = sum(other.file.path.stem == stem for other in self.images)
        return stem if same == 1 and begin == image.offset else f"{stem}@{begin:#x}"

    def _pieces(self, image: PlacedImage) -> list[tuple[int, int]]:
        pieces = [(image.offset, image.end)]
        for filled in self.filled:
            cut = filled.partition
            pieces = [
                piece
                for begin, end in pieces
                for piece in ((begin, min(end, cut.offset)), (max(begin, cut.end), end))
                if piece[0] < piece[1]
            ]
        return pieces


def find_table(files: Sequence[FirmwareFile], draft: Draft, *, complete: bool) -> PartitionTable | None:
    """Parse the partition table that the firmware itself brings: a file of its own, or inside a merged image.

    `complete` says that every file could be read: only then is a table that is not there a mistake of its own.
    """
    faults = draft.faults
    found: list[tuple[FirmwareFile, PartitionTable]] = []
    broken = False
    for file in files:
        if isinstance(file.at, str):
            continue
        try:
            if file.data.startswith(_TABLE_MAGIC):
                table: PartitionTable | None = parse_partition_table(file.data, flash_offset=file.at)
            else:
                table = find_partition_table(file.data, file.at)
        except ImageFault as fault:
            faults.add_image_fault(file.spot, fault)
            broken = True
            continue
        if table is not None:
            found.append((file, table))
    if len(found) > 1:
        names = " and ".join(shown(file.name) for file, _ in found)
        faults.add_at(
            found[1][0].spot, f"{names} each hold a partition table", "Name either the merged image or its parts"
        )
    if found:
        return found[0][1]
    if complete and not broken and draft.is_sure("firmware"):
        faults.add(
            ("firmware",),
            "no image holds a partition table",
            "Add the build's partition-table.bin with `at: 0x8000`",
        )
    return None


def find_partition(
    table: PartitionTable, name: str, spot: Spot, faults: FaultList, candidates: Iterable[Partition]
) -> Partition | None:
    """Give the partition of that name, or None and a fault that tells the nearest name of the candidates."""
    partition = table.find(name)
    if partition is not None:
        return partition
    names = [candidate.name for candidate in candidates]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        mend = f"Did you mean `{close[0]}`?"
    elif names:
        mend = f"Write one of {', '.join(names)}, or add it to the build's partitions CSV"
    else:
        mend = "Add it to the build's partitions CSV and build again"
    faults.add_at(spot, f"the partition {shown(name)} is not in the partition table", mend)
    return None


def place_images(files: Sequence[FirmwareFile], table: PartitionTable | None, draft: Draft) -> list[PlacedImage]:
    """Give each file its address; addresses that cannot be and files that do not fit are faults."""
    placed = []
    for file in files:
        if isinstance(file.at, int):
            partition = table.at(file.at) if table is not None else None
            image = PlacedImage(file, file.at, partition)
        elif table is None:
            continue
        else:
            found = find_partition(table, file.at, file.spot, draft.faults, table.partitions)
            if found is None:
                continue
            image = PlacedImage(file, found.offset, found)
        if _is_place_good(image, draft):
            placed.append(image)
    return placed


def _is_place_good(image: PlacedImage, draft: Draft) -> bool:
    faults, spot = draft.faults, image.file.spot
    if image.offset % SECTOR_BYTES:
        down = image.offset // SECTOR_BYTES * SECTOR_BYTES
        faults.add_at(
            spot,
            f"{shown(image.file.name)} is to be written at {image.offset:#x}, which is not the start of a flash sector",
            f"Use a multiple of {SECTOR_BYTES:#x}, such as {down:#x} or {down + SECTOR_BYTES:#x}",
        )
        return False
    partition = image.partition
    if partition is not None and image.end > partition.end:
        room = partition.end - image.offset
        faults.add_at(
            spot,
            f"{shown(image.file.name)} has {len(image.file.data)} bytes, the partition {partition.name} has room for {room}",
            "Build a smaller image, or make the partition larger in the build's partitions CSV",
        )
        return False
    flash_bytes = draft.profile.flash_size_bytes if draft.profile is not None else 0
    if draft.is_sure("flash_size") and image.end > flash_bytes:
        faults.add_at(
            spot,
            f"{image} ends behind the flash, which has {flash_bytes:#x} bytes",
            "Correct its address, or `flash_size`",
        )
        return False
    return True


def check_overlaps(layout: Layout, faults: FaultList) -> None:
    """Note every two that would write to the same sectors."""
    images = (image for image in layout.images if image not in layout.misplaced)
    ordered = sorted(images, key=lambda image: image.offset)
    for first, second in combinations(ordered, 2):
        if second.offset < first.erased_end:
            faults.add_at(second.file.spot, f"{first} and {second} overlap", "Correct one of the two addresses")
    for image in ordered:
        for filled in layout.filled:
            partition = filled.partition
            begin, end = max(image.offset, partition.offset), min(image.end, partition.end)
            if begin >= end or image.partition == partition:
                continue
            inside = image.file.data[begin - image.offset : end - image.offset]
            if inside.count(0xFF) != len(inside):
                faults.add_at(
                    filled.spot,
                    f"{image} and {filled} overlap: the image holds content there",
                    "Name another partition, or build the image without content there",
                )


def check_table_fits(table: PartitionTable, layout: Layout, draft: Draft) -> None:
    """Note a table that needs more flash than the profile has, or partitions that lie over the table itself."""
    profile, faults = draft.profile, draft.faults
    last = max(table.partitions, key=lambda partition: partition.end)
    if profile is not None and draft.is_sure("flash_size") and last.end > profile.flash_size_bytes:
        needed_mb = 1 << max(0, (last.end - 1).bit_length() - 20)
        faults.add(
            ("flash_size",),
            f"the partition table needs {last.end:#x} bytes of flash, `flash_size` is {profile.flash_size_bytes:#x}",
            f"Write `flash_size: {needed_mb}MB`, or build for the smaller flash",
        )
    if table.flash_offset is None or table.flash_offset % SECTOR_BYTES or layout.misplaced:
        return
    room = range(table.flash_offset, table.flash_offset + _TABLE_ROOM_BYTES)
    for filled in layout.filled:
        if filled.partition.offset < room.stop and room.start < filled.partition.end:
            faults.add_at(
                filled.spot, f"{filled} overlaps the partition table itself", "Correct the build's partitions CSV"
            )
