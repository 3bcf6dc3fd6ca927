"""What `station doctor` looks at in the ledger."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from station.cli.context import Session
from station.cli.finding import Finding, Health
from station.cli.leads import MAKE_A_LEAD
from station.cli.left_behind import WAITED_FOR_TO_DO, unfinished_units
from station.errors import Code, CodedError
from station.ledger import BatchSummary, EventKind, Ledger
from station.ledger.database import server_of
from station.ledger.key_sources import KEY_FILE
from station.ledger.opening import ID_FILE
from station.ledger.owner_only import may_others, mend_of_rights
from station.ledger.sealed_batch import IDENTITY_FILE
from station.ledger.sqlite_reading import LEDGER_FILE
from station.ledger.station_key import STATION_KEY_FILE
from station.ledger.verdict_spool import VerdictSpool
from station.tui.settings import DEFAULTS

KEY_FILES: Final = ("ledger*.key", STATION_KEY_FILE, IDENTITY_FILE)
MADE: Final = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK_TOLERANCE: Final = timedelta(minutes=2)
BACKUP_DAYS_MAX: Final = 7
BACKUP_LOOK_BACK: Final = timedelta(days=60)


def look_at_ledger(session: Session) -> Iterator[Finding]:
    """The ledger and its keys, what is left in its batches, its last event, its last backup, and broken-off runs."""
    try:
        if session.data.is_file():
            return
        yield from _kept_verdicts(session)
        if session.ledger_url is not None:
            yield from _factory(session.ledger_url)
        elif not any((session.data / name).exists() for name in (LEDGER_FILE, KEY_FILE, ID_FILE)):
            yield Finding("ledger", Health.GOOD, f"none yet in {session.data}; it is made at the first start")
            yield from look_at_clock(None)
            return
        for key in sorted(path for name in KEY_FILES for path in session.data.glob(name)):
            yield from _key_file(key)
        with session.open_ledger(read_only=True) as ledger:
            batches = ledger.batches()
            unfinished = unfinished_units(ledger)
            has_line_lead = ledger.operators.has_line_lead()
            newest = ledger.newest_events(1)
            last_backup = _last_backup(ledger)
            waited_for = ledger.server.missing()
            key_fault = ledger.proof.key_fault
    except CodedError as error:
        yield Finding("ledger", Health.BAD, f"{error.code}: {error.cause}", error.mend)
        return
    except OSError as error:
        yield Finding(
            "ledger", Health.BAD, f"{session.data} cannot be looked at ({error.strerror})", "Give this user the right"
        )
        return
    left = sum(batch.left for batch in batches)
    yield Finding("ledger", Health.GOOD, f"batches: {len(batches)}, certificates left: {left}")
    if key_fault is not None and key_fault.code != Code.KEY_EXPOSED:  # told by the key file
        yield Finding("key file", Health.BAD, f"{key_fault.code}: {key_fault.cause}", key_fault.mend)
    yield from _few_left(session, batches)
    if waited_for:
        seen = (
            "the ledger's server was restored, replaced or taken over, and gives no certificate until these stations have "
            f"looked at it: {', '.join(waited_for)}"
        )
        yield Finding("factory", Health.BAD, seen, WAITED_FOR_TO_DO)
    yield from look_at_clock(newest[0].at if newest else None)
    if batches and session.ledger_url is None:  # a server is backed up by its own means
        yield from _backup(last_backup)
    if not has_line_lead:
        yield Finding(
            "operators",
            Health.ODD,
            "no line lead yet: everybody may void certificates and the like",
            f"Make one: {MAKE_A_LEAD}",
        )
    for one in unfinished:
        yield Finding("unfinished", Health.ODD, one.happened, one.to_do)


def _factory(url: str) -> Iterator[Finding]:
    """Say whether what goes to the server of the factory's ledger can be read on its way."""
    server = server_of(url)
    if server.is_here or server.is_verified:
        yield Finding("factory", Health.GOOD, f"the ledger is at {server.place}")
        return
    how = "may go in clear" if not server.is_encrypted else "is encrypted, but any server is taken for the right one"
    yield Finding(
        "factory",
        Health.ODD,
        f"what goes to the ledger at {server.place} {how}",
        "Add ?sslmode=verify-full&sslrootcert=FILE to --ledger",
    )


def _kept_verdicts(session: Session) -> Iterator[Finding]:
    """What waits here for the factory's server; said without it."""
    with closing(VerdictSpool(session.data)) as spool:
        count = len(spool.all())
    if count:
        yield Finding(
            "kept verdicts",
            Health.ODD,
            f"{count} verdicts wait here for the ledger's server",
            "They are recorded when it is back; at once: station ledger kept --record",
        )


def _few_left(session: Session, batches: Sequence[BatchSummary]) -> Iterator[Finding]:
    try:
        few = session.settings().screen.few_certificates
    except CodedError:
        few = DEFAULTS.few_certificates  # what is wrong with the settings is told already
    for batch in batches:
        if 0 < batch.left <= few:
            seen = f"{batch.name} has {batch.left} certificates left"
            yield Finding(
                "batches", Health.ODD, seen, "Order the next batch: station platform register, or the console"
            )
    if batches and not any(batch.left for batch in batches):
        yield Finding(
            "batches", Health.ODD, "no certificate is left", "Import the next batch: station batch import FILE.csv"
        )


def look_at_clock(last_event: str | None, now: datetime | None = None) -> Iterator[Finding]:
    """The PC's clock, which the log and TLS trust: never before this version of the station, nor before the last event."""
    now = now or datetime.now(UTC)
    mend = "Set date and time from the network: " + (
        "Settings → Time → Sync now" if sys.platform == "win32" else "sudo timedatectl set-ntp true"
    )
    begin = max(MADE, datetime.fromisoformat(last_event) if last_event else MADE)
    if now < begin - CLOCK_TOLERANCE:
        what = "the ledger's last event" if begin != MADE else "when this station was made"
        seen = f"the clock says {now:%Y-%m-%d %H:%M} UTC, which is before {what} ({begin:%Y-%m-%d %H:%M})"
        yield Finding("clock", Health.BAD, seen, mend)
    else:
        yield Finding("clock", Health.GOOD, f"{now:%Y-%m-%d %H:%M} UTC")


def _last_backup(ledger: Ledger) -> datetime | None:
    since = datetime.now(UTC) - BACKUP_LOOK_BACK
    backups = (event.at for event in ledger.audit_events(since=since) if event.kind == EventKind.LEDGER_BACKED_UP)
    return max((datetime.fromisoformat(at) for at in backups), default=None)


def _backup(last: datetime | None) -> Iterator[Finding]:
    days = None if last is None else (datetime.now(UTC) - last).days
    if days is None or days > BACKUP_DAYS_MAX:
        seen = f"the ledger was not backed up in the last {BACKUP_LOOK_BACK.days} days"
        if days is not None:
            seen = f"the ledger's last backup is {days} days old"
        yield Finding("backup", Health.ODD, seen, "Run it each day: station ledger backup FILE, to another disk")
    else:
        yield Finding("backup", Health.GOOD, f"the ledger was backed up {days} days ago")


def _key_file(key: Path) -> Iterator[Finding]:
    mode = key.stat().st_mode
    if may_others(key, mode):
        yield Finding("key file", Health.BAD, f"{key} is open to others ({stat.filemode(mode)})", mend_of_rights(key))
    else:
        yield Finding("key file", Health.GOOD, f"{key} is its owner's alone")
