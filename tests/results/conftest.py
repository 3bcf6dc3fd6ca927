"""A ledger whose runs other systems are told of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from station.errors import Code
from station.ledger import JsonValue, Ledger
from station.results.channel import Channel, open_channel
from station.results.settings import ChannelSettings
from station.verdict import Step, Verdict
from tests.ledger.making import begin, write_csv
from tests.results.http_double import OtherSystem

Opened: TypeAlias = Callable[..., Channel]
TIMINGS: dict[str, JsonValue] = {
    Step.DETECT: 0.1,
    Step.IDENTIFY: 0.2,
    Step.ALLOCATE: 0.01,
    Step.WRITE: 9.5,
    Step.VERIFY: 0.6,
    Step.START: 20.0,
}


def run_unit(ledger: Ledger, unit: int, verdict: Verdict = Verdict.PASS) -> int:
    """Take a unit through a run; give the run's number."""
    run = begin(ledger, unit)
    ledger.allocate(run)
    ledger.begin_installing(run)
    passed = verdict is Verdict.PASS
    ledger.finish_run(
        run,
        verdict,
        seconds=31.4,
        code=None if passed else Code.NO_BOOT,
        message="" if passed else "no line matched 'ready' within 20 s",
        data={"timings_s": TIMINGS, "regions_sha256": {"app": "ab" * 32}},
    )
    return run


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "data") as opened:
        opened.import_batch(write_csv(tmp_path / "batch.csv", range(1, 41)))
        yield opened


@pytest.fixture
def mes() -> Iterator[OtherSystem]:
    with OtherSystem() as system:
        yield system


@pytest.fixture
def opened(ledger: Ledger, mes: OtherSystem) -> Opened:
    """Open a channel, by default to the other system's URL."""

    def open_(name: str = "mes", *, of: Ledger = ledger, **settings: Any) -> Channel:
        where = settings if "folder" in settings else {"url": mes.url, "timeout_s": 5, **settings}
        return open_channel(name, ChannelSettings.model_validate(where), of.results)

    return open_
