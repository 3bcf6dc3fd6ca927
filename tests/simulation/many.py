"""Many seeds in portions, for worker processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.simulation.plan import FaultKind
from tests.simulation.run import simulate

CHUNK_SEEDS: Final = 25


def run_chunk(seeds: range) -> tuple[int, list[str], Counter[FaultKind]]:
    """Run some seeds; give how many, the reports of those that failed, and the faults that struck."""
    failures, struck = [], Counter[FaultKind]()
    for seed in seeds:
        outcome = simulate(seed)
        for (kind, _), times in outcome.struck.items():
            struck[kind] += times
        if outcome.violation is not None:
            failures.append(str(outcome))
    return len(seeds), failures, struck


def chunks(first: int, count: int) -> Iterator[range]:
    """Give the seeds in portions for the workers."""
    for begin in range(first, first + count, CHUNK_SEEDS):
        yield range(begin, min(begin + CHUNK_SEEDS, first + count))
