"""Many plans in portions, for worker processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from tests.simulation.plan import FaultKind, Plan
from tests.simulation.run import simulate

CHUNK_PLANS: Final = 25


def run_chunk(plans: Sequence[Plan | int]) -> tuple[int, list[str], Counter[FaultKind]]:
    """Run some plans or seeds; give how many, the reports of those that failed, and the faults that struck."""
    failures, struck = [], Counter[FaultKind]()
    for plan in plans:
        outcome = simulate(plan)
        for (kind, _), times in outcome.struck.items():
            struck[kind] += times
        if outcome.violation is not None:
            failures.append(str(outcome))
    return len(plans), failures, struck


def chunks(plans: Sequence[Plan | int]) -> Iterator[Sequence[Plan | int]]:
    """Give plans or seeds in portions for the workers."""
    for begin in range(0, len(plans), CHUNK_PLANS):
        yield plans[begin : begin + CHUNK_PLANS]
