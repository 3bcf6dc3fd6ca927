"""Fills a ledger with the runs of a made shift, through the ledger's own door and with a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from station.errors import Code
from station.ledger import Ledger
from station.verdict import Verdict
from tests.ledger.making import chip_of, write_csv

BEGAN = datetime(2026, 11, 24, 8, tzinfo=UTC)
STEPS_S = {"identify": 0.5, "allocate": 0.02, "write": 10.0, "verify": 0.25, "start": 1.5}


class MadeShift:
    """A ledger whose clock the test moves. Batch `batch`, profile `plug` 1.4.2."""

    def __init__(self, data: Path, certificates: int) -> None:
        self.now = BEGAN
        self.ledger = Ledger.open(data, clock=lambda: self.now)
        self.ledger.import_batch(write_csv(data.parent / "batch.csv", range(1, certificates + 1)), work_order="WO-1")

    def run(
        self,
        unit: int | None,
        verdict: Verdict = Verdict.PASS,
        code: Code | None = None,
        *,
        lane: int = 1,
        operator: str = "Li",
        at_s: float | None = None,
        seconds: float = 12.0,
        message: str = "",
    ) -> None:
        """Take a unit (None: one that cannot say who it is) through a run that begins `at_s` after the shift's begin."""
        if at_s is not None:
            self.now = BEGAN + timedelta(seconds=at_s)
        run = self.ledger.begin_run(
            lane=lane, port=f"COM{lane}", profile="plug", firmware_version="1.4.2", batch="batch", operator=operator
        )
        if unit is not None:
            self.ledger.identify_run(run, chip_of(unit))
            self.ledger.allocate(run)
            self.ledger.begin_installing(run)
        self.now += timedelta(seconds=seconds)
        data = {"timings_s": {step: time * seconds / 12 for step, time in STEPS_S.items()}}
        self.ledger.finish_run(run, verdict, seconds=seconds, code=code, message=message, data=data)


@contextmanager
def made_shift(data: Path, certificates: int = 60) -> Iterator[MadeShift]:
    """Give a shift in a new data folder, and close its ledger."""
    shift = MadeShift(data, certificates)
    try:
        yield shift
    finally:
        shift.ledger.close()
