"""What is odd about a profile's images and still no mistake: a shift may start, and somebody should look."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from station.errors import NO_FACTS, Facts


class DoubtKind(StrEnum):
    """Which doubt; `ready.images_<kind>` of the catalogues."""

    NO_BOOTLOADER = "no_bootloader"
    OTADATA_STAYS = "otadata_stays"
    NO_FIRST_APP = "no_first_app"
    OTHER_VERSION = "other_version"
    NO_CHECKS = "no_checks"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One of them, as a sentence for logs and commands; `facts` fill the catalogue's own."""

    kind: DoubtKind
    sentence: str
    facts: Facts = field(default_factory=lambda: NO_FACTS)
