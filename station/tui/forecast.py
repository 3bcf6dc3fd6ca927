"""What the numbers of a shift let expect: whether its certificates run out, and when its order is done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from station.line.shift_numbers import ShiftNumbers

_LAST_PART: Final = 0.25
"""Of a batch: before it no rate is a reason to warn, be the batch ever so small or the line ever so quick."""
_HOURS_MAX: Final = 24.0
"""Nobody believes a clock time that is further away."""


def runs_out(numbers: ShiftNumbers, few: int) -> bool:
    """Whether to warn, where the orders want more: at `few` certificates left, or in the batch's last part at one hour's worth."""
    if numbers.wanted is not None and numbers.left >= numbers.wanted:
        return False
    an_hours_worth = min(numbers.units_per_hour or 0, numbers.certificates * _LAST_PART)
    return numbers.left <= max(few, an_hours_worth)


def done_about(numbers: ShiftNumbers, now: datetime) -> datetime | None:
    """When the order is done at the present rate, as far as that can be said."""
    if not numbers.quantity or not numbers.units_per_hour or numbers.passed >= numbers.quantity:
        return None
    hours = (numbers.quantity - numbers.passed) / numbers.units_per_hour
    return now + timedelta(hours=hours) if hours < _HOURS_MAX else None
