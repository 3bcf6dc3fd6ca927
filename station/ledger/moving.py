"""Moves a ledger from its data folder to a factory's server: all or nothing, and at no instant do two of it give out certificates.

Three commits, so that a kill at any instant leaves one that works or none, and the same call again goes on:
the copy, which nobody may open yet; the source, which nobody may change any more; the copy, which opens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Table, delete, insert, select

from station.errors import Code, LedgerFault, UsageError
from station.ledger.audit import Change, Changes
from station.ledger.database import Database, choose_dialect
from station.ledger.event_kind import EventKind
from station.ledger.migrating import migrate, require_not_newer, stored_revision
from station.ledger.move_proof import Content, Progress, Steps, count_rows, require_sound, unsound
from station.ledger.moved import ARRIVING, MOVED_TO
from station.ledger.opening import ID_FILE, ledger_meta
from station.ledger.processes import ProcessToken
from station.ledger.proof import Proof
from station.ledger.revisions import HEAD
from station.ledger.run_rows import OPEN_RUNS
from station.ledger.schema import AUDIT_EVENTS, AUDIT_HEADS, LEDGER_META, METADATA
from station.ledger.sqlite_moved import close_for_good
from station.ledger.sqlite_reading import LEDGER_FILE

_SHOWN_LANES: Final = 5


@dataclass(frozen=True, slots=True)
class MoveResult:
    """Where the ledger is, its rows by table, and its audit chains' last events; `was_there`: nothing had to be copied."""

    place: str
    was_there: bool
    rows: Mapping[str, int]
    heads: Mapping[str, int]


class Moving:
    """Moves an open ledger away."""

    def __init__(self, source: Database, changing: Changes, processes: ProcessToken, proof: Proof) -> None:
        self._source = source
        self._changing = changing
        self._processes = processes
        self._proof = proof

    def to(self, url: str, *, operator: str, progress: Progress | None = None) -> MoveResult:
        """Copy everything to an empty database, prove it there, and close this ledger for good. UsageError, LedgerFault.

        Stations that have this ledger open wait meanwhile, and are told afterwards where it is. `progress` hears rows.
        """
        target = _target_of(url)
        try:
            with self._source.dialect.importing(), self._changing() as change:
                self._require_no_unit_at_work(change.connection)
                rows = self._copied(change, target, operator, Steps(progress, change.connection))
                _leave(change.connection, target.dialect.place)
            _admit(target)
            with target.reading() as connection:
                return MoveResult(target.dialect.place, False, rows, _heads(connection, AUDIT_HEADS.c.number))
        finally:
            target.close()

    def _require_no_unit_at_work(self, connection: Connection) -> None:
        """Whoever is in a fixture gets a verdict first: the ledger could not take it any more."""
        lanes = [
            f"lane {run.lane} of {run.station}"
            for run in connection.execute(OPEN_RUNS)
            if self._processes.is_alive(run.process)
        ]
        if lanes:
            more = f" and {len(lanes) - _SHOWN_LANES} more" if len(lanes) > _SHOWN_LANES else ""
            raise LedgerFault(
                Code.LEDGER_BUSY,
                f"units are at work: {', '.join(lanes[:_SHOWN_LANES])}{more}",
                "Put no new unit in, wait for their verdicts, and give the command again; nothing was moved",
                self._source.dialect.place,
            )

    def _copied(self, change: Change, target: Database, operator: str, steps: Steps) -> dict[str, int]:
        """Write into the log that it goes, and all of it to the server; give the rows by table."""
        place = target.dialect.place
        change.trail.append(EventKind.LEDGER_MOVED, operator=operator, data={"to": place})
        self._proof.sign(change, "moved")
        source = change.connection
        require_sound(source, self._source.dialect.place, steps)
        with target.writing() as connection:
            target.dialect.hold(connection, "schema")
            _require_room(connection, ledger_meta(source)["ledger_id"], place)
            migrate(connection)
            contents = _transfer(self._source, source, target, connection, steps)
            for table, content in contents.items():
                if Content(table).of(connection, steps) != content:
                    raise LedgerFault(
                        Code.LEDGER_UNREADABLE,
                        f"table {table.name} did not arrive as it was",
                        "Nothing was moved: look at the server's disk and log, then give the command again",
                        place,
                    )
            require_sound(connection, place, steps)
            connection.execute(insert(LEDGER_META).values(key=ARRIVING, value=change.now))
        return {table.name: content[0] for table, content in contents.items()}


def source_of_move(url: str | None, data: Path) -> tuple[Path, str]:
    """Give the data folder and the address of the ledger that is to move, by default that of `data`; UsageError."""
    file = data / LEDGER_FILE
    if url is not None:
        text = url.removeprefix("sqlite:").removeprefix("///")
        if not url.startswith("sqlite:") or not text or text.startswith("//"):
            raise UsageError("a ledger moves from a file only", "Write it as sqlite:///FILE", "--from")
        file = Path(text)
    if not file.is_file():
        raise UsageError("there is no ledger", "Name its file with --from sqlite:///FILE", str(file))
    folder = file.parent if (file.parent / ID_FILE).exists() else data
    return folder, URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


def finish_move(source_url: str, url: str) -> MoveResult | None:
    """For a ledger that was moved: see that all of it is there, and open the copy if that was left. None when it was not moved.

    UsageError when it was moved elsewhere, or cannot be moved there; LedgerFault when something is missing there.
    """
    target = _target_of(url)
    try:
        meta, heads = _told_by(source_url)
        with target.reading() as connection:
            if MOVED_TO not in meta:
                _require_room(connection, meta.get("ledger_id", ""), target.dialect.place)
                return None
            found = ledger_meta(connection) if stored_revision(connection) == HEAD else {}
            if found.get("ledger_id") != meta["ledger_id"]:
                raise UsageError(
                    f"the ledger was moved to {meta[MOVED_TO]}, and is not in this database",
                    "Name that one with --to",
                    target.dialect.place,
                )
            for station, last in heads.items():
                _require_event(connection, station, last, target.dialect.place)
        if ARRIVING in found:
            _admit(target)
        with target.reading() as connection:
            rows = {table.name: count_rows(connection, table) for table in METADATA.sorted_tables}
            return MoveResult(target.dialect.place, True, rows, _heads(connection, AUDIT_HEADS.c.number))
    finally:
        target.close()


def _told_by(source_url: str) -> tuple[dict[str, str], dict[str, str]]:
    """Give what a ledger says about itself, and the hashes of its chains' last events; nothing of an empty one."""
    source = Database(choose_dialect(source_url, Path(), read_only=True))
    try:
        with source.reading() as connection:
            if stored_revision(connection) is None:
                return {}, {}
            return ledger_meta(connection), _heads(connection, AUDIT_HEADS.c.hash)
    finally:
        source.close()


def _transfer(
    source: Database, reading: Connection, target: Database, writing: Connection, steps: Steps
) -> dict[Table, tuple[int, int]]:
    """Copy table by table as the schema says; give what each held."""
    from station.ledger.postgresql_copy import Receiver  # noqa: PLC0415  its library is an optional extra

    receiver = Receiver(writing, target.dialect.translate)
    contents = {table: Content(table) for table in METADATA.sorted_tables}
    receiver.open()
    for table, content in contents.items():
        receiver.take(table, content.passing(source, reading, steps))
    receiver.close()
    return {table: content.seen for table, content in contents.items()}


def _target_of(url: str) -> Database:
    dialect = choose_dialect(url, Path(), read_only=False)
    if not dialect.is_shared:
        raise UsageError("a ledger moves to a server only", "Write it as postgresql://owner@host/database", "--to")
    return Database(dialect)


def _require_room(connection: Connection, ledger_id: str, place: str) -> None:
    """UsageError unless the database is empty, or holds a copy of this ledger that nobody has worked with."""
    revision = stored_revision(connection)
    require_not_newer(revision)
    if revision is None:
        return
    meta = ledger_meta(connection)
    if meta.get("ledger_id") != ledger_id:
        raise UsageError(
            "the database holds another ledger already",
            "Make an empty one, `createdb NAME`, and name it with --to",
            place,
        )
    if ARRIVING not in meta:
        raise UsageError(
            "the ledger is there already and in use, and this one, a copy of before, would put it back",
            "Work with it: --ledger or STATION_LEDGER; keep this file as a backup",
            place,
        )


def _require_event(connection: Connection, station: str, wanted: str, place: str) -> None:
    events = AUDIT_EVENTS.c
    query = select(events.number).where(events.station == station, events.hash == wanted)
    if connection.execute(query).first() is None:
        raise unsound(f"the last event that {station} wrote before the move is missing", place)


def _leave(connection: Connection, place: str) -> None:
    connection.execute(insert(LEDGER_META).values(key=MOVED_TO, value=place))
    close_for_good(connection, place)


def _admit(target: Database) -> None:
    with target.writing() as connection:
        connection.execute(delete(LEDGER_META).where(LEDGER_META.c.key == ARRIVING))


def _heads(connection: Connection, column: Any) -> dict[str, Any]:
    return {row[0]: row[1] for row in connection.execute(select(AUDIT_HEADS.c.station, column))}
