"""What the command line of `station run` asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from station.cli.signing_in import LeadOptions


@dataclass(frozen=True, slots=True)
class RunWishes:
    """Profiles, ports, batch, order and people, as they were named."""

    profiles: Sequence[Path]
    ports: Sequence[str]
    batch: str | None
    order: str | None
    operator: str | None
    lead_options: LeadOptions

    @property
    def name_people(self) -> bool:
        """Whether only the ledger knows if what was asked for can be: a wrong name is told before there is a screen."""
        return self.operator is not None or self.lead_options.are_given
