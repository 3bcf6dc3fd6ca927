"""From the import of a batch to the PASS of a unit: whichever call fails, nothing is lost and the next run passes."""

from __future__ import annotations

import pytest

from tests.simulation.plan import FaultKind, Place
from tests.simulation.run import simulate
from tests.simulation.sweep import each_call


@pytest.mark.parametrize(
    ("places", "kind", "calls_min"),
    [
        pytest.param({Place.DATABASE, Place.COMMIT}, FaultKind.DISK_FULL, 100, id="database"),
        pytest.param({Place.FILE}, FaultKind.DISK_ERROR, 10, id="file"),
        pytest.param({Place.CHIP, Place.WRITE}, FaultKind.PORT_GONE, 20, id="port"),
    ],
)
def test_whichever_call_fails_the_next_run_passes(places: set[Place], kind: FaultKind, calls_min: int) -> None:
    failed = 0
    for plan in each_call(frozenset(places), kind):
        outcome = simulate(plan)
        assert outcome.violation is None, outcome
        failed += sum(outcome.struck.values())

    assert failed == len(list(each_call(frozenset(places), kind))) > calls_min
