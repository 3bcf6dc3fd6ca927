"""A real server dies at random instants, alone or with a station: each verdict told is recorded once, no certificate is twice."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.end_to_end.server_kills import LANES, STATIONS, UNITS_A_LANE, WITH_A_STATION, Factory
from tests.ledger.postgresql_server import Server

KILLS = 5
"""`python -m tests.end_to_end.server_kills` kills 50 times."""


@pytest.mark.timeout(240)  # the server starts again after each kill, on a busy machine too
def test_a_server_that_dies_at_random_instants_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with closing(Server()) as server:
        factory = Factory(tmp_path, server)
        ways = factory.run(KILLS, seed=1)
        verdicts = factory.judge(ways)

    assert ways[WITH_A_STATION] == 1
    assert verdicts["PASS"] >= STATIONS * LANES * UNITS_A_LANE
