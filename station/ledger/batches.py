"""Batches in the ledger: what is there, and how a checked CSV becomes certificates in one transaction."""

from __future__ import annotations

import difflib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, or_, select

from station.certificate import CertificateState
from station.errors import BatchError, Fault, InternalFault, UsageError
from station.ledger.audit import Change, EventKind
from station.ledger.certificates import certificate_row
from station.ledger.console_csv import FAULTS_MAX, CheckedCsv, CsvRow, read_certificates
from station.ledger.csv_bytes import Survey
from station.ledger.database import Dialect
from station.ledger.key_ring import KeyRing
from station.ledger.records import BatchSummary, CertificateRow, ImportResult
from station.ledger.schema import BATCH_COUNTS, BATCHES, CERTIFICATES

NAME_MAX: Final = 100
_CHUNK_ROWS: Final = 2000
_COLUMNS: Final = (
    "batch_id", "position", "product_key", "device_name", "secret_fingerprint", "secrets", "key_id", "extras",
    "changed_at",
)  # fmt: skip
_C = CERTIFICATES.c
_BATCH_BY_NAME: Final = select(BATCHES).where(BATCHES.c.name == bindparam("of_name"))


@dataclass(frozen=True, slots=True)
class Order:
    """What an import was asked for beside the file."""

    name: str | None
    product_key: str | None
    work_order: str | None


class NothingNewError(Exception):
    """Every certificate of the file is in the ledger already: the transaction is to be rolled back."""

    def __init__(self, result: ImportResult) -> None:
        super().__init__()
        self.result = result


def check_order(order: Order) -> None:
    """Raise UsageError for a batch name that could not be shown or told apart."""
    for what, text in (("a batch", order.name), ("a work order", order.work_order)):
        if text is not None and (text != text.strip() or not 1 <= len(text) <= NAME_MAX or not text.isprintable()):
            raise UsageError(
                f"{text[:NAME_MAX]!a} cannot name {what}",
                f"Give 1 to {NAME_MAX} characters without line ends or blanks around them",
            )


def require_product(path: Path, expected: str | None, found: str) -> None:
    """Raise BatchError for a file of another product than expected."""
    if expected is not None and expected != found:
        mend = "Name the CSV of this product, or use the profile that belongs to the file"
        raise BatchError(
            f"{path.name} holds certificates of product {found}, not of {expected}",
            f"{mend}. Nothing was imported",
            str(path),
        )


def same_file(connection: Connection, surveyed: Survey, order: Order, begun: float) -> ImportResult | None:
    """Give the result at once when this very file was imported before; its rows need not be read."""
    query = select(BATCHES).where(BATCHES.c.source_digest == surveyed.digest)
    row = connection.execute(query).first()
    if row is None:
        return None
    require_product(surveyed.path, order.product_key, row.product_key)
    rows = row.source_rows
    return ImportResult(row.name, row.product_key, 0, rows, rows, time.perf_counter() - begun)


class BatchImport:
    """One import, inside one transaction."""

    def __init__(self, change: Change, dialect: Dialect, keys: KeyRing, checked: CheckedCsv, order: Order) -> None:
        self._change = change
        self._key_id, self._box = keys.in_use(change.connection)
        self._checked = checked
        self._order = order
        self._path = checked.surveyed.path
        self._dialect = dialect
        self._name, self._name_is_taken = self._choose_name()
        self._faults: list[Fault] = []
        self._imported = 0
        self._already_there = 0
        self._first_holder: str | None = None

    def run(self, progress: Callable[[int], None] | None, begun: float) -> ImportResult:
        """Write every new certificate; BatchError when the file contradicts the ledger, NothingNewError."""
        checked = self._checked
        batch_id = self._make_batch()
        rows = read_certificates(checked, self._box, progress)
        position = 0
        while chunk := list(islice(rows, _CHUNK_ROWS)):
            self._write_chunk(batch_id, position, chunk)
            position += len(chunk)
            if len(self._faults) >= FAULTS_MAX:
                break
        rows.close()
        if self._faults:
            raise BatchError(
                f"{self._path.name} contradicts the ledger",
                "Nothing was imported",
                str(self._path),
                self._faults[:FAULTS_MAX],
            )
        result = ImportResult(
            self._name if self._imported else self._first_holder or self._name,
            checked.product_key,
            self._imported,
            self._already_there,
            position,
            time.perf_counter() - begun,
        )
        if not self._imported:
            raise NothingNewError(result)
        if self._name_is_taken:
            raise BatchError(
                f"a batch named {self._order.name} is there already, with other certificates",
                "Give this one another --name. Nothing was imported",
                str(self._path),
            )
        self._finish(batch_id, position)
        return result

    def _make_batch(self) -> int:
        checked = self._checked
        values = {
            "name": self._name,
            "product_key": checked.product_key,
            "work_order": self._order.work_order,
            "imported_at": self._change.now,
            "source_name": _shown(self._path.name),
            "source_digest": checked.surveyed.digest,
            "source_rows": checked.rows,
        }
        made = self._change.connection.execute(insert(BATCHES).values(**values)).inserted_primary_key
        if made is None:
            raise InternalFault("the ledger gave a new batch no number")
        return int(made[0])

    def _choose_name(self) -> tuple[str, bool]:
        """Give the batch's name, and whether the name asked for belongs to another batch (told only if it matters)."""
        names = {row.name for row in self._change.connection.execute(select(BATCHES.c.name))}
        if self._order.name is not None:
            taken = self._order.name in names
            return (uuid.uuid4().hex if taken else self._order.name), taken
        stem = _shown(_stem(self._path)).strip()[:NAME_MAX] or "batch"
        name, number = stem, 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        return name, False

    def _write_chunk(self, batch_id: int, position: int, chunk: list[CsvRow]) -> None:
        product_key, box, now = self._checked.product_key, self._box, self._change.now
        rows: list[tuple[object, ...]] = []
        fingerprints: list[bytes] = []
        for position_in_file, row in enumerate(chunk, position + 1):
            fingerprint = box.fingerprint(product_key, row.device_secret)
            fingerprints.append(fingerprint)
            sealed = box.seal(product_key, row.device_name, "DeviceSecret", row.device_secret)
            rows.append(
                (
                    batch_id,
                    position_in_file,
                    product_key,
                    row.device_name,
                    fingerprint,
                    f'{{"DeviceSecret":"{sealed}"{self._other_secrets(row) if row.other_secrets else ""}}}',
                    self._key_id,
                    json.dumps(row.extras, ensure_ascii=False) if row.extras else None,
                    now,
                )
            )
        written = self._dialect.insert_new(self._change.connection, CERTIFICATES, _COLUMNS, rows)
        self._imported += written
        if written < len(chunk):
            self._explain_skipped(batch_id, chunk, fingerprints)

    def _other_secrets(self, row: CsvRow) -> str:
        """Give the further secret columns as the rest of a JSON object."""
        fields = row.other_secrets or {}
        return "".join(
            f',{json.dumps(field)}:"{self._box.seal(self._checked.product_key, row.device_name, field, clear)}"'
            for field, clear in fields.items()
        )

    def _explain_skipped(self, batch_id: int, chunk: list[CsvRow], fingerprints: list[bytes]) -> None:
        """Tell rows that are in the ledger already, as they are, from those that contradict it."""
        by_name: dict[str, Any] = {}
        by_secret: dict[bytes, Any] = {}
        for first in range(0, len(chunk), 400):
            part = slice(first, first + 400)
            query = (
                select(_C.device_name, _C.secret_fingerprint, BATCHES.c.name.label("batch"))
                .join(BATCHES, BATCHES.c.id == _C.batch_id)
                .where(_C.product_key == self._checked.product_key, _C.batch_id != batch_id)
                .where(
                    or_(
                        _C.device_name.in_([row.device_name for row in chunk[part]]),
                        _C.secret_fingerprint.in_(fingerprints[part]),
                    )
                )
            )
            for found in self._change.connection.execute(query):
                by_name[found.device_name] = found
                by_secret[found.secret_fingerprint] = found
        for row, fingerprint in zip(chunk, fingerprints, strict=True):
            same_name, same_secret = by_name.get(row.device_name), by_secret.get(fingerprint)
            if same_name is not None and same_name.secret_fingerprint == fingerprint:
                self._already_there += 1
                self._first_holder = self._first_holder or same_name.batch
            elif same_name is not None:
                self._fault(row, f"{row.device_name} is in batch {same_name.batch} already, with another DeviceSecret")
            elif same_secret is not None:
                self._fault(
                    row,
                    f"the DeviceSecret of {row.device_name} belongs to {same_secret.device_name} "
                    f"of batch {same_secret.batch} already",
                )

    def _fault(self, row: CsvRow, cause: str) -> None:
        mend = "Find out which file is right; a device that was deleted and made anew on the platform needs a new DeviceName"
        self._faults.append(Fault(self._path.name, row.line, cause, mend))

    def _finish(self, batch_id: int, total: int) -> None:
        counts = dict.fromkeys(CertificateState, 0) | {CertificateState.AVAILABLE: self._imported}
        self._change.connection.execute(
            insert(BATCH_COUNTS),
            [{"batch_id": batch_id, "state": state.value, "quantity": quantity} for state, quantity in counts.items()],
        )
        self._change.trail.append(
            EventKind.BATCH_IMPORTED,
            batch=self._name,
            data={
                "product_key": self._checked.product_key,
                "work_order": self._order.work_order,
                "source": _shown(self._path.name),
                "source_digest": self._checked.surveyed.digest[:16],
                "total": total,
                "imported": self._imported,
                "already_there": self._already_there,
            },
        )


def batch_row(connection: Connection, name: str) -> Row[Any]:
    """Give a batch's row; UsageError with the nearest name when there is none."""
    row = connection.execute(_BATCH_BY_NAME, {"of_name": name}).first()
    if row is not None:
        return row
    names = [found.name for found in connection.execute(select(BATCHES.c.name).order_by(BATCHES.c.id))]
    if not names:
        mend = "Import one first: station batch import FILE.csv"
    elif near := difflib.get_close_matches(name, names, 1):
        mend = f"Did you mean {near[0]}?"
    else:
        mend = f"There are: {', '.join(names[-5:])}"
    raise UsageError(f"there is no batch named {name!r}", mend)


def batch_summaries(connection: Connection, name: str | None = None) -> list[BatchSummary]:
    """Give all batches, or the one of that name, in the order of their import."""
    query = select(BATCHES).order_by(BATCHES.c.id)
    counts_query = select(BATCH_COUNTS)
    if name is not None:
        row = batch_row(connection, name)
        query = query.where(BATCHES.c.id == row.id)
        counts_query = counts_query.where(BATCH_COUNTS.c.batch_id == row.id)
    counts: dict[int, dict[CertificateState, int]] = {}
    for row in connection.execute(counts_query):
        counts.setdefault(row.batch_id, dict.fromkeys(CertificateState, 0))[CertificateState(row.state)] = row.quantity
    return [_summary(row, counts.get(row.id, {})) for row in connection.execute(query)]


def certificates_in(connection: Connection, name: str, limit: int, offset: int) -> list[CertificateRow]:
    """Give certificates of a batch in the order of its CSV, without secrets."""
    row = batch_row(connection, name)
    query = (
        select(CERTIFICATES, BATCHES.c.name.label("batch"))
        .join(BATCHES, BATCHES.c.id == _C.batch_id)
        .where(_C.batch_id == row.id)
        .order_by(_C.position)
        .limit(limit)
        .offset(offset)
    )
    return [certificate_row(found) for found in connection.execute(query)]


def _stem(path: Path) -> str:
    """Give a file's name without its ending; of a sealed file without that of the CSV in it too."""
    return Path(path.stem).stem if path.suffix == ".age" else path.stem


def _shown(text: str) -> str:
    """Give a file's name without what could disturb a screen or the database."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _summary(row: Row[Any], counts: Mapping[CertificateState, int]) -> BatchSummary:
    return BatchSummary(
        row.name,
        row.product_key,
        row.work_order,
        row.imported_at,
        row.source_name,
        MappingProxyType(dict(counts)),
    )
