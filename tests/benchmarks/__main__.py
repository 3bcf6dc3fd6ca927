"""`python -m tests.benchmarks [--quick] [--runs N] [--json]`: the station beside the esptool command line, on virtual units.

Both write the same regions to the same virtual chip at 921600 baud in the same run. The wire's limit is compressed bytes
× 10 / baud. The full set is 1.4 MB; `--quick` takes a small one, once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.unit import FULL_SET, SMALL_SET, UnitBench, Walked, start_of_python_s, unit_bench

BAUD: Final = 921_600
LATENCIES_MS: Final = (1, 16)
"""A good adapter; an FTDI one with its latency timer as it comes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One case, in seconds, medians and the worst; ours from the reset to the end of `verify`.

    `of_esptool` is ours ÷ esptool's; `of_limit` the wire's limit ÷ ours from the first sync on: a reset is not the wire's.
    """

    case: str
    latency_ms: int
    ours_p50_s: float
    ours_max_s: float
    esptool_p50_s: float
    esptool_max_s: float
    limit_s: float | None
    of_limit: float | None
    of_esptool: float
    cpu_p50_s: float
    steps_p50_s: dict[str, float]


def measure(images: str, runs: int, latencies_ms: tuple[int, ...]) -> list[Row]:
    """Run every case `runs` times by both."""
    rows = []
    for latency_ms in latencies_ms:
        with (
            tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
            unit_bench(Path(folder), images, BAUD, latency_ms / 1000) as bench,
        ):
            new = [bench.walk(new=True) for _ in range(runs)]
            again = [bench.walk(new=False) for _ in range(runs)]
            credentials = [bench.walk(new=False, without_credentials=True) for _ in range(runs)]
            by_esptool = (
                [bench.esptool(new=True) for _ in range(runs)],
                [bench.esptool(new=False) for _ in range(runs)],
                [bench.esptool(new=False, credentials_only=True) for _ in range(runs)],
            )
            rows += [
                _row("new unit", latency_ms, new, by_esptool[0], bench),
                _row("the same unit again", latency_ms, again, by_esptool[1]),
                _row("credentials only", latency_ms, credentials, by_esptool[2]),
            ]
    return rows


def _row(case: str, latency_ms: int, ours: list[Walked], theirs: list[float], bench: UnitBench | None = None) -> Row:
    """`bench` gives the wire's limit of a full unit; the other cases send next to nothing."""
    seconds = [walked.seconds for walked in ours]
    p50, theirs_p50 = statistics.median(seconds), statistics.median(theirs)
    limit = None if bench is None else bench.wire_limit_s
    steps = {step: statistics.median(walked.steps_s[step] for walked in ours) for step in ours[0].steps_s}
    return Row(
        case,
        latency_ms,
        p50,
        max(seconds),
        theirs_p50,
        max(theirs),
        limit,
        None if limit is None else limit / (p50 - steps["sync"]),
        p50 / theirs_p50,
        statistics.median(walked.cpu_s for walked in ours),
        steps,
    )


def table(rows: list[Row]) -> str:
    """Give the rows as text, and below them where the time of one unit goes."""
    lines = [
        f"{'':20} {'latency':>7} {'ours p50':>9} {'max':>6} {'esptool p50':>12} {'max':>6} {'limit':>6} "
        f"{'of limit':>9} {'of esptool':>11} {'CPU':>6}"
    ]
    for row in rows:
        limit = "-" if row.limit_s is None else f"{row.limit_s:.2f}"
        of_limit = "-" if row.of_limit is None else f"{row.of_limit:.0%}"
        lines.append(
            f"{row.case:20} {row.latency_ms:>4} ms {row.ours_p50_s:>9.2f} {row.ours_max_s:>6.2f} {row.esptool_p50_s:>12.2f} "
            f"{row.esptool_max_s:>6.2f} {limit:>6} {of_limit:>9} {row.of_esptool:>11.2f} {row.cpu_p50_s:>6.2f}"
        )
    lines += ["", f"{'seconds by step':20} {'latency':>7} " + " ".join(f"{step:>9}" for step in rows[0].steps_p50_s)]
    lines += [
        f"{row.case:20} {row.latency_ms:>4} ms " + " ".join(f"{taken:>9.2f}" for taken in row.steps_p50_s.values())
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small set, once, one latency: under a minute")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(SMALL_SET, 1, LATENCIES_MS[:1]) if options.quick else measure(FULL_SET, options.runs, LATENCIES_MS)
    start_s = start_of_python_s()
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "esptool_start_s": start_s}))  # noqa: T201  its output is what it is for
        return
    print(table(rows))  # noqa: T201  as above
    print(f"\nOf esptool's seconds {start_s:.2f} are the start of its process.")  # noqa: T201  as above


if __name__ == "__main__":
    main()
