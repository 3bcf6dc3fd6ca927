"""What is odd about a profile's images and still no mistake: a shift may start, and somebody should look."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from station.errors import NO_FACTS, Facts


class DoubtKind(StrEnum):
    """Which doubt: what `ready.*` and `mend.*` of the catalogues say of it."""

    NO_BOOTLOADER = "images_no_bootloader"
    OTADATA_STAYS = "images_otadata_stays"
    NO_FIRST_APP = "images_no_first_app"
    OTHER_VERSION = "images_other_version"
    NO_CHECKS = "images_no_checks"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One of them, as a sentence for logs and commands; `facts` fill the catalogue's own."""

    kind: DoubtKind
    sentence: str
    facts: Facts = field(default_factory=lambda: NO_FACTS)
