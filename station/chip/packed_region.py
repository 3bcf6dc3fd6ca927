"""A region of flash as it goes over the wire: deflated once, written many times."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from station.image.flash_plan import Region

DEFLATE_LEVEL = 9


@dataclass(frozen=True, slots=True, repr=False)
class PackedRegion:
    """`blob` is the zlib stream of the region's bytes."""

    region: Region
    blob: bytes

    def __repr__(self) -> str:
        return f"PackedRegion({self.region.name!r}, {len(self.blob)} bytes on the wire)"


def pack(region: Region) -> PackedRegion:
    """Deflate a region."""
    return PackedRegion(region, zlib.compress(region.data, DEFLATE_LEVEL))
