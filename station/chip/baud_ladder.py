"""The fastest baud rate that a lane's adapter and cable hold: stepped down at once on errors, climbed after clean units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

CLEAN_UNITS_BEFORE_CLIMB: Final = 20
"""A rate that failed costs a second or two; it is tried again this rarely."""


class BaudLadder:
    """One lane's; it outlives its units. `baud` is the rate to use now, valid from the first `offer` on."""

    def __init__(self) -> None:
        self._rates: tuple[int, ...] = ()
        self._limit: int | None = None
        self._clean_units = 0
        self.baud = 0

    def offer(self, bauds: Sequence[int]) -> None:
        """Take the rates that the profile allows, best first, for the next unit; those above what the lane holds are left out."""
        self._rates = tuple(bauds)
        limit = self._limit
        self.baud = next((baud for baud in bauds if limit is None or baud <= limit), bauds[-1])

    def step_down(self) -> bool:
        """Go on at the next rate, for this unit and those that follow; False when there is none."""
        below = self._rates[self._rates.index(self.baud) + 1 :]
        if not below:
            return False
        self.baud = self._limit = below[0]
        self._clean_units = 0
        return True

    def unit_was_clean(self) -> None:
        """Count a unit that was written without an error; after enough of them the next one tries the rate above."""
        self._clean_units += 1
        if self._limit is None or self._clean_units < CLEAN_UNITS_BEFORE_CLIMB:
            return
        self._clean_units = 0
        place = self._rates.index(self.baud)
        self._limit = self._rates[place - 1] if place else None
