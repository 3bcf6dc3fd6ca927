"""`python -m tests.benchmarks.lanes [--lanes N]... [--certificates N] [--small] [--json]`: many lanes beside one alone.

The virtual chips are in processes of their own, on the same machine; they run no application, which silicon does without this PC's
processor. A lane's time is from `identify` to the end of `verify`; all begin in the same instant.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from station.events import Event, StepReported
from station.ledger import Ledger
from station.line.lane import LaneInfo, LanePlan
from station.line.line import Line
from station.line.shift import Shift
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe
from station.verdict import Step, StepState, Verdict
from station.virtual.bench import Bench
from tests.batch_csv import write_batch_csv
from tests.benchmarks.unit import FULL_SET, PRODUCT_KEY, SMALL_SET, write_profile

BAUD: Final = 921_600
COUNTED: Final = (Step.IDENTIFY, Step.ALLOCATE, Step.WRITE, Step.VERIFY)
LIMIT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Together:
    """So many lanes at once, each with a new unit. `of_alone` is the time of one lane alone ÷ the slowest lane's.

    `cpu_share` is this process's CPU ÷ the time from the first step to the last verdict.
    """

    lanes: int
    passed: int
    p50_s: float
    max_s: float
    of_alone: float
    cpu_share: float


class _Stopwatch:
    """Adds up the counted steps of each lane."""

    def __init__(self) -> None:
        self.seconds: dict[int, float] = {}
        self._lock = threading.Lock()

    def hear(self, event: Event) -> None:
        if isinstance(event, StepReported) and event.state is StepState.DONE and event.step in COUNTED:
            with self._lock:
                self.seconds[event.lane] = self.seconds.get(event.lane, 0.0) + event.seconds


def walk_together(shift: Shift, folder: Path, lanes: int, alone_s: float | None = None) -> Together:
    """Walk one new unit on each lane."""
    with Bench(folder / f"units-{lanes}-{alone_s}", lanes, runs_applications=False) as bench:
        for lane in range(1, lanes + 1):
            # A MAC of its own for each unit of all benches: the ledger takes one that comes again for rework.
            bench.insert(lane, f"24:0a:c4:{lanes:02x}:{0 if alone_s is None else 1:02x}:{lane:02x}")
        plans = [LanePlan(LaneInfo(n, port), units=1) for n, port in enumerate(bench.ports, start=1)]
        line, watch = Line(shift, plans, operator="bench"), _Stopwatch()
        verdicts: list[Verdict] = []
        line.subscribe(watch.hear)
        line.subscribe(lambda event: verdicts.append(event.verdict) if hasattr(event, "verdict") else None)
        cpu, began = time.process_time(), time.monotonic()
        line.start()
        ended = line.join(LIMIT_S)
        cpu_share = (time.process_time() - cpu) / (time.monotonic() - began)
        if not line.stop(20.0) or not ended:
            raise SystemExit("a lane did not end")
    slowest = max(watch.seconds.values(), default=float("nan"))
    return Together(
        lanes,
        verdicts.count(Verdict.PASS),
        statistics.median(watch.seconds.values()),
        slowest,
        1.0 if alone_s is None else alone_s / slowest,
        cpu_share,
    )


def measure(images: str, lanes: list[int], certificates: int) -> list[Together]:
    """Walk one lane alone, then each number of lanes together, on one ledger."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        recipe: Recipe = prepare_recipe(write_profile(folder, images, BAUD, is_started=False))
        # In a process of its own: what making a million certificates takes is not the station's memory.
        maker = multiprocessing.get_context("spawn").Process(
            target=write_batch_csv, args=(folder / "bench.csv", PRODUCT_KEY, certificates)
        )
        maker.start()
        maker.join()
        with Ledger.open(folder / "data") as ledger:
            shift = Shift(recipe, ledger, ledger.import_batch(folder / "bench.csv").batch, None, None)
            alone = walk_together(shift, folder, 1)
            return [alone, *(walk_together(shift, folder, count, alone.p50_s) for count in lanes)]


def peak_memory_mb() -> float | None:
    """Give the most memory that this process has had, import of the batch included; None where the system does not tell."""
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415  not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lanes", type=int, action="append", help="once for each number (default: 8, 16, 32)")
    parser.add_argument("--certificates", type=int, default=1_000)
    parser.add_argument("--small", action="store_true", help="a small set of images")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(SMALL_SET if options.small else FULL_SET, options.lanes or [8, 16, 32], options.certificates)
    memory = peak_memory_mb()
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "peak_memory_mb": memory}))  # noqa: T201  its output is what it is for
        return
    lines = [f"{'lanes':>5} {'passed':>6} {'p50 s':>7} {'max s':>7} {'of alone':>8} {'CPU':>5}"]
    lines += [
        f"{row.lanes:>5} {row.passed:>6} {row.p50_s:>7.2f} {row.max_s:>7.2f} {row.of_alone:>8.0%} {row.cpu_share:>5.0%}"
        for row in rows
    ]
    print("\n".join(lines))  # noqa: T201  as above
    if memory is not None:
        print(f"\n{memory:.0f} MB at most, with a batch of {options.certificates} certificates.")  # noqa: T201  as above


if __name__ == "__main__":
    main()
