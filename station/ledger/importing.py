"""How checked certificates become a batch, in one transaction: from the console's CSV, or from an order on the platform."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert, or_, select

from station.certificate import CertificateState
from station.errors import BatchError, Fault, InternalFault, UsageError
from station.ledger.audit import Change, Changes
from station.ledger.console_csv import FAULTS_MAX, CheckedCsv, CsvRow, check_csv, read_certificates
from station.ledger.csv_bytes import Survey, survey
from station.ledger.database import Database, Dialect
from station.ledger.event_kind import EventKind
from station.ledger.key_ring import KeyRing
from station.ledger.records import ImportResult
from station.ledger.schema import BATCH_COUNTS, BATCHES, CERTIFICATES
from station.ledger.sealed_batch import is_sealed, open_sealed
from station.ledger.secret_box import SecretBox

NAME_MAX: Final = 100
_CHUNK_ROWS: Final = 2000
_BULK_ROWS: Final = 10_000
_CHECK_SHARE: Final = 0.25
"""How much of an import's time the first reading takes."""
IMPORTED_COLUMNS: Final = (
    "batch_id", "position", "product_key", "device_name", "secret_fingerprint", "secrets", "key_id", "extras",
    "changed_at",
)  # fmt: skip
_C = CERTIFICATES.c


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What an import was asked for beside the file."""

    name: str | None
    product_key: str | None
    work_order: str | None


@dataclass(frozen=True, slots=True)
class CertificateSource:
    """Certificates without a fault: `rows` of one product. `title` and `place` name where they come from, in messages."""

    title: str
    place: str
    stem: str
    """What the batch is called when nobody gave it a name."""
    product_key: str
    rows: int
    digest: str
    """Keyed, in hex: equal for the same certificates from the same source."""
    read: Callable[[SecretBox], Generator[CsvRow, None, None]]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some of the source's rows, and the same as they are to stand in the ledger."""

    rows: list[CsvRow]
    fingerprints: list[bytes]
    values: list[tuple[object, ...]]


class NothingNewError(Exception):
    """Every certificate is in the ledger already: the transaction is to be rolled back."""

    def __init__(self, result: ImportResult) -> None:
        super().__init__()
        self.result = result


def check_request(request: ImportRequest) -> None:
    """Raise UsageError for a batch name that could not be shown or told apart."""
    for what, text in (("a batch", request.name), ("a work order", request.work_order)):
        if text is not None and (text != text.strip() or not 1 <= len(text) <= NAME_MAX or not text.isprintable()):
            raise UsageError(
                f"{text[:NAME_MAX]!a} cannot name {what}",
                f"Give 1 to {NAME_MAX} characters without line ends or blanks around them",
            )


class Importing:
    """Brings certificates into a ledger, all or nothing."""

    def __init__(self, database: Database, keys: KeyRing, changing: Changes) -> None:
        self._database = database
        self._keys = keys
        self._changing = changing

    def csv(
        self, path: Path, data: Path, request: ImportRequest, progress: Callable[[int, int], None] | None
    ) -> ImportResult:
        """Import the console's CSV, clear or sealed for the station of this data folder; BatchError, UsageError."""
        check_request(request)
        begun = time.perf_counter()
        content = open_sealed(path, data) if is_sealed(path) else None
        surveyed = survey(path, self._keys.box.digest(), content)
        with self._database.reading() as connection:
            known = _same_source(connection, surveyed.digest, begun)
        if known is None:
            checked = check_csv(surveyed, _part_of(progress, surveyed, 0.0, _CHECK_SHARE))
            _require_product(path, request.product_key, checked.product_key)
            return self.run(_source_of(checked, _part_of(progress, surveyed, _CHECK_SHARE, 1.0)), request, begun)
        _require_product(path, request.product_key, known.product_key)
        return known

    def run(
        self,
        source: CertificateSource,
        request: ImportRequest,
        begun: float,
        also: Callable[[Change, ImportResult], None] | None = None,
    ) -> ImportResult:
        """Import what was checked; `also` is done in the same transaction. BatchError when the ledger contradicts it."""
        try:
            with self._database.dialect.importing(), self._changing() as change:
                result = self._in(change, source, request, begun)
                if also is not None:
                    also(change, result)
        except NothingNewError as nothing_new:
            if also is not None:
                with self._changing() as change:
                    also(change, nothing_new.result)
            return nothing_new.result
        if result.imported > _BULK_ROWS:
            with self._database.outside_transaction() as connection:
                self._database.dialect.after_bulk(connection)
        return result

    def _in(self, change: Change, source: CertificateSource, request: ImportRequest, begun: float) -> ImportResult:
        with self._database.dialect.bulk(change.connection):
            known = _same_source(change.connection, source.digest, begun)
            if known is not None:  # another process was quicker
                raise NothingNewError(known)
            return BatchImport(change, self._database.dialect, self._keys, source, request).run(begun)


def _source_of(checked: CheckedCsv, progress: Callable[[int], None] | None) -> CertificateSource:
    path = checked.surveyed.path
    return CertificateSource(
        path.name,
        str(path),
        _stem(path),
        checked.product_key,
        checked.rows,
        checked.surveyed.digest,
        partial(read_certificates, checked, progress=progress),
    )


def _require_product(path: Path, expected: str | None, found: str) -> None:
    """Raise BatchError for a file of another product than expected."""
    if expected is not None and expected != found:
        mend = "Name the CSV of this product, or use the profile that belongs to the file"
        raise BatchError(
            f"{path.name} holds certificates of product {found}, not of {expected}",
            f"{mend}. Nothing was imported",
            str(path),
        )


def _same_source(connection: Connection, digest: str, begun: float) -> ImportResult | None:
    """Give the result at once when these very certificates were imported before; they need not be read."""
    row = connection.execute(select(BATCHES).where(BATCHES.c.source_digest == digest)).first()
    if row is None:
        return None
    rows = row.source_rows
    return ImportResult(row.name, row.product_key, 0, rows, rows, time.perf_counter() - begun)


def _part_of(
    progress: Callable[[int, int], None] | None, surveyed: Survey, begin: float, end: float
) -> Callable[[int], None] | None:
    """Turn one reading's bytes into its share of the whole import."""
    if progress is None:
        return None
    total_bytes = surveyed.size_bytes

    def heard(done_bytes: int) -> None:
        progress(int(begin * total_bytes + done_bytes * (end - begin)), total_bytes)

    return heard


class BatchImport:
    """One import, inside one transaction."""

    def __init__(
        self, change: Change, dialect: Dialect, keys: KeyRing, source: CertificateSource, request: ImportRequest
    ) -> None:
        self._change = change
        self._key_id, self._box = keys.in_use(change.connection)
        self._source = source
        self._request = request
        self._dialect = dialect
        self._name, self._name_is_taken = self._choose_name()
        self._faults: list[Fault] = []
        self._imported = 0
        self._already_there = 0
        self._first_holder: str | None = None

    def run(self, begun: float) -> ImportResult:
        """Write every new certificate; BatchError when the source contradicts the ledger, NothingNewError."""
        source = self._source
        batch_id = self._make_batch()
        position = 0
        with (
            closing(self._chunks(batch_id)) as chunks,
            ThreadPoolExecutor(1, "import") as reader,  # the database works on one chunk while the next is sealed
        ):
            following = reader.submit(next, chunks, None)
            while len(self._faults) < FAULTS_MAX and (chunk := following.result()) is not None:
                following = reader.submit(next, chunks, None)
                self._write_chunk(batch_id, chunk)
                position += len(chunk.rows)
        if self._faults:
            raise BatchError(
                f"{source.title} contradicts the ledger",
                "Nothing was imported",
                source.place,
                self._faults[:FAULTS_MAX],
            )
        result = ImportResult(
            self._name if self._imported else self._first_holder or self._name,
            source.product_key,
            self._imported,
            self._already_there,
            position,
            time.perf_counter() - begun,
        )
        if not self._imported:
            raise NothingNewError(result)
        if self._name_is_taken:
            raise BatchError(
                f"a batch named {self._request.name} is there already, with other certificates",
                "Give this one another --name. Nothing was imported",
                source.place,
            )
        self._finish(batch_id, position)
        return result

    def _make_batch(self) -> int:
        values = {
            "name": self._name,
            "product_key": self._source.product_key,
            "work_order": self._request.work_order,
            "imported_at": self._change.now,
            "source_name": _shown(self._source.title),
            "source_digest": self._source.digest,
            "source_rows": self._source.rows,
        }
        made = self._change.connection.execute(insert(BATCHES).values(**values)).inserted_primary_key
        if made is None:
            raise InternalFault("the ledger gave a new batch no number")
        return int(made[0])

    def _choose_name(self) -> tuple[str, bool]:
        """Give the batch's name, and whether the name asked for belongs to another batch (told only if it matters)."""
        names = {row.name for row in self._change.connection.execute(select(BATCHES.c.name))}
        if self._request.name is not None:
            taken = self._request.name in names
            return (uuid.uuid4().hex if taken else self._request.name), taken
        stem = _shown(self._source.stem).strip()[:NAME_MAX] or "batch"
        name, number = stem, 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        return name, False

    def _chunks(self, batch_id: int) -> Generator[_Chunk, None, None]:
        """Read the source in parts, each as it is to stand in the ledger."""
        rows = self._source.read(self._box)
        position = 0
        while part := list(islice(rows, _CHUNK_ROWS)):
            yield self._sealed(batch_id, position, part)
            position += len(part)

    def _sealed(self, batch_id: int, position: int, rows: list[CsvRow]) -> _Chunk:
        product_key, box, now = self._source.product_key, self._box, self._change.now
        values: list[tuple[object, ...]] = []
        fingerprints: list[bytes] = []
        for position_in_file, row in enumerate(rows, position + 1):
            fingerprint = box.fingerprint(product_key, row.device_secret)
            fingerprints.append(fingerprint)
            sealed = box.seal(product_key, row.device_name, "DeviceSecret", row.device_secret)
            values.append(
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
        return _Chunk(rows, fingerprints, values)

    def _write_chunk(self, batch_id: int, chunk: _Chunk) -> None:
        written = self._dialect.insert_new(self._change.connection, CERTIFICATES, IMPORTED_COLUMNS, chunk.values)
        self._imported += written
        if written < len(chunk.rows):
            self._explain_skipped(batch_id, chunk.rows, chunk.fingerprints)

    def _other_secrets(self, row: CsvRow) -> str:
        """Give the further secret columns as the rest of a JSON object."""
        fields = row.other_secrets or {}
        return "".join(
            f',{json.dumps(field)}:"{self._box.seal(self._source.product_key, row.device_name, field, clear)}"'
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
                .where(_C.product_key == self._source.product_key, _C.batch_id != batch_id)
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
        self._faults.append(Fault(self._source.title, row.line, cause, mend))

    def _finish(self, batch_id: int, total: int) -> None:
        counts = dict.fromkeys(CertificateState, 0) | {CertificateState.AVAILABLE: self._imported}
        self._change.connection.execute(
            insert(BATCH_COUNTS),
            [
                {"batch_id": batch_id, "state": state.value, "station": "", "quantity": quantity}
                for state, quantity in counts.items()
            ],
        )
        self._change.trail.append(
            EventKind.BATCH_IMPORTED,
            batch=self._name,
            data={
                "product_key": self._source.product_key,
                "work_order": self._request.work_order,
                "source": _shown(self._source.title),
                "source_digest": self._source.digest[:16],
                "total": total,
                "imported": self._imported,
                "already_there": self._already_there,
            },
        )


def _stem(path: Path) -> str:
    """Give a file's name without its ending; of a sealed file without that of the CSV in it too."""
    return Path(path.stem).stem if path.suffix == ".age" else path.stem


def _shown(text: str) -> str:
    """Give a file's name without what could disturb a screen or the database."""
    return "".join(character if character.isprintable() else "?" for character in text)
