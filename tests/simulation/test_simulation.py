"""Two thousand seeds in portions, so that the test workers share them; the long run is `python -m tests.simulation`."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.many import run_chunk
from tests.simulation.mutation import MUTATIONS
from tests.simulation.plan import FaultKind
from tests.simulation.run import simulate
from tests.simulation.sweep import lean_sweep

SEEDS = 2000
PORTION_SEEDS = 125
SWEEP_PARTS = 4


@pytest.mark.timeout(400)  # seconds of computing on a quiet machine, minutes on a busy one
@pytest.mark.parametrize("first", range(0, SEEDS, PORTION_SEEDS))
def test_no_fault_costs_a_certificate_or_gives_one_twice(first: int) -> None:
    count, failures, struck = run_chunk(range(first, first + PORTION_SEEDS))

    assert not failures, "\n\n".join(failures)
    assert count == PORTION_SEEDS
    assert struck.keys() == set(FaultKind), set(FaultKind) - struck.keys()


@pytest.mark.parametrize("part", range(SWEEP_PARTS))
def test_each_fault_may_strike_at_each_kind_of_point(part: int) -> None:
    plans = list(lean_sweep())
    struck = Counter[FaultKind]()
    for plan in plans[part::SWEEP_PARTS]:
        outcome = simulate(plan)
        struck += Counter(kind for kind, _ in outcome.struck.elements())
        assert outcome.violation is None, outcome
        assert sum(outcome.struck.values()) == 1

    assert {plan.faults[0].kind for plan in plans} == set(FaultKind)
    assert sum(struck.values()) == len(plans[part::SWEEP_PARTS]) > 100


def test_a_failure_names_seed_and_step_and_the_command_that_replays_it() -> None:
    with MUTATIONS[0].taken_away():
        outcome = simulate(3)
    lines = str(outcome).splitlines()

    assert lines[-2].startswith(f"seed 3 step {outcome.steps}: I1: ")
    assert lines[-1] == "again: python -m tests.simulation --seed 3"


def test_a_seed_replays_in_every_step() -> None:
    once, again = simulate(11), simulate(11)

    assert sum(once.struck.values()) > 0
    assert (once.points, once.trace, once.struck) == (again.points, again.trace, again.struck)
