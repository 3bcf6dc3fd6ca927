"""Going on with a ledger that was restored from an older backup, without handing out what may have been used since.

Certificates are handed out in the order of their batch, so what the gap may have used stands among the next ones of each batch:
these become void. What was merely set aside for a unit is bound to it for ever, because its first bytes may have left the PC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select

from station.certificate import CertificateState
from station.errors import UsageError
from station.ledger.audit import Change, storable
from station.ledger.batches import batch_row
from station.ledger.certificates import (
    certificate_by_id,
    move_certificate,
    next_certificate,
    shown_fingerprint,
    void_certificate,
)
from station.ledger.event_kind import EventKind
from station.ledger.head_record import Gap
from station.ledger.records import JsonValue
from station.ledger.run_rows import OPEN_RUNS
from station.ledger.schema import BATCHES, CERTIFICATES, RUNS

EVENTS_BEFORE_FIRST_BYTE: Final = 4
"""run_begun, unit_identified, certificate_allocated, certificate_installing: no certificate is used by fewer."""
EVENTS_OF_AN_OPEN_RUN: Final = 2


@dataclass(frozen=True, slots=True)
class AcceptedGap:
    """What was accepted: the gap, how many certificates of each batch were skipped, which units were bound for ever."""

    gap: Gap
    skipped: Mapping[str, int]
    bound: tuple[str, ...]


def allocations_in(missing: int, open_runs: int) -> int:
    """Give the largest number of certificates that so many missing events can have used."""
    quick = min(open_runs, missing // EVENTS_OF_AN_OPEN_RUN)
    return quick + (missing - quick * EVENTS_OF_AN_OPEN_RUN) // EVENTS_BEFORE_FIRST_BYTE


def default_skip(connection: Connection, gap: Gap) -> int | None:
    """Give how many certificates of each batch to skip; None when the gap's size cannot be known."""
    if gap.missing is None:
        return None
    waiting = (
        select(func.count()).select_from(RUNS).where(RUNS.c.finished_at.is_(None), RUNS.c.certificate_id.is_(None))
    )
    return allocations_in(gap.missing, int(connection.execute(waiting).scalar_one()))


def accept_gap(
    change: Change, gap: Gap, *, reason: str, operator: str, skip: int | None, is_alive: Callable[[str], bool]
) -> AcceptedGap:
    """Write that somebody goes on with this ledger, skip what may be used, bind what was set aside; UsageError."""
    text = required(reason, operator)
    count = default_skip(change.connection, gap) if skip is None else skip
    if count is None:
        raise UsageError(
            "how many events are missing cannot be known, so neither how many certificates were used",
            "Say with --skip N how many certificates of each batch may have been used since the backup; "
            "--skip 0 when none was",
        )
    if any(is_alive(run.process) for run in change.connection.execute(OPEN_RUNS)):
        raise UsageError("a station works with this ledger", "End it, then accept the gap")
    data: dict[str, JsonValue] = {
        "of_station": gap.station,
        "recorded": gap.recorded,
        "found": gap.found,
        "missing": gap.missing,
        "skip": count,
        "reason": text,
    }
    change.trail.append(EventKind.GAP_ACCEPTED, operator=operator, data=data)
    bound = bind_set_aside(change, operator)
    return AcceptedGap(gap, skip_in_every_batch(change, count, reason=text, operator=operator), bound)


def skip_in_every_batch(change: Change, count: int, *, reason: str, operator: str) -> dict[str, int]:
    """Void the next `count` available certificates of each batch; give how many there were in which."""
    names = change.connection.execute(select(BATCHES.c.name).order_by(BATCHES.c.id)).scalars().all()
    return {name: skip_certificates(change, name, count, reason=reason, operator=operator) for name in names}


def skip_certificates(change: Change, batch: str, count: int, *, reason: str, operator: str) -> int:
    """Void the next `count` available certificates of a batch; give how many there were. UsageError when it is unknown."""
    text = required(reason, operator)
    batch_id = batch_row(change.connection, batch).id
    done = 0
    while done < count and (row := next_certificate(change.connection, batch_id)) is not None:
        void_certificate(change, row, reason=f"may have been used after the backup: {text}", operator=operator)
        done += 1
    change.trail.append(
        EventKind.CERTIFICATES_SKIPPED, operator=operator, batch=batch, data={"skipped": done, "reason": text}
    )
    return done


def bind_set_aside(change: Change, operator: str, of_station: str | None = None) -> tuple[str, ...]:
    """Move what is merely allocated to installing: in the gap its first bytes may have gone into that unit."""
    query = select(CERTIFICATES.c.id).where(CERTIFICATES.c.state == CertificateState.ALLOCATED.value)
    if of_station is not None:
        query = query.join(RUNS, RUNS.c.id == CERTIFICATES.c.run_id).where(RUNS.c.station == of_station)
    names = []
    for found in change.connection.execute(query).all():
        row: Any = certificate_by_id(change.connection, found.id)
        move_certificate(change, row, CertificateState.INSTALLING, mac=row.mac, run_id=row.run_id)
        change.trail.append(
            EventKind.CERTIFICATE_INSTALLING,
            operator=operator,
            mac=row.mac,
            device_name=row.device_name,
            batch=row.batch,
            data={
                "run": row.run_id,
                "product_key": row.product_key,
                "fingerprint": shown_fingerprint(row),
                "from": row.state,
                "to": CertificateState.INSTALLING.value,
                "reason": "may have been written after the backup",
            },
        )
        names.append(str(row.device_name))
    return tuple(names)


def required(reason: str, operator: str) -> str:
    """Give the reason as it is stored; UsageError without reason or operator."""
    if not reason.strip():
        raise UsageError("this is done only with a reason", "Say why with --reason")
    if not operator.strip():
        raise UsageError("this is done only by somebody", "Say who with --operator")
    return storable(reason.strip())
