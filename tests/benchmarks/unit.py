"""One unit on a virtual chip: `python -m tests.benchmarks.unit [--baud N] [--runs N] [--latency-ms N] [--json]`.

Walks the benchmark set (1.4 MB that deflate to 0.9 MB) onto new units at one baud rate, then the last unit once more.
The wire's limit
is what its regions need on the wire: compressed bytes × 10 / baud; the time counts from the first sync to the end of `verify`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
from pathlib import Path
from typing import Final

import yaml

from station.chip.chip import Chip, SyncOutcome
from station.chip.lane_port import LanePort
from station.ledger import Ledger
from station.line.packing import pack_static
from station.line.passage import Passage
from station.line.walk import walk_unit
from station.profile import prepare_recipe
from station.verdict import Step, Verdict
from station.virtual.bench import Bench
from station.virtual.images import make_bench_images
from tests.batch_csv import write_batch_csv

PRODUCT_KEY: Final = "a1Benchmark"
COUNTED: Final = (Step.DETECT, Step.IDENTIFY, Step.ALLOCATE, Step.WRITE, Step.VERIFY)


def write_profile(folder: Path, baud: int) -> Path:
    """Lay out the benchmark's images and a profile for them."""
    make_bench_images(folder / "images")
    profile = {
        "schema": 1,
        "name": "benchmark",
        "product_key": PRODUCT_KEY,
        "chip": "esp32",
        "flash_size": "4MB",
        "baud": [baud],
        "firmware": {
            "version": "1.0.0",
            "images": [
                {"file": "images/benchmark/bootloader.bin", "at": 0x1000},
                {"file": "images/benchmark/partition-table.bin", "at": 0x8000},
                {"file": "images/benchmark/app.bin", "at": "factory"},
            ],
        },
        "credentials": {"preset": "esp-aliyun"},
        "checks": {"boot": {"expect": "station-app ready", "within": "20s"}},
    }
    path = folder / "benchmark.yaml"
    path.write_text(yaml.safe_dump(profile), encoding="utf-8")
    return path


def measure(folder: Path, baud: int, runs: int, latency_s: float) -> dict[str, object]:
    """Walk `runs` new units and the last one again; give seconds, the wire's limit and their ratio."""
    recipe = prepare_recipe(write_profile(folder, baud))
    static = pack_static(recipe)
    limit_s = sum(len(packed.blob) for packed in static) * 10 / baud
    write_batch_csv(folder / "bench.csv", PRODUCT_KEY, runs + 1)
    steps: list[dict[str, float]] = []
    with Ledger.open(folder / "data") as ledger, Bench(folder / "units", 1, reply_latency_s=latency_s) as bench:
        batch = ledger.import_batch(folder / "bench.csv").batch
        port = LanePort.open(bench.ports[0], threading.Event())
        chip = Chip(port)
        mac = None
        for run in range(runs + 1):
            again = run == runs
            mac = bench.insert(1, mac if again else None)
            if chip.sync() is not SyncOutcome.READY:
                raise SystemExit("the virtual unit does not answer")
            passage = Passage(
                lane=1,
                port=bench.ports[0],
                chip=chip,
                recipe=recipe,
                static=static,
                batch=batch,
                operator="bench",
                ledger=ledger,
                report=lambda _event: None,
            )
            verdict = walk_unit(passage)
            if verdict.verdict is not Verdict.PASS:
                raise SystemExit(f"the virtual unit did not pass: {verdict.code} {verdict.message}")
            steps.append({step: float(str(seconds)) for step, seconds in passage.timings.items()})
        port.release()
    totals = [sum(taken[step] for step in COUNTED) for taken in steps]
    new = statistics.median(totals[:-1])
    return {
        "baud": baud,
        "latency_ms": latency_s * 1000,
        "wire_limit_s": round(limit_s, 2),
        "new_unit_s": round(new, 2),
        "of_wire_limit": round(limit_s / new, 3),
        "slowest_s": round(max(totals[:-1]), 2),
        "same_unit_again_s": round(totals[-1], 2),
        "steps_s": {str(step): round(statistics.median(taken[step] for taken in steps[:-1]), 2) for step in COUNTED},
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baud", type=int, default=921600)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=1.0, help="the adapter's reply latency")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unit-benchmark-") as folder:
        figures = measure(Path(folder), options.baud, options.runs, options.latency_ms / 1000)
    if options.json:
        print(json.dumps(figures))  # noqa: T201  its output is what it is for
        return
    for name, value in figures.items():
        print(f"{name:20} {value}")  # noqa: T201  as above


if __name__ == "__main__":
    main()
