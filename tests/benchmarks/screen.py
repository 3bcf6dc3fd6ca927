"""`python -m tests.benchmarks.screen [--lanes N] [--keys N] [--json]`: what the technician's keys wait for while lanes write.

The lanes report as real ones do, from a thread each; keys come from the driver; the terminal's bytes are made.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections.abc import Sequence

from tests.tui.busy_line import Measured, measure

REPORTS = 140
"""Of a write that takes 14 s."""


def _row(name: str, seconds: Sequence[float]) -> dict[str, object]:
    cuts = statistics.quantiles(seconds, n=20)
    figures = {"p50_ms": cuts[9], "p95_ms": cuts[18], "max_ms": max(seconds)}
    return {"what": name, **{key: round(value * 1000, 1) for key, value in figures.items()}}


def rows(seen: Measured) -> list[dict[str, object]]:
    """Give p50, p95 and max of the keys and of the event loop's calls, in milliseconds."""
    return [
        _row("key to paint", [key.seconds for key in seen.keys]),
        _row("call on the screen's thread", seen.calls.wall_s),
        _row("call's CPU time", seen.calls.cpu_s),
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lanes", type=int, default=16)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seen = asyncio.run(measure(options.lanes, reports=REPORTS, ends=lambda _load, keys: keys >= options.keys))
    table = rows(seen)
    load = {
        "seconds": round(seen.seconds, 1),
        "events": seen.load.facts + seen.load.progress,
        "pictures": seen.painted,
        "cpu_share": round(seen.cpu_s / seen.seconds, 2),
    }
    if options.json:
        print(json.dumps({"rows": table, **load}))  # noqa: T201  its output is what it is for
        return
    lines = [f"{'':<30} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8}"]
    lines += [f"{row['what']:<30} {row['p50_ms']:>8} {row['p95_ms']:>8} {row['max_ms']:>8}" for row in table]
    lines.append(f"{', '.join(f'{name} {value}' for name, value in load.items())}")
    print("\n".join(lines))  # noqa: T201  as above


if __name__ == "__main__":
    main()
