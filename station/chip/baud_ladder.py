"""The fastest baud rate that a lane's adapter and cable hold: stepped down at once on errors, climbed after clean units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from station.held_baud import HeldBaud

LEARNED_RATES: Final = (3_000_000, 2_000_000, 1_500_000, 921_600, 460_800, 115_200)
FIRST_BAUD: Final = 921_600
"""Where a lane begins that nothing is known of; practically every adapter holds it."""
CLEAN_UNITS_TO_CLIMB: Final = 3
CLEAN_UNITS_TO_TRY_AGAIN: Final = 20
"""A rate that failed costs a second or two; it is tried again this rarely, and half as often after each failure."""
FAILURES_COUNTED_MAX: Final = 5
STEPS_DOWN_MAX: Final = 2
"""More cannot be the line's fault: the second step goes to the lowest rate."""


class BaudMemory(Protocol):
    """Where a lane's rate outlives the program."""

    def recall(self) -> HeldBaud | None:
        """Give what was kept last."""

    def keep(self, held: HeldBaud, /) -> None:
        """Keep it."""


class BaudLadder:
    """One lane's; it outlives its units. `baud` is the rate to use now, valid from the first `offer` on."""

    def __init__(self, memory: BaudMemory | None = None) -> None:
        self._memory = memory
        self._held: HeldBaud | None = None
        self._rates: tuple[int, ...] = ()
        self._failed: list[int] = []
        self.baud = 0

    def offer(self, bauds: Sequence[int] | None) -> None:
        """Choose the rate for the next unit: the first of `bauds` that never failed here; None: as fast as was learned."""
        if self._held is None and self._memory is not None:
            self._held = self._memory.recall()
        self._rates, self._failed = tuple(bauds or LEARNED_RATES), []
        ceiling = self._ceiling()
        hopeful = [baud for baud in self._rates if ceiling is None or baud < ceiling] or [self._rates[-1]]
        self.baud = hopeful[0] if bauds else self._learned(hopeful)

    def _ceiling(self) -> int | None:
        """Give the rate that failed, unless it is time to try it again."""
        held = self._held
        if held is None or held.failed_baud is None:
            return None
        patience = CLEAN_UNITS_TO_TRY_AGAIN * 2 ** (held.failures - 1)
        return held.failed_baud if held.clean_units < patience else None

    def _learned(self, hopeful: Sequence[int]) -> int:
        held = self._held or HeldBaud(FIRST_BAUD)
        above = [baud for baud in hopeful if baud > held.baud]
        if above and held.clean_units >= CLEAN_UNITS_TO_CLIMB:
            return above[-1]
        return next((baud for baud in hopeful if baud <= held.baud), hopeful[-1])

    def step_down(self) -> bool:
        """Go on with this unit at the next rate, the second time at the last; False when there is none."""
        below = self._rates[self._rates.index(self.baud) + 1 :]
        if not below or len(self._failed) == STEPS_DOWN_MAX:
            return False
        self._failed.append(self.baud)
        self.baud = below[-1] if len(self._failed) == STEPS_DOWN_MAX else below[0]
        return True

    def unit_was_clean(self) -> None:
        """Learn from a unit that was written and proven: only such a one tells the line's errors from its own."""
        held = self._held or HeldBaud(self.baud)
        if self._failed:
            failed = min(self._failed)
            failures = held.failures + 1 if failed == held.failed_baud else 1
            slower = self._rates[self._rates.index(failed) + 1]
            held = HeldBaud(slower, 0, failed, min(failures, FAILURES_COUNTED_MAX))
        else:
            clean_units = held.clean_units + 1 if held.baud == self.baud else 1
            is_redeemed = held.failed_baud is not None and self.baud >= held.failed_baud
            failed_baud, failures = (None, 0) if is_redeemed else (held.failed_baud, held.failures)
            held = HeldBaud(self.baud, clean_units, failed_baud, failures)
        self._held, self._failed = held, []
        if self._memory is not None:
            self._memory.keep(held)
