"""One unit's story, and the line lead's way to take its certificate out of use."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row

from station.certificate import CertificateState
from station.errors import UsageError, Why
from station.ledger.audit import Change, read_events, storable
from station.ledger.audit_filters import Filters
from station.ledger.certificates import certificate_row, certificates_of, void_certificate
from station.ledger.processes import ProcessToken
from station.ledger.records import AuditEvent, CertificateRow, UnitStory
from station.ledger.run_rows import RUN_QUERY, find_runs
from station.ledger.runs import end_interrupted
from station.ledger.schema import RUNS
from station.ledger.serial_numbers import serial_numbers_of
from station.unit import Mac, parse_mac

_STORY_RUNS_MAX = 200


def parsed(text: str | None) -> Mac | None:
    """Give a MAC as the ledger writes it; UsageError when it is none."""
    if text is None:
        return None
    try:
        return parse_mac(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a MAC address", "Write it as 24:0a:c4:5e:10:9c") from None


def find_certificates(connection: Connection, subject: str) -> tuple[str | None, list[Row[Any]]]:
    """Give the unit's MAC and certificates by MAC, serial number or DeviceName (both also as ProductKey/name).

    The MAC is None when `subject` names no unit but a certificate.
    """
    product_key, _, name = subject.rpartition("/")
    try:
        mac: str | None = parse_mac(subject)
    except ValueError:
        mac = _bearer(connection, name, product_key or None)
    named = certificates_of(connection, device_name=name, product_key=product_key or None)
    if mac is None:
        return None, named
    return mac, _each_once(certificates_of(connection, mac=mac), named)  # one unit's name can be another's DeviceName


def find_unit(connection: Connection, subject: str) -> tuple[str | None, list[Row[Any]]]:
    """Give what `find_certificates` does; for a certificate that one unit holds, that unit's MAC and its other ones too."""
    mac, rows = find_certificates(connection, subject)
    holders = {row.mac for row in rows if row.mac is not None}
    if mac is not None or len(holders) != 1:
        return mac, rows
    (holder,) = holders
    return holder, _each_once(rows, certificates_of(connection, mac=holder))


def _each_once(rows: list[Row[Any]], more: list[Row[Any]]) -> list[Row[Any]]:
    known = {row.id for row in rows}
    return rows + [row for row in more if row.id not in known]


def _bearer(connection: Connection, serial_number: str, product_key: str | None) -> str | None:
    """Give the MAC of the unit that bears a serial number, else of the last one that did; UsageError when several do."""
    rows = serial_numbers_of(connection, serial_number=serial_number, product_key=product_key)
    borne = [row for row in rows if row.released_at is None]
    if len(borne) > 1:
        names = ", ".join(f"{row.product_key}/{row.serial_number}" for row in borne)
        raise UsageError(
            f"{serial_number!r} is the serial number of more than one unit",
            f"Name one of them: {names}",
            why=Why.SERIAL_NUMBER_TWICE,
            facts={"serial_number": serial_number},
        )
    return rows[0].mac if rows else None


def unit_story(connection: Connection, subject: str) -> UnitStory:
    """Give everything about a unit; UsageError when neither a run nor a certificate knows it."""
    mac, rows = find_unit(connection, subject)
    certificates = tuple(certificate_row(row) for row in rows)
    device_name = rows[0].device_name if rows and mac is None else None
    runs = find_runs(connection, limit=_STORY_RUNS_MAX, mac=mac, device_name=device_name) if mac or device_name else []
    if not certificates and not runs:
        raise UsageError(
            f"no unit and no certificate is known as {subject!r}",
            "Give the MAC as 24:0a:c4:5e:10:9c, the serial number, or the DeviceName as the CSV has it",
            why=Why.UNKNOWN_UNIT,
            facts={"unit": subject},
        )
    events = tuple(_events(connection, mac, certificates))
    borne = tuple(serial_numbers_of(connection, mac=mac)) if mac else ()
    return UnitStory(mac, certificates, tuple(runs), events, borne)


def _events(connection: Connection, mac: str | None, certificates: tuple[CertificateRow, ...]) -> Iterator[AuditEvent]:
    """Give the events of a MAC; where no unit holds the certificate, those of its DeviceName."""
    if mac is not None:
        return read_events(connection, Filters(mac=mac))
    names = sorted({certificate.identity.device_name for certificate in certificates})
    return chain.from_iterable(read_events(connection, Filters(device_name=name)) for name in names)


def void(change: Change, processes: ProcessToken, subject: str, *, reason: str, operator: str) -> CertificateRow:
    """Make the live certificate of a unit, or one by its DeviceName, void; UsageError when that is not one certificate."""
    if not reason.strip():
        raise UsageError("a certificate is made void only with a reason", "Say why with --reason")
    if not operator.strip():
        raise UsageError("a certificate is made void only by somebody", "Say who with --operator")
    row = _one_to_void(change.connection, subject)
    run = change.connection.execute(
        RUN_QUERY.where(RUNS.c.certificate_id == row.id, RUNS.c.finished_at.is_(None))
    ).first()
    if run is not None:
        if processes.is_alive(run.process):
            raise UsageError(
                f"{row.device_name} is in the hands of lane {run.lane} of station {run.station}: its run {run.id} is not finished",
                "Finish or abort that run first",
            )
        end_interrupted(change, run)
        row = certificates_of(change.connection, device_name=row.device_name, product_key=row.product_key)[0]
    void_certificate(change, row, reason=storable(reason.strip()), operator=operator.strip())
    changed = certificates_of(change.connection, device_name=row.device_name, product_key=row.product_key)
    return certificate_row(changed[0])


def _one_to_void(connection: Connection, subject: str) -> Row[Any]:
    _, rows = find_certificates(connection, subject)
    live = [row for row in rows if row.state != CertificateState.VOID]
    if len(live) == 1:
        return live[0]
    if live:
        names = ", ".join(f"{row.product_key}/{row.device_name}" for row in live)
        raise UsageError(f"{subject!r} means more than one certificate", f"Name one of them: {names}")
    if rows:
        raise UsageError(f"the certificate of {subject!r} is void already", "Nothing has to be done")
    raise UsageError(
        f"no certificate is known as {subject!r}",
        "Give the MAC as 24:0a:c4:5e:10:9c, or the DeviceName as the CSV has it",
    )
