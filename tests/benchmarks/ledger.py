"""Import and allocation at size: `python -m tests.benchmarks.ledger [--rows N] [--takes N] [--random-names] [--json]`.

Prints the import's seconds and the process's peak memory, then the time of `allocate` at that size (p50, p99): with all lanes
quiet (`alone`); with sixteen that each take a unit a second through all its records, ten times what a line does (`16 paced`); with
sixteen threads that do so without a pause, which only the processor bounds (`16 lanes`). Last, the time of a search for the runs
of a MAC and of a DeviceName (`search`).
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from station.errors import Code
from station.ledger import Ledger, RunRow
from station.unit import ChipIdentity, Mac
from station.verdict import Step, StepState, Verdict

PRODUCT_KEY = "a1B2c3D4e5F"
LANES = 16
SEARCHES = 200


def write_csv(path: Path, rows: int, *, random_names: bool = False, seed: int = 1) -> None:
    """Write certificates as the console gives them: 32 hexadecimal digits a secret; names numbered, or the platform's own."""
    source = random.Random(seed)  # noqa: S311  made-up certificates, the same at every run
    with path.open("w", encoding="utf-8", newline="\r\n") as file:
        file.write("DeviceName,DeviceSecret,ProductKey\n")
        for number in range(rows):
            name = f"{source.getrandbits(80):020x}" if random_names else f"plug-{number:08}"
            file.write(f"{name},{source.getrandbits(128):032x},{PRODUCT_KEY}\n")


def peak_memory_mb() -> float | None:
    """Give this process's peak resident memory, None where the system does not say."""
    try:
        import resource  # noqa: PLC0415  not there on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform != "darwin" else peak / 1024 / 1024


def take_one(ledger: Ledger, batch: str, lane: int, number: int) -> float:
    """Walk one unit through the ledger; give the seconds that `allocate` took."""
    run = ledger.begin_run(
        lane=lane, port=f"COM{lane}", profile="bench", firmware_version="1", batch=batch, operator="bench"
    )
    digits = f"{0x240AC0000000 + number:012x}"
    mac = Mac(":".join(digits[i : i + 2] for i in range(0, 12, 2)))
    ledger.identify_run(run, ChipIdentity("esp32", "ESP32", "3.0", mac, 4 << 20))
    ledger.record_step(run, Step.IDENTIFY, StepState.DONE, 0.1)
    begun = time.perf_counter()
    ledger.allocate(run)
    seconds = time.perf_counter() - begun
    ledger.record_step(run, Step.ALLOCATE, StepState.DONE, 0.1)
    if number % 2:
        ledger.begin_installing(run)
        for step in (Step.WRITE, Step.VERIFY, Step.START):
            ledger.record_step(run, step, StepState.DONE, 0.1)
        ledger.finish_run(run, Verdict.PASS, seconds=1.0, code=None, message="")
    else:
        ledger.finish_run(run, Verdict.FAIL, seconds=1.0, code=Code.UNIT_GONE, message="")
    return seconds


def take_by_lanes(ledger: Ledger, batch: str, takes: int, first: int, every_s: float = 0.0) -> list[float]:
    """Walk `takes` units through the lanes' threads; each begins one `every_s` seconds, at moments of its own."""
    times: list[list[float]] = [[] for _ in range(LANES)]
    began = time.perf_counter()

    def work(lane: int) -> None:
        moments = random.Random(lane)  # noqa: S311  the same at every run
        for number in range(takes // LANES):
            due = began + (number + moments.random()) * every_s
            time.sleep(max(0.0, due - time.perf_counter()))
            times[lane].append(take_one(ledger, batch, lane + 1, first + lane * takes + number))

    threads = [threading.Thread(target=work, args=(lane,)) for lane in range(LANES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [seconds for lane in times for seconds in lane]


def search(ledger: Ledger, run: RunRow) -> Iterator[float]:
    """Look for a run's unit by its MAC and by its DeviceName; give the seconds of each."""
    for key in ("mac", "device_name"):
        began = time.perf_counter()
        found = ledger.runs(**{key: getattr(run, key)})
        yield time.perf_counter() - began
        if not any(row.id == run.id for row in found):
            raise SystemExit(f"run {run.id} was not found by its {key}")


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Give p50, p99 and the worst, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return {"p50_ms": cuts[49] * 1000, "p99_ms": cuts[98] * 1000, "max_ms": max(seconds) * 1000}


@contextmanager
def working_folder(named: Path | None) -> Iterator[Path]:
    """Give an empty folder that is gone afterwards, in the named one, which is made where it is missing."""
    if named is not None:
        named.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="ledger-benchmark-", dir=named))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, rows: int, takes: int, *, random_names: bool) -> dict[str, object]:
    """Import `rows` certificates and take `takes` of them."""
    csv_path = folder / "bench.csv"
    write_csv(csv_path, rows, random_names=random_names)
    with Ledger.open(folder / "data") as ledger:
        result = ledger.import_batch(csv_path, name="bench")
        peak = peak_memory_mb()
        again = ledger.import_batch(csv_path)
        alone = [take_one(ledger, "bench", 1, number) for number in range(takes)]
        paced = take_by_lanes(ledger, "bench", takes // 2, first=2 << 20, every_s=1.0)
        lanes = take_by_lanes(ledger, "bench", takes, first=1 << 20)
        searches = [seconds for run in ledger.runs(SEARCHES) for seconds in search(ledger, run)]
        began = time.perf_counter()
        left = ledger.left("bench")
        left_seconds = time.perf_counter() - began
    return {
        "rows": result.imported,
        "import_s": result.seconds,
        "import_again_s": again.seconds,
        "peak_mb": peak,
        "allocate_alone": percentiles(alone),
        "allocate_16_paced": percentiles(paced),
        "allocate_16_lanes": percentiles(lanes),
        "search": percentiles(searches),
        "left": left,
        "left_ms": left_seconds * 1000,
        "ledger_mb": (folder / "data" / "ledger.sqlite3").stat().st_size / 1e6,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--takes", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="where to work (its disk is what is measured)")
    parser.add_argument("--random-names", action="store_true", help="names as the platform generates them")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with working_folder(options.folder) as folder:
        figures = measure(folder, options.rows, options.takes, random_names=options.random_names)
    if options.json:
        print(json.dumps(figures))  # noqa: T201  its output is what it is for
        return
    for name, value in figures.items():
        shown = ", ".join(f"{k} {v:.2f}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{name:18} {shown:.2f}" if isinstance(shown, float) else f"{name:18} {shown}")  # noqa: T201  as above


if __name__ == "__main__":
    main()
