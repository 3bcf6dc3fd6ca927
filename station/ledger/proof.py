"""What a ledger proves itself with: the station's key and signed heads, and the record of its head outside the database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from station.errors import LedgerFault, UsageError
from station.ledger.audit import Change, Changes, Head
from station.ledger.database import Database
from station.ledger.disk import disk_fault
from station.ledger.gap import AcceptedGap, accept_gap, default_skip
from station.ledger.head_record import RECORD_FILE, Gap, HeadRecord
from station.ledger.heads import HeadSigner, SignedHead, has_signed
from station.ledger.opening import Opened
from station.ledger.processes import ProcessToken
from station.ledger.station_key import STATION_KEY_FILE, open_station_key
from station.ledger.station_names import claim_name, is_unknown, refuse_taken_name


class Proof:
    """Belongs to one open ledger. `gap` is what its database lacks; until it is accepted the record stays as it is."""

    def __init__(
        self,
        data: Path,
        database: Database,
        signer: HeadSigner | None,
        record: HeadRecord | None,
        gap: Gap | None,
        key_fault: LedgerFault | None = None,
    ) -> None:
        self._data = data
        self._database = database
        self._record = record
        self.signer = signer
        self.gap = gap
        self.key_fault = key_fault
        """In a ledger opened for reading: why this station could not sign its log, and so will not start."""
        self._newest: Head = (0, "")
        self.last_seen: Head | None = None
        """Where the chain ended after this ledger's last transaction."""

    @property
    def public_key(self) -> str | None:
        """The station's public key as 64 hexadecimal digits; None in a ledger opened for reading."""
        return self.signer.key.public if self.signer is not None else None

    def committed(self, head: Head, *, durable: bool) -> None:
        """Hear of each commit how far the chain has come. Nothing is written yet."""
        self.last_seen = head
        if durable:
            self._newest = max(self._newest, head)

    def keep_up(self) -> None:
        """Note outside the database how far the chain has come."""
        number, event_hash = self._newest
        if self._record is not None and self.signer is not None and self.gap is None and number > 0:
            self._record.follow(self.signer.station, number, event_hash)

    def sign(self, change: Change, reason: str) -> SignedHead | None:
        """Sign the chain with this transaction's events; None while it is empty, or in a ledger opened for reading."""
        change.trail.close()
        number, event_hash = change.trail.head
        if self.signer is None or number == 0:
            return None
        return self.signer.sign(change.connection, number, event_hash, change.now, reason)

    def require_no_gap(self, connection: Connection) -> None:
        """Compare once more: the server may be another than at the opening. LedgerFault LEDGER_BEHIND."""
        gap = self._record.gap(connection) if self._record is not None else None
        if gap is not None:
            raise gap.fault(self._data)

    def skip_proposed(self) -> int | None:
        """Give how many certificates of each batch the gap may have used; None when that cannot be known."""
        if self.gap is None:
            return 0
        with self._database.reading() as connection:
            return default_skip(connection, self.gap)

    def accept_gap(
        self,
        changing: Changes,
        processes: ProcessToken,
        *,
        reason: str,
        operator: str,
        skip: int | None = None,
    ) -> AcceptedGap:
        """Go on with this ledger as it is, see `station.ledger.gap`; UsageError when it lacks nothing, LedgerFault."""
        if self.gap is None:
            raise UsageError("the ledger lacks nothing", "Nothing has to be done")
        with changing() as change:
            done = accept_gap(
                change, self.gap, reason=reason, operator=operator, skip=skip, is_alive=processes.is_alive
            )
        if self._record is not None:
            try:
                with self._database.reading() as connection:
                    self._record.replace(connection)
            except OSError as error:
                raise disk_fault(error, self._data / RECORD_FILE) from None
        self.gap = None
        return done


def open_proof(opened: Opened, now: Callable[[], str], *, read_only: bool, despite_gap: bool) -> Proof:
    """Open key and record of a ledger; LedgerFault, LEDGER_BEHIND when the ledger is older than the record.

    UsageError when the station's name belongs to another station. The database is closed when this fails.
    """
    try:
        return _opened(opened, now, read_only=read_only, despite_gap=despite_gap)
    except OSError as error:
        opened.database.close()
        raise disk_fault(error, opened.data / RECORD_FILE) from None
    except BaseException:
        opened.database.close()
        raise


def _opened(opened: Opened, now: Callable[[], str], *, read_only: bool, despite_gap: bool) -> Proof:
    data, database, station = opened.data, opened.database, opened.station
    with database.reading() as connection:
        record = HeadRecord(data, opened.keys.ledger_id)
        joins = database.dialect.is_shared and not record.knows() and is_unknown(connection, station)
        if database.dialect.is_shared and not record.knows():
            own = open_station_key(data, may_make=False).public if (data / STATION_KEY_FILE).exists() else None
            refuse_taken_name(connection, station, own)
        gap = None if joins else record.gap(connection)
        has_heads = has_signed(connection, station)
    if gap is not None and not despite_gap:
        raise gap.fault(data)
    if read_only:
        return Proof(data, database, None, None, gap, _key_fault(data) if has_heads else None)
    may_make = not has_heads or (data / STATION_KEY_FILE).exists()
    signer = HeadSigner(station, open_station_key(data, may_make=may_make))
    if joins:
        record.begin()  # before the name is claimed: a station without a record is taken for one with a gap
    claim_name(database, signer, now, lacks_nothing=gap is None)
    return Proof(data, database, signer, record, gap)


def _key_fault(data: Path) -> LedgerFault | None:
    try:
        open_station_key(data, may_make=False)
    except LedgerFault as fault:
        return fault
    return None
