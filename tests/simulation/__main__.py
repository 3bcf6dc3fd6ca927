"""`python -m tests.simulation --seed N` replays one seed; `--seeds N` runs many, `--sweep` every fault at every point."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from tests.simulation.many import chunks, run_chunk
from tests.simulation.plan import FaultKind
from tests.simulation.run import simulate
from tests.simulation.sweep import whole_sweep


def main() -> int:
    """Run what was asked for; 1 when an invariant did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, help="replay this one")
    what.add_argument("--seeds", type=int, help="run this many")
    what.add_argument("--sweep", action="store_true", help="every fault at every point of a small plan")
    parser.add_argument("--first", type=int, default=0, help="first seed of many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--failures", type=int, default=5, help="stop after so many failing runs")
    given = parser.parse_args()
    if given.seed is not None:
        outcome = simulate(given.seed)
        print(outcome.plan, outcome, sep="\n")  # noqa: T201  this is a command's output
        return int(outcome.violation is not None)
    begun = time.perf_counter()
    done, failed, struck = 0, 0, Counter[FaultKind]()
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        plans = list(whole_sweep()) if given.sweep else range(given.first, given.first + given.seeds)
        for future in as_completed([pool.submit(run_chunk, part) for part in chunks(plans)]):
            count, failures, kinds = future.result()
            done, failed = done + count, failed + len(failures)
            struck += kinds
            for report in failures:
                print(report, end="\n\n", flush=True)  # noqa: T201  this is a command's output
            if failed >= given.failures:
                pool.shutdown(cancel_futures=True)
                break
    seconds = time.perf_counter() - begun
    print(f"{done} runs in {seconds:.0f} s, {failed} failed")  # noqa: T201  this is a command's output
    print(", ".join(f"{kind} {times}" for kind, times in struck.most_common()))  # noqa: T201  this is a command's output
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
