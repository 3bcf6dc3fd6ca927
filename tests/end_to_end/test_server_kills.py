"""A real server dies at random instants while stations work: each verdict told is recorded once, no certificate is twice."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.end_to_end.server_kills import LANES, STATIONS, UNITS_A_LANE, Factory
from tests.ledger.postgresql_server import Server

KILLS = 5
"""`python -m tests.end_to_end.server_kills` kills 50 times."""


@pytest.mark.timeout(240)  # the server starts again after each kill, on a busy machine too
def test_a_server_that_dies_at_random_instants_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with closing(Server()) as server:
        factory = Factory(tmp_path, server)
        _, done = factory.run(KILLS, seed=1)
        verdicts = factory.judge(done)

    assert verdicts["PASS"] >= STATIONS * LANES * UNITS_A_LANE
