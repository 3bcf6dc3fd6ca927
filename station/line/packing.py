"""Regions of the flash plan, deflated for the wire."""

from __future__ import annotations

from collections.abc import Iterable

from station.chip.packed_region import PackedRegion, pack
from station.image.flash_plan import Region
from station.profile.recipe import Recipe


def pack_regions(regions: Iterable[Region]) -> tuple[PackedRegion, ...]:
    """Deflate regions in the order given."""
    return tuple(pack(region.name, region.offset, region.data, region.md5) for region in regions)


def pack_static(recipe: Recipe) -> tuple[PackedRegion, ...]:
    """Deflate what every unit of the batch gets; done once and shared by all lanes."""
    return pack_regions(recipe.static_plan.regions)
