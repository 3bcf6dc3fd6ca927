"""What people decide about units: where one goes, and what only a line lead may let happen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from station.certificate import Secret
from station.ledger import JsonValue
from station.unit import Disposition, Mac


@dataclass(frozen=True, slots=True)
class LeadDecision:
    """Who decided what the station must not, and why. Not `by_line_lead`: the station had no line lead yet."""

    operator: str
    reason: str
    by_line_lead: bool

    def as_data(self) -> dict[str, JsonValue]:
        """Give it as events tell it."""
        return {"decided_by": self.operator, "reason": self.reason, "line_lead": self.by_line_lead}


class CarriedChoice(StrEnum):
    """What becomes of a foreign certificate that a unit carries."""

    KEEP = "keep"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class CarriedAnswer:
    """What a line lead has decided about what one unit carries."""

    choice: CarriedChoice
    decision: LeadDecision


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a unit goes, or (None) that it may go on; why; and the line lead with PIN where one must decide."""

    mac: Mac
    disposition: Disposition | None
    reason: str
    lane: int = 0
    lead: str = ""
    pin: Secret = Secret("")  # noqa: RUF009  frozen
    carried: CarriedChoice | None = None
    """What becomes of the foreign certificate that the unit carries: a line lead's, for the next try on this lane."""
