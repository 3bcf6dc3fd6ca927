"""A table of the log proves itself as JSON lines do: whatever was done to it first is named, on both forms alike."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from station.ledger import Ledger, canonical_json
from station.ledger.audit_flaws import Flaw
from station.ledger.audit_verify import verify_export
from tests.ledger.test_audit import walk

Rows = list[list[str]]
OPERATOR, KIND, DATA, HASH = 4, 5, 9, 11


def table(ledger: Ledger, path: Path, change: Callable[[Rows], None] = lambda _rows: None) -> Path:
    """Export the log as a table, and do something to its rows."""
    ledger.export_audit(path, "csv", force=True)
    rows = rows_of(path)
    change(rows)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def rows_of(path: Path) -> Rows:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def at(rows: Rows, number: int) -> int:
    return next(index for index, row in enumerate(rows) if row[0] == str(number))


def rehash(row: list[str]) -> None:
    number, when, station, lane, operator, kind, mac, name, batch, data, prev, _ = row
    subject = {"mac": mac or None, "device_name": name or None, "batch": batch or None}
    event: dict[str, Any] = {"number": int(number), "at": when, "station": station, "operator": operator, "kind": kind}
    event |= {"lane": int(lane) if lane else None, "subject": subject, "data": json.loads(data), "prev": prev}
    row[HASH] = hashlib.sha256(canonical_json(event).encode()).hexdigest()


@pytest.fixture
def full(stocked: Ledger) -> Ledger:
    """A ledger of 16 events with a head signed in between."""
    walk(stocked, 1)
    stocked.sign_head("shift_end")
    walk(stocked, 2)
    return stocked


def change_cell(rows: Rows) -> None:
    rows[at(rows, 6)][OPERATOR] = "Wu"


def change_data_and_rehash(rows: Rows) -> None:
    row = rows[at(rows, 6)]
    row[DATA] = row[DATA].replace("allocated", "available")
    rehash(row)


def remove(rows: Rows) -> None:
    del rows[at(rows, 7)]


def insert(rows: Rows) -> None:
    made = [*rows[at(rows, 7)]]
    made[OPERATOR] = "Wu"
    rehash(made)
    rows.insert(at(rows, 7), made)


def repeat(rows: Rows) -> None:
    rows.insert(at(rows, 9), [*rows[at(rows, 4)]])


def swap(rows: Rows) -> None:
    first, second = at(rows, 6), at(rows, 7)
    rows[first], rows[second] = rows[second], rows[first]


def cut(rows: Rows) -> None:
    del rows[at(rows, 12) :]


def cut_but_keep_the_end(rows: Rows) -> None:
    del rows[at(rows, 14) : -1]


@pytest.mark.parametrize(
    ("change", "flaw", "number"),
    [
        (change_cell, Flaw.CHANGED, 6),
        (change_data_and_rehash, Flaw.CHANGED, 6),
        (remove, Flaw.REMOVED, 7),
        (insert, Flaw.INSERTED, 7),
        (repeat, Flaw.INSERTED, 4),
        (swap, Flaw.SWAPPED, 7),
        (cut, Flaw.CUT, 12),
        (cut_but_keep_the_end, Flaw.CUT, 14),
    ],
)
def test_what_was_done_to_a_table_first_is_named(
    full: Ledger, tmp_path: Path, change: Callable[[Rows], None], flaw: Flaw, number: int
) -> None:
    assert verify_export(table(full, tmp_path / "audit.csv")).flaw is None
    found = verify_export(table(full, tmp_path / "audit.csv", change))

    assert (found.flaw, found.number) == (flaw, number), found.message


def test_of_two_flaws_the_first_is_named(full: Ledger, tmp_path: Path) -> None:
    def both(rows: Rows) -> None:
        cut(rows)
        remove(rows)
        change_cell(rows)

    assert verify_export(table(full, tmp_path / "audit.csv", both)).number == 6


@pytest.mark.parametrize("record", ["signed_head", "export_trailer"])
def test_a_table_under_another_key_is_named(full: Ledger, tmp_path: Path, record: str) -> None:
    with Ledger.open(tmp_path / "other") as other:
        foreign = str(other.proof.public_key)

    def change(rows: Rows) -> None:
        row = next(row for row in rows if row[KIND] == record)
        row[DATA] = row[DATA].replace(str(full.proof.public_key), foreign)

    path = table(full, tmp_path / "audit.csv")
    assert verify_export(path, key=foreign).flaw is Flaw.OTHER_KEY
    assert verify_export(table(full, tmp_path / "audit.csv", change)).flaw is Flaw.OTHER_KEY


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_events_from_before_a_restored_backup_are_a_fork(full: Ledger, data: Path, tmp_path: Path, form: str) -> None:
    """Somebody puts what the lost ledger had written after its backup into the log of the one that went on."""
    full.back_up(tmp_path / "backup")
    common = len(list(full.audit_events())) - 1  # the backup was made before the event that tells of it
    walk(full, 3)
    lost = lines(full, tmp_path / "before", form)
    full.close()
    for suffix in ("-wal", "-shm"):
        (data / f"ledger.sqlite3{suffix}").unlink(missing_ok=True)
    shutil.copyfile(tmp_path / "backup", data / "ledger.sqlite3")
    with Ledger.open(data, despite_gap=True) as ledger:
        ledger.accept_gap(reason="disk failed", operator="Wang")
        walk(ledger, 4)
        now = lines(ledger, tmp_path / "after", form)
    first = next(index for index, line in enumerate(now) if number_of(line, form) == common + 1)
    mixed = [*lost[:-1], *now[first:]]
    (tmp_path / "mixed").write_bytes(b"".join(mixed))

    found = verify_export(tmp_path / "mixed")
    assert (found.flaw, found.number) == (Flaw.FORK, common + 1), found.message


def lines(ledger: Ledger, path: Path, form: str) -> list[bytes]:
    ledger.export_audit(path, "csv" if form == "csv" else "jsonl")
    return path.read_bytes().splitlines(keepends=True)


def number_of(line: bytes, form: str) -> int | None:
    text = line.partition(b",")[0] if form == "csv" else str(json.loads(line).get("number", "")).encode()
    return int(text) if text.isdigit() else None
