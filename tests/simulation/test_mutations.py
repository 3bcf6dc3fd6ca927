"""The judge can see: without any one of the protections the simulation fails, within a few plans."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.simulation.mutation import MUTATIONS, Mutation
from tests.simulation.run import simulate


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_without_a_protection_the_simulation_fails(mutation: Mutation, tmp_path: Path) -> None:
    data = mutation.data(tmp_path)
    plans = list(mutation.plans())  # made from what the whole station does
    with mutation.taken_away():
        outcomes = (simulate(plan, data=data) for plan in plans)
        failed = next((outcome for outcome in outcomes if outcome.violation is not None), None)

    assert failed is not None
    assert re.search(mutation.seen, failed.violation or ""), failed
    # The same plan, with the protection: nothing is wrong.
    assert simulate(failed.plan).violation is None
