"""A factory at its ledger: `python -m tests.benchmarks.factory [STATIONS [UNITS [TAKES_A_SECOND]]]` runs that many station
processes on one server; at a rate each station takes at moments of its own, without one all of them take without a pause.

Each station walks its units through the ledger without a chip: begins all, allocates for all, installs and finishes all; each
phase begins at once on all stations. A take is `allocate`.
"""

from __future__ import annotations

import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from station.ledger import Ledger
from station.ledger.sealed_batch import recipient_of
from station.ledger.shared_key import take_key
from station.verdict import Verdict
from tests.ledger.making import begin, write_csv
from tests.ledger.postgresql_server import new_database, running_server

STATIONS = 64
UNITS = 500
GOAL_TAKES_A_SECOND = 1000
GOAL_P99_MS = 25.0


def work(
    data: Path,
    url: str,
    batch: str,
    begin_at: int,
    units: int,
    answers: Queue[list[tuple[str, float]]],
    gate: Barrier | None = None,
    every_s: float = 0.0,
) -> None:
    """Walk units, one begun `every_s` seconds; answer with the DeviceName and the seconds of each take.

    At the `gate` all stations wait for each other.
    """

    def together() -> None:
        if gate is not None:
            gate.wait()

    taken = []
    with Ledger.open(data, url=url) as ledger:
        together()
        runs = [begin(ledger, unit, lane=unit + 1, batch=batch) for unit in range(begin_at, begin_at + units)]
        together()
        began, moments = time.perf_counter(), random.Random(begin_at)  # noqa: S311  the same at every run
        for number, run in enumerate(runs):
            time.sleep(max(0.0, began + (number + moments.random()) * every_s - time.perf_counter()))
            begun = time.perf_counter()
            device_name = ledger.allocate(run).certificate.identity.device_name
            taken.append((device_name, time.perf_counter() - begun))
        together()
        for run in runs:
            ledger.begin_installing(run)
            ledger.finish_run(run, Verdict.PASS, seconds=1.0, code=None, message="")
        together()
    answers.put(taken)


def measure(stations: int, units: int, rate: float = 0.0) -> None:
    """Start server and stations, and print what came of it."""
    with tempfile.TemporaryDirectory() as folder, running_server(is_safe=True) as server:
        here, url = Path(folder), new_database(server)
        every_s = stations / rate if rate else 0.0
        with Ledger.open(here / "first", url=url) as first:
            first.import_batch(write_csv(here / "batch.csv", range(stations * units)))
            for number in range(stations):
                data = here / f"s{number}"
                data.mkdir()
                # Of names by chance two of 64 would be the same in one run of thirty, and all others wait for that station.
                (data / "station.yaml").write_text(f"station: line-{number}\n", encoding="utf-8")
                first.shared_key.seal_for(recipient_of(data), data / "sealed.age", operator="Wang")
                take_key(data / "sealed.age", data)
            context = multiprocessing.get_context("spawn")
            answers: Queue[list[tuple[str, float]]] = context.Queue()
            gate = context.Barrier(stations + 1)
            processes = [
                context.Process(
                    target=work, args=(here / f"s{n}", url, "batch", n * units, units, answers, gate, every_s)
                )
                for n in range(stations)
            ]
            for process in processes:
                process.start()
            moments = [_passed(gate) for _ in range(4)]
            by_station = [answers.get() for _ in processes]
            for process in processes:
                process.join()
            left = first.left("batch")
    taken = [one for of_station in by_station for one in of_station]
    times_ms = sorted(1000 * one for _, one in taken)
    tenth = max(1, units // 10)
    first_ms, last_ms = (
        1000 * statistics.median(seconds for of_station in by_station for _, seconds in of_station[some])
        for some in (slice(tenth), slice(-tenth, None))
    )
    twice = [name for name, count in Counter(name for name, _ in taken).items() if count > 1]
    pace = f"{rate:g} takes a second" if rate else "all at once without a pause"
    p50, p99 = times_ms[len(times_ms) // 2], times_ms[int(len(times_ms) * 0.99)]
    sys.stdout.write(
        f"{stations} stations × {units} units, {pace}, on the server's own PC\n"
        f"takes alone: {len(taken) / (moments[2] - moments[1]):.0f}/s (goal {GOAL_TAKES_A_SECOND}); "
        f"whole units: {len(taken) / (moments[3] - moments[0]):.0f}/s\n"
        f"a take: median {p50:.1f} ms, 99th percentile {p99:.1f} ms (goal {GOAL_P99_MS:.0f} ms);"
        f" median of each station's first tenth {first_ms:.1f} ms, of its last {last_ms:.1f} ms\n"
        f"taken twice: {len(twice)}, left: {left}\n"
    )
    sys.exit(1 if twice or left else 0)


def _passed(gate: Barrier) -> float:
    gate.wait()
    return time.perf_counter()


if __name__ == "__main__":
    asked = [int(text) for text in sys.argv[1:]]
    measure(*[*asked, *(STATIONS, UNITS, 0)[len(asked) :]])
