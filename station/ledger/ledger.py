"""The ledger: batches, certificates, units, runs and the audit log of one data folder. Threads may share one object.

Each method is one transaction, its audit events within it (I3). What it changed is on the disk when it returns, except for
`begin_run`, `identify_run`, `allocate` and `record_step`: whatever they changed before the credentials leave the PC is on the disk
when `begin_installing` returns, and the rest when `finish_run` does. Until then a power cut may take it back, a kill never.
All raise LedgerFault when the database, its key or its disk fails; `recorder` keeps what a server does not take of a run it knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from station.certificate import Identity, Secret
from station.errors import Code, LedgerFault, UsageError
from station.ledger import batches as _batches
from station.ledger import carried as _carried
from station.ledger import runs as _runs
from station.ledger import units as _units
from station.ledger.allocated import Allocated
from station.ledger.audit import Change, Trail, iso_utc, newest_events, read_events, storable, utc_now
from station.ledger.audit_export import ExportFormat, ExportOrder, write_export
from station.ledger.audit_filters import NO_FILTERS, Filters
from station.ledger.backup import BackupResult, back_up, note_backup
from station.ledger.certificates import has_secret, left_in_batch
from station.ledger.database import Then
from station.ledger.dispositions import Dispositions
from station.ledger.gap import AcceptedGap, skip_certificates
from station.ledger.heads import SignedHead
from station.ledger.held_bauds import HeldBauds
from station.ledger.importing import Importing, ImportRequest
from station.ledger.key_source import KeySource
from station.ledger.key_sources import AskPassphrase, nobody_to_ask
from station.ledger.moving import Moving
from station.ledger.opening import Opened, open_data_folder
from station.ledger.operators import Operators
from station.ledger.orders import Orders
from station.ledger.platform_notes import PlatformNotes
from station.ledger.printed_labels import PrintedLabels
from station.ledger.processes import ProcessToken
from station.ledger.proof import Proof, open_proof
from station.ledger.records import (
    Allocation,
    AuditEvent,
    BatchSummary,
    CarriedCertificate,
    CarriedDecision,
    CarriedFinding,
    CertificateRow,
    ExportResult,
    ImportResult,
    JsonValue,
    RunRow,
    StepRecord,
    UnitStory,
    VerdictRecord,
)
from station.ledger.rekey import Rekeying, RekeyResult
from station.ledger.results import Results
from station.ledger.run_events import run_event
from station.ledger.run_history import RunHistory
from station.ledger.run_recorder import RunRecorder
from station.ledger.run_rows import find_runs, unfinished_runs
from station.ledger.serial_numbers import SerialNumbers
from station.ledger.server_history import ServerHistory
from station.ledger.shared_key import SharedKey
from station.ledger.whole_file import refuse_existing
from station.ledger.work_orders import WorkOrders, place_taken
from station.unit import ChipIdentity
from station.verdict import Step, StepState, Verdict

NO_DATA: Final[Mapping[str, JsonValue]] = MappingProxyType({})


class Ledger:
    """Open with `Ledger.open`; close it, or use it as a context manager."""

    def __init__(self, opened: Opened, processes: ProcessToken, clock: Callable[[], datetime], proof: Proof) -> None:
        self._database = opened.database
        self._data, self._keys = opened.data, opened.keys
        self._processes = processes
        self._clock, self.station = clock, opened.station
        reading = self._database.reading
        self.operators = Operators(reading, self._changing)
        self._importing = Importing(self._database, self._keys, self._changing)
        self.orders = Orders(reading, self._changing, self._importing, self._keys)
        self.dispositions = Dispositions(reading, self._changing, processes)
        aside = partial(self._database.writing, durable=False)
        self.held_bauds = HeldBauds(reading, aside, opened.station)
        self.results = Results(reading, aside, opened.station, clock)
        self.platform_notes = PlatformNotes(self._changing)
        self.serial_numbers = SerialNumbers(reading, self._changing, processes)
        self.work_orders = WorkOrders(reading, self._changing)
        self.history = RunHistory(reading)
        self.shared_key = SharedKey(self._changing, self._keys)
        self.moving = Moving(self._database, self._changing, processes, proof)
        self.printed_labels = PrintedLabels(reading, self._changing)
        self.proof = proof
        self.server = ServerHistory(self._database, self._changing, proof, opened.station)
        self.recorder = RunRecorder(opened, self._changing, clock, proof, self.server)

    @classmethod
    def open(
        cls,
        data: Path,
        *,
        url: str | None = None,
        clock: Callable[[], datetime] = utc_now,
        read_only: bool = False,
        ask: AskPassphrase = nobody_to_ask,
        despite_gap: bool = False,
    ) -> Self:
        """Open the ledger of a data folder; the first start makes it with its key. LedgerFault, UsageError.

        `ask` gets the passphrase from a person, for a ledger that is opened with one. A ledger that is older than the
        station's record of it is refused (LEDGER_BEHIND) unless `despite_gap`: then `proof.gap` tells what is missing.
        """
        opened = open_data_folder(data, url, clock, read_only=read_only, ask=ask)
        proof = open_proof(opened, lambda: iso_utc(clock()), read_only=read_only, despite_gap=despite_gap)
        ledger = cls(opened, opened.database.process_token(data / "processes"), clock, proof)
        try:
            ledger.recorder.record_earlier()
        except BaseException:
            ledger.close()
            raise
        return ledger

    def close(self) -> None:
        """Close every connection; runs still under way count as interrupted from now on."""
        self.recorder.close()
        self.proof.keep_up()
        self._processes.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def rekey(
        self,
        to: KeySource | None = None,
        *,
        ask: AskPassphrase = nobody_to_ask,
        operator: str = "",
        progress: Callable[[int, int], None] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> RekeyResult:
        """Give the ledger a new key (from another source with `to`), or finish a change that was broken off.

        Lanes go on meanwhile. `ask` gets a new passphrase; `progress` hears rows done and rows in all. UsageError.
        """
        return Rekeying(self._data, self._keys, self._changing, pause).run(to, ask, operator, progress)

    def import_batch(
        self,
        csv_path: Path,
        *,
        name: str | None = None,
        product_key: str | None = None,
        work_order: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ImportResult:
        """Import the console's CSV, clear or sealed for this station, all or nothing; the same file again changes nothing.

        `product_key` is the product that the file must be of. `progress` hears bytes done and bytes in all.
        BatchError names every bad line (up to 20); UsageError for a name that cannot be one.
        """
        request = ImportRequest(name, product_key, work_order)
        return self._importing.csv(csv_path, self._data, request, progress)

    def batches(self) -> list[BatchSummary]:
        """Give every batch with its counts, oldest first."""
        with self._database.reading() as connection:
            return _batches.batch_summaries(connection)

    def batch(self, name: str) -> BatchSummary:
        """Give one batch with its counts; UsageError with the nearest name when it is unknown."""
        with self._database.reading() as connection:
            return _batches.batch_summaries(connection, name)[0]

    def certificates(self, batch: str, limit: int = 100, offset: int = 0) -> list[CertificateRow]:
        """Give certificates of a batch in the order of its CSV, without secrets; UsageError."""
        with self._database.reading() as connection:
            return _batches.certificates_in(connection, batch, limit, offset)

    def left(self, batch: str) -> int:
        """Count the available certificates of a batch; UsageError."""
        with self._database.reading() as connection:
            return left_in_batch(connection, _batches.batch_row(connection, batch).id)

    def begin_run(
        self,
        *,
        lane: int,
        port: str,
        profile: str,
        firmware_version: str,
        batch: str,
        operator: str,
        work_order: str | None = None,
    ) -> int:
        """Begin a run and give its number; UsageError when the batch is unknown."""
        process = self._processes.take()

        def write(change: Change) -> int:
            values = {
                "station": self.station,
                "process": process,
                "lane": lane,
                "port": storable(port),
                "profile": storable(profile),
                "firmware_version": storable(firmware_version),
                "batch_id": _batches.batch_row(change.connection, batch).id,
                "operator": storable(operator),
                "work_order": work_order,
            }
            return _runs.begin_run(change, self._processes, self.recorder.knows, values, batch)

        return self.recorder.begin(process, write)

    def identify_run(self, run_id: int, chip: ChipIdentity) -> bool:
        """Say which unit the run has; True when it was here before. A run of it that a crash left open is ended (ABORTED, A02).

        ChipError UNIT_ON_OTHER_LANE when a living lane has the same MAC.
        """
        return self.recorder.patiently(
            lambda change: _runs.identify_run(change, self._processes, run_id, chip), durable=False, urgent=False
        )

    def bind_carried(self, run_id: int, carried: CarriedCertificate) -> CarriedFinding:
        """Say what is known of what the unit carries; the ledger hands that to nobody else from now on (`carried`)."""
        with self._changing() as change:
            return _carried.bind_carried(change, self._processes, self._keys, run_id, carried)

    def allocate(self, run_id: int, decided: CarriedDecision | None = None) -> Allocation:
        """Give the unit its certificate: what was `decided`, what it holds, else the next; NoCertificateLeft, WorkOrderComplete."""

        def act(change: Change) -> Allocated:
            self.server.require_cleared(change.connection)
            run, ahead = _runs.open_run_with_candidates(change, run_id)
            with place_taken(change, self._processes, run):
                given = _carried.allocate_as_decided(change, self._processes, run, decided, ahead)
                self._keys.box_of(change.connection, given.row.key_id)  # without its key nothing is given
                return given

        return self.recorder.hand_out(act)

    def begin_installing(self, run_id: int) -> None:
        """Bind the certificate to the unit for ever. Call it before the first byte of the certificate leaves the PC.

        When it returns, all that the run did so far is on the disk. CertificateHeld when it was made void meanwhile.
        """
        self.recorder.patiently(lambda change: _runs.begin_installing(change, run_id))
        self.proof.keep_up()

    def record_step(
        self,
        run_id: int,
        step: Step,
        state: StepState,
        seconds: float,
        data: Mapping[str, JsonValue] = NO_DATA,
        code: Code | None = None,
    ) -> None:
        """Write a step's event; `data` must be JSON and hold no secret (a `Secret` raises TypeError)."""
        self.recorder.step(run_id, StepRecord(step, state, seconds, data, code))

    def record_note(self, run_id: int | None, kind: str, data: Mapping[str, JsonValue], *, operator: str = "") -> None:
        """Write an event of another kind, about a run's unit or (None) about the station."""
        with self._changing() as change:
            if run_id is None:
                change.trail.append(kind, operator=operator, data=data)
            else:
                run_event(change, _runs.open_run(change, run_id), kind, {"run": run_id, **data})

    def finish_run(
        self,
        run_id: int,
        verdict: Verdict,
        *,
        seconds: float,
        code: Code | None,
        message: str,
        data: Mapping[str, JsonValue] = NO_DATA,
        activated: bool = False,
    ) -> None:
        """Record the verdict with the certificate: PASS makes it installed, or activated; one that never left is free again."""
        self.recorder.finish(run_id, VerdictRecord(verdict, seconds, code, message, data, activated))

    def unfinished_runs(self) -> list[RunRow]:
        """Give runs without a verdict whose process is dead, and this ledger's own; oldest first."""
        with self._database.reading() as connection:
            return unfinished_runs(connection, self._processes)

    def runs(
        self, limit: int = 50, mac: str | None = None, device_name: str | None = None, since: datetime | None = None
    ) -> list[RunRow]:
        """Give runs, newest first; `since`: those begun from then on."""
        with self._database.reading() as connection:
            begun = iso_utc(since) if since else None
            return find_runs(connection, limit=limit, mac=_units.parsed(mac), device_name=device_name, since=begun)

    def unit(self, subject: str) -> UnitStory:
        """Give everything about a unit, by MAC, serial number or DeviceName; UsageError when it is unknown."""
        with self._database.reading() as connection:
            return _units.unit_story(connection, subject)

    def void(self, mac_or_device_name: str, *, reason: str, operator: str) -> CertificateRow:
        """Take a unit's live certificate out of use for ever; UsageError when it is not one, or in a lane's hands."""
        with self._changing() as change:
            return _units.void(change, self._processes, mac_or_device_name, reason=reason, operator=operator)

    def has_secret(self, identity: Identity, secret: Secret) -> bool:
        """Say whether this is the certificate's DeviceSecret; compared by fingerprint, nothing is opened."""
        with self._database.reading() as connection:
            return has_secret(connection, self._keys.box, identity, secret)

    def audit_events(
        self,
        *,
        mac: str | None = None,
        device_name: str | None = None,
        batch: str | None = None,
        operator: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditEvent]:
        """Give events in the order they were written; use it up or close it, it holds a connection."""
        with self._database.reading() as connection:
            begin, end = iso_utc(since) if since else None, iso_utc(until) if until else None
            wanted = Filters(begin, end, batch, _units.parsed(mac), device_name, operator)
            yield from read_events(connection, wanted)

    def newest_events(self, limit: int) -> list[AuditEvent]:
        """Give the last events, newest first."""
        with self._database.reading() as connection:
            return newest_events(connection, limit)

    def sign_head(self, reason: str) -> SignedHead | None:
        """Sign the audit chain as it stands, and note it outside the database; None in a ledger opened for reading."""
        with self._changing() as change:
            head = self.proof.sign(change, reason)
        self.proof.keep_up()
        return head

    def export_audit(
        self,
        out: Path,
        format: ExportFormat = "jsonl",  # noqa: A002  the word that people type
        *,
        force: bool = False,
        filters: Filters = NO_FILTERS,
    ) -> ExportResult:
        """Write events to a file that proves itself, whole or not at all; UsageError when it is there and not `force`."""
        refuse_existing(out, force=force)
        head = self.sign_head("export")
        if head is None or self.proof.signer is None:
            raise UsageError("an export is signed, and this ledger was opened for reading", "Open it for writing")
        order = ExportOrder(out, format, filters, head, self.proof.signer.key, iso_utc(self._clock()))
        with self._database.reading() as connection:
            return write_export(connection, order)

    def accept_gap(self, *, reason: str, operator: str, skip: int | None = None) -> AcceptedGap:
        """Go on with a ledger that is older than the station's record, see `station.ledger.gap`; UsageError."""
        done = self.proof.accept_gap(self._changing, self._processes, reason=reason, operator=operator, skip=skip)
        with suppress(LedgerFault):  # it is accepted; whoever asks for the server next records what is kept
            self.recorder.record_earlier()
        return done

    def skip_certificates(self, batch: str, count: int, *, reason: str, operator: str) -> int:
        """Void the next available certificates of a batch that may have been used elsewhere; give how many. UsageError."""
        with self._changing() as change:
            return skip_certificates(change, batch, count, reason=reason, operator=operator)

    def back_up(self, out: Path, progress: Callable[[int, int], None] | None = None) -> BackupResult:
        """Copy the ledger to a new file while lanes work; `progress` hears pages done and pages in all. UsageError."""
        result = back_up(self._database, out, progress)
        with self._changing() as change:
            note_backup(change, out, result)
        return result

    @contextmanager
    def _changing(self, *, durable: bool = True, urgent: bool = False, then: Then | None = None) -> Iterator[Change]:
        """One transaction that writes, with the trail that closes in it; see `Database.writing`."""
        with self._database.writing(durable=durable, urgent=urgent, then=then) as connection:
            now = iso_utc(self._clock())
            dialect, signed_in, signer = self._database.dialect, self.operators.signed_in, self.proof.signer
            trail = Trail(connection, dialect, self.station, now, signed_in, signer, self.proof.last_seen)
            yield Change(connection, now, trail, dialect, self._processes.is_mine)
            trail.close()
        if trail.written is not None:
            self.proof.committed(trail.written, durable=durable)
