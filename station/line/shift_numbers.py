"""The numbers above the lanes; what each is, is told in `station.reports.numbers`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShiftNumbers:
    """`passed` counts the order's units, or the batch's, of all shifts and stations, `passed_in_shift` this shift's runs; of
    the batch's `certificates` so many are `left`, and so many `wanted` by its open orders.

    The others are this shift's; `first_pass_yield` is 0 to 1. None where nothing is known yet.
    """

    batch: str
    work_order: str | None
    quantity: int | None
    passed: int
    passed_in_shift: int
    failed: int
    errors: int
    left: int
    wanted: int | None
    certificates: int
    first_pass_yield: float | None
    units_per_hour: float | None
