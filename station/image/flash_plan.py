"""What is written where: regions that start on sectors, do not overlap and lie inside the flash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from station.image.fault import ImageFault

SECTOR_BYTES: Final = 0x1000
"""The smallest piece of flash that is erased at once, on every ESP32."""
_WORD_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes for one place in flash. Make it with `Region.of`, which pads the data and computes the MD5.

    `secret` marks credentials: they are written last, and neither their bytes nor their MD5 are ever printed.
    """

    name: str
    offset: int
    data: bytes = field(repr=False)
    md5: str = field(repr=False)
    """Hex, lower case, over `data`: what the chip's own MD5 command must answer."""
    secret: bool = False

    @classmethod
    def of(cls, name: str, offset: int, data: bytes, *, secret: bool = False) -> Region:
        """Make a region; `data` is padded with 0xFF to whole words, as the chip writes them."""
        padded = bytes(data) + b"\xff" * (-len(data) % _WORD_BYTES)
        return cls(name, offset, padded, hashlib.md5(padded, usedforsecurity=False).hexdigest(), secret)

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    @property
    def end(self) -> int:
        """The first address behind the data."""
        return self.offset + len(self.data)

    @property
    def erased_end(self) -> int:
        """The first address behind the sectors that writing this region erases."""
        return self.end + -self.end % SECTOR_BYTES

    @property
    def sha256(self) -> str:
        """Hex, lower case, over `data`."""
        return hashlib.sha256(self.data).hexdigest()

    def __str__(self) -> str:
        return f"{self.name} ({self.offset:#x} to {self.end:#x})"


@dataclass(frozen=True, slots=True)
class FlashPlan:
    """All regions of a unit, sorted by address. Made by `make_flash_plan`."""

    regions: tuple[Region, ...]
    flash_size_bytes: int

    @property
    def total_bytes(self) -> int:
        """Bytes that are written, before compression."""
        return sum(region.size_bytes for region in self.regions)

    @property
    def erased_bytes(self) -> int:
        """Bytes of all sectors that are erased for it."""
        return sum(region.erased_end - region.offset for region in self.regions)

    def find(self, name: str) -> Region | None:
        """Give the region of that name, or None."""
        return next((region for region in self.regions if region.name == name), None)

    def write_order(self) -> tuple[Region, ...]:
        """Give the regions as they are written: by address, but the secret ones last (DESIGN §3 step 4)."""
        return tuple(sorted(self.regions, key=lambda region: (region.secret, region.offset)))

    def with_region(self, *more: Region) -> FlashPlan:
        """Give a plan with these regions too; ImageFault when they do not fit beside the others."""
        return make_flash_plan((*self.regions, *more), self.flash_size_bytes)


def make_flash_plan(regions: Iterable[Region], flash_size_bytes: int) -> FlashPlan:
    """Sort the regions and check that they can be written together.

    Raises ImageFault, naming the region or both regions: empty, name twice, start not on a sector, overlap (counted in
    whole sectors, since writing one would erase the end of the other), end behind the flash.
    """
    ordered = tuple(sorted(regions, key=lambda region: region.offset))
    names: set[str] = set()
    before: Region | None = None
    for region in ordered:
        if not region.data:
            raise ImageFault(f"{region.name} holds nothing", "Name a file that is not empty")
        if region.name in names:
            raise ImageFault(f"{region.name} stands twice in the flash plan", "Remove one of them")
        names.add(region.name)
        if region.offset < 0 or region.offset % SECTOR_BYTES:
            down = max(region.offset, 0) // SECTOR_BYTES * SECTOR_BYTES
            raise ImageFault(
                f"{region.name} starts at {region.offset:#x}, which is not the start of a flash sector",
                f"Use a multiple of {SECTOR_BYTES:#x}, such as {down:#x} or {down + SECTOR_BYTES:#x}",
            )
        if region.end > flash_size_bytes:
            raise ImageFault(
                f"{region} ends behind the flash, which has {flash_size_bytes:#x} bytes",
                "Correct its address or the flash size",
            )
        if before is not None and region.offset < before.erased_end:
            raise ImageFault(f"{before} and {region} overlap", "Correct one of the two addresses")
        before = region
    return FlashPlan(ordered, flash_size_bytes)
