"""How long reports and the move to a server take at size, and how much memory: `python -m tests.benchmarks.history [--rows N]`.

A ledger of N certificates, N finished runs and N audit events. Each measured step runs in a process of its own, so that its peak
memory is its own; what the server needs is not in it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from station.ledger import Ledger
from station.reports.page import report_page
from station.reports.report import make_report
from station.reports.run_table import write_csv as write_runs_csv
from station.reports.run_table import write_parquet
from station.texts import Texts
from tests.benchmarks.audit import fill as fill_audit_log
from tests.benchmarks.ledger import peak_memory_mb, take_one, working_folder, write_csv
from tests.ledger.postgresql_server import new_database, running_server

BATCH: Final = "bench"
STEPS: Final = ("html", "csv", "parquet", "migrate")
_COPIES: Final = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?)
INSERT INTO runs (station, process, lane, port, profile, firmware_version, batch_id, operator, started_at, finished_at, mac, chip,
 certificate_id, last_step, verdict, code, message, seconds, data)
SELECT station, process, 1 + n % 16, port, profile, firmware_version, runs.batch_id, operator,
 strftime('%Y-%m-%dT%H:%M:%fZ', started_at, '+' || (n * 2) || ' seconds'),
 strftime('%Y-%m-%dT%H:%M:%fZ', finished_at, '+' || (n * 2) || ' seconds'),
 printf('24:0a:c5:%02x:%02x:%02x', n >> 16, n >> 8 & 255, n & 255), chip, c.id, last_step,
 iif(n % 20, verdict, 'FAIL'), iif(n % 20, NULL, 'F' || (30 + n % 3)), message, seconds,
 '{"timings_s":{"detect":0.1,"identify":0.4,"allocate":0.01,"write":9.5,"verify":0.1,"start":2.5,"online":1.5}}'
FROM numbers JOIN certificates c ON c.position = n + 1, runs WHERE runs.id = 1
"""


def fill(folder: Path, rows: int) -> None:
    """Make the ledger: one run by the station itself, the others copied from it."""
    csv_file = folder / "bench.csv"
    write_csv(csv_file, rows)
    with Ledger.open(folder / "data") as ledger:
        ledger.import_batch(csv_file, name=BATCH)
        take_one(ledger, BATCH, 1, 1)
        with ledger._database.writing() as connection:
            connection.exec_driver_sql(_COPIES, (rows,))
    fill_audit_log(folder / "data", rows)


def measure(step: str, folder: Path) -> dict[str, object]:
    """Do one step, give its seconds and its peak memory."""
    out = folder / f"out.{step}"
    with ExitStack() as open_things:
        server = open_things.enter_context(running_server(is_safe=True)) if step == "migrate" else ""
        ledger = open_things.enter_context(Ledger.open(folder / "data"))
        begun = time.perf_counter()
        match step:
            case "migrate":
                ledger.moving.to(new_database(server), operator="bench")
            case "html":
                out.write_text(report_page(make_report(ledger, BATCH), Texts("en")), encoding="utf-8")
            case "csv":
                write_runs_csv(ledger, BATCH, out)
            case _:
                write_parquet(ledger, BATCH, out)
        seconds = time.perf_counter() - begun
    size_mb = out.stat().st_size / 1e6 if out.exists() else None
    return {"step": step, "s": seconds, "peak_mb": peak_memory_mb(), "file_mb": size_mb}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to work")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(measure(options.step, options.folder)))  # noqa: T201  its output is what it is for
        return
    with working_folder(options.folder) as folder:
        fill(folder, options.rows)
        for step in STEPS:
            command = [sys.executable, "-m", "tests.benchmarks.history", "--step", step, "--folder", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            print(done.stdout.strip(), flush=True)  # noqa: T201  as above


if __name__ == "__main__":
    main()
