"""How long the audit log takes to export and to verify, and how much memory: `python -m tests.benchmarks.audit`.

Each measured step runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import cast, get_args

from station.ledger import Ledger
from station.ledger.audit_export import ExportFormat
from station.ledger.audit_verify import verify_export
from tests.benchmarks.ledger import peak_memory_mb, working_folder

EVENTS_A_TRANSACTION = 10_000


def fill(data: Path, events: int) -> None:
    """Make a ledger whose events are those of real runs in kind and size."""
    with Ledger.open(data) as ledger:
        for first in range(0, events, EVENTS_A_TRANSACTION):
            with ledger._changing() as change:
                for number in range(first, min(first + EVENTS_A_TRANSACTION, events)):
                    unit = number // 15
                    change.trail.append(
                        "step",
                        lane=1 + unit % 8,
                        operator="Li",
                        mac=f"24:0a:c4:{unit >> 16 & 255:02x}:{unit >> 8 & 255:02x}:{unit & 255:02x}",
                        device_name=f"plug-{unit:08}",
                        batch="smart-plug-2026-11",
                        data={"run": unit, "step": "write", "state": "done", "seconds": 4.125, "code": None},
                    )


def measure(step: str, folder: Path, form: ExportFormat) -> dict[str, object]:
    """Do one step, give its seconds and its peak memory."""
    out = folder / f"audit.{form}"
    begun = time.perf_counter()
    if step == "export":
        with Ledger.open(folder / "data") as ledger:
            events = ledger.export_audit(out, form).events
    else:
        found = verify_export(out)
        if found.flaw is not None:
            raise SystemExit(found.message)
        events = found.events
    seconds = time.perf_counter() - begun
    size_mb = out.stat().st_size / 1e6
    return {"step": step, "form": form, "events": events, "s": seconds, "peak_mb": peak_memory_mb(), "file_mb": size_mb}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to work")
    parser.add_argument("--step", choices=["export", "verify"], help=argparse.SUPPRESS)
    parser.add_argument("--form", choices=get_args(ExportFormat), default="jsonl", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(measure(options.step, options.folder, options.form)))  # noqa: T201  its output is what it is for
        return
    with working_folder(options.folder) as folder:
        fill(folder / "data", options.events)
        for form in get_args(ExportFormat):
            for step in ("export", "verify"):
                command = [sys.executable, "-m", "tests.benchmarks.audit", "--step", step, "--form", cast("str", form)]
                done = subprocess.run([*command, "--folder", str(folder)], capture_output=True, text=True, check=True)
                print(done.stdout.strip(), flush=True)  # noqa: T201  as above


if __name__ == "__main__":
    main()
