"""Runs as a table for analysts, one row a run: CSV that a spreadsheet opens without harm, or Parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

from station.errors import UsageError
from station.ledger import Ledger
from station.ledger.audit_lines import harmless
from station.verdict import Step

_STEPS: Final = tuple(step for step in Step if step is not Step.RECORD)
COLUMNS: Final = (
    "run",
    "batch",
    "work_order",
    "product_key",
    "station",
    "lane",
    "port",
    "profile",
    "firmware_version",
    "operator",
    "mac",
    "device_name",
    "serial_number",
    "attempt",
    "started_at",
    "finished_at",
    "verdict",
    "code",
    "message",
    "seconds",
    *(f"{step}_s" for step in _STEPS),
)
"""`attempt` counts a unit's runs from 1; times are UTC."""
Cell: TypeAlias = str | int | float | None
_ROWS_AT_ONCE: Final = 20_000


def run_rows(ledger: Ledger, name: str) -> Iterator[dict[str, Any]]:
    """Give each run of a batch as a row, unit by unit; times are datetimes. Use it up or close it."""
    for runs in ledger.history.units(name):
        for attempt, run in enumerate(runs, 1):
            yield {
                "run": run.id,
                "batch": run.batch,
                "work_order": run.work_order,
                "product_key": run.product_key,
                "station": run.station,
                "lane": run.lane,
                "port": run.port,
                "profile": run.profile,
                "firmware_version": run.firmware_version,
                "operator": run.operator,
                "mac": run.mac or None,
                "device_name": run.device_name or None,
                "serial_number": run.serial_number,
                "attempt": attempt,
                "started_at": run.started_at,
                "finished_at": run.at,
                "verdict": run.verdict.value,
                "code": run.code,
                "message": run.message,
                "seconds": run.seconds,
                **{f"{step}_s": run.steps_s.get(step) for step in _STEPS},
            }


def write_csv(ledger: Ledger, name: str, out: Path) -> int:
    """Write the table with a BOM, so that Excel reads Chinese; give the number of rows."""
    count = 0
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for row in run_rows(ledger, name):
            count += 1
            table.writerow([_cell(row[column]) for column in COLUMNS])
    return count


def write_parquet(ledger: Ledger, name: str, out: Path) -> int:
    """Write the table with types, a group of rows at a time; UsageError without pyarrow."""
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra, and half a second
        import pyarrow.parquet as pq  # noqa: PLC0415  as above
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow", "Install it: pip install 'flashing-station[analysis]', or take --format csv"
        ) from None
    moment, whole = pa.timestamp("us", tz="UTC"), {"run": pa.int64(), "lane": pa.int32(), "attempt": pa.int32()}
    kinds = {**whole, "started_at": moment, "finished_at": moment, "seconds": pa.float64()}
    kinds |= {f"{step}_s": pa.float64() for step in _STEPS}
    schema = pa.schema([(column, kinds.get(column, pa.string())) for column in COLUMNS])
    count, rows = 0, run_rows(ledger, name)
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            count += len(some)
            writer.write_table(pa.Table.from_pylist(some, schema=schema))
    return count


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, int | float):
        return value
    return harmless(value if isinstance(value, str) else value.isoformat().replace("+00:00", "Z"))
