"""`python -m tests.benchmarks.trouble [--units N] [--json]`: what a lane loses beside one in trouble; at last beside all at once.

Small units at 3M baud, from the moment one is put in to its verdict. Virtual chips are in this process: what they cost counts too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from dataclasses import asdict
from pathlib import Path

from station.profile.prepare import prepare_recipe
from tests.end_to_end.quick_line import opened_shift
from tests.end_to_end.quick_units import make_product
from tests.line.trouble import GoodUnits, Trouble, make_units_beside

CERTIFICATES = 2_000


def measure(units: int) -> dict[str, GoodUnits]:
    """Make `units` alone and beside each trouble, on one ledger."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        recipe = prepare_recipe(make_product(Path(name)))
        with opened_shift(recipe, Path(name), CERTIFICATES) as shift:
            rows = {str(trouble): make_units_beside(shift, [trouble], units) for trouble in Trouble}
            return {**rows, "all of them": make_units_beside(shift, list(Trouble), units)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(options.units)
    if options.json:
        print(json.dumps({name: asdict(row) | {"lost_s": row.lost_s} for name, row in rows.items()}))  # noqa: T201  its output is what it is for
        return
    lines = [f"{'':64} {'alone p50':>9} {'max':>6} {'beside p50':>11} {'max':>6} {'lost s':>7}"]
    lines += [
        f"{name:64} {statistics.median(row.alone_s):>9.2f} {max(row.alone_s):>6.2f} "
        f"{statistics.median(row.beside_s):>11.2f} {max(row.beside_s):>6.2f} {row.lost_s:>7.2f}"
        for name, row in rows.items()
    ]
    print("\n".join(lines))  # noqa: T201  as above


if __name__ == "__main__":
    main()
