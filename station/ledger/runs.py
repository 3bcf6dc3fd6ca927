"""Runs in the ledger: one passage of a unit through a lane, from its begin to its verdict (DESIGN §3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Result, Row, bindparam, insert, select, update

from station.certificate import CertificateState
from station.errors import CertificateHeld, ChipError, Code, InternalFault, NoCertificateLeft, RunLost
from station.ledger.allocated import Allocated
from station.ledger.audit import Change, canonical_json, storable
from station.ledger.certificates import (
    Candidates,
    candidates_ahead,
    certificate_by_id,
    live_certificate,
    move_certificate,
    next_certificate,
)
from station.ledger.event_kind import EventKind
from station.ledger.processes import ProcessToken
from station.ledger.quick import quick
from station.ledger.records import JsonValue, VerdictRecord
from station.ledger.run_events import certificate_event, run_event
from station.ledger.run_rows import OPEN_RUNS, RUN_QUERY
from station.ledger.schema import CERTIFICATES, RUNS
from station.ledger.work_order_places import note_passed
from station.unit import ChipIdentity
from station.verdict import Verdict

INTERRUPTED_MESSAGE: Final = "The station stopped in the middle of this run"
_INTERRUPTED: Final = VerdictRecord(Verdict.ABORTED, None, Code.INTERRUPTED, INTERRUPTED_MESSAGE)
_R = RUNS.c

_BY_ID: Final = quick(RUN_QUERY.where(_R.id == bindparam("of_id")).with_for_update(of=RUNS))
_OPEN_OF_MAC: Final = quick(
    RUN_QUERY.where(
        _R.mac == bindparam("of_mac"), _R.id != bindparam("not_id"), _R.finished_at.is_(None)
    ).with_for_update(of=RUNS)
)
_ATTACH_RUN: Final = quick(
    update(CERTIFICATES).where(CERTIFICATES.c.id == bindparam("of_id")).values(run_id=bindparam("to_run"))
)
_SET_CERTIFICATE: Final = quick(
    update(RUNS).where(_R.id == bindparam("of_id")).values(certificate_id=bindparam("to_id"))
)
_BEGUN: Final = ("station", "process", "lane", "port", "profile", "firmware_version", "batch_id", "operator", "work_order",
    "started_at")  # fmt: skip
_BEGIN: Final = quick(insert(RUNS).values({name: bindparam(f"of_{name}") for name in _BEGUN}).returning(_R.id))
_OPEN_WITHOUT_UNIT: Final = quick(OPEN_RUNS.where(_R.mac.is_(None)))
_SET_UNIT: Final = quick(
    update(RUNS)
    .where(_R.id == bindparam("of_id"))
    .values(mac=bindparam("to_mac"), chip=bindparam("to_chip"), certificate_id=bindparam("to_certificate"))
)
_EARLIER_OF_MAC: Final = quick(
    select(_R.id).where(_R.mac == bindparam("of_mac"), _R.id != bindparam("not_id")).limit(1)
)
_CLOSE: Final = quick(
    update(RUNS)
    .where(_R.id == bindparam("of_id"))
    .values(
        {name: bindparam(f"to_{name}") for name in ("finished_at", "verdict", "code", "message", "seconds", "data")}
    )
)


def find_run(connection: Connection, run_id: int) -> Row[Any] | None:
    """Give a run, held for this transaction; None when there is none of that number."""
    return connection.execute(_BY_ID, {"of_id": run_id}).first()


def open_run(change: Change, run_id: int) -> Row[Any]:
    """Give a run of this process that is under way, held for this transaction; InternalFault when there is none of that number.

    RunLost when a server does not have it any more, or somebody who took this process for dead has ended it.
    """
    return _own_and_open(change, run_id, find_run(change.connection, run_id))


def open_run_with_candidates(change: Change, run_id: int) -> tuple[Row[Any], Candidates | None]:
    """Give a run as `open_run` does and, asked for together with it, its candidates, unless it belongs to a work order."""
    heard: list[Result[Any]] = []
    change.connection.execute_later(_BY_ID, {"of_id": run_id}, heard.append)
    ahead = candidates_ahead(change.connection, run_id)
    run = _own_and_open(change, run_id, heard[0].first())
    return run, ahead if run.work_order is None else None


def _own_and_open(change: Change, run_id: int, run: Row[Any] | None) -> Row[Any]:
    if run is None or not change.is_mine(run.process) or run.finished_at is not None:
        is_own_end = run is not None and change.is_mine(run.process) and run.code != Code.INTERRUPTED
        raise not_there(change, f"run {run_id} is not under way", may_be_lost=not is_own_end)
    return run


def not_there(change: Change, cause: str, *, may_be_lost: bool = True) -> InternalFault | RunLost:
    """Give the fault of a run that lacks what was written into it: a server that died may have lost it, a file never does."""
    if not change.dialect.is_shared or not may_be_lost:
        return InternalFault(cause)
    return RunLost(
        Code.LEDGER_UNREACHABLE,
        "the ledger has lost or ended this run while its server was away",
        "The unit is walked again; its certificate stays its own",
    )


def begin_run(
    change: Change, processes: ProcessToken, knows: Callable[[int], bool], values: Mapping[str, Any], batch: str
) -> int:
    """Write a new run; those that never learnt their unit's MAC are ended on the way: of dead processes, and of this one those
    that it does not know, as the answer to their commit was lost.
    """
    for run in change.connection.execute(_OPEN_WITHOUT_UNIT).all():
        is_orphan = processes.is_mine(run.process) and not knows(run.id)
        if is_orphan or not processes.is_alive(run.process):
            end_interrupted(change, run)
    begun = {**values, "started_at": change.now}
    run_id = int(change.connection.execute(_BEGIN, {f"of_{name}": begun[name] for name in _BEGUN}).scalar_one())
    change.trail.append(
        EventKind.RUN_BEGUN,
        lane=values["lane"],
        operator=values["operator"],
        batch=batch,
        data={
            "run": run_id,
            "port": values["port"],
            "profile": values["profile"],
            "firmware_version": values["firmware_version"],
            **({"work_order": values["work_order"]} if values.get("work_order") else {}),
        },
    )
    return run_id


def identify_run(change: Change, processes: ProcessToken, run_id: int, chip: ChipIdentity) -> bool:
    """Write which unit the run has, and say whether it had another before; ends what a crash left open for it.

    ChipError when it stands on another lane.
    """
    run = open_run(change, run_id)
    change.dialect.hold(change.connection, chip.mac)  # of two stations that have it at once, one sees the other's run
    other = change.connection.execute(_OPEN_OF_MAC, {"of_mac": chip.mac, "not_id": run_id}).first()
    inherited = None
    if other is not None:
        same_lane = processes.is_mine(other.process) and other.lane == run.lane
        if not same_lane and processes.is_alive(other.process):
            raise ChipError(
                Code.UNIT_ON_OTHER_LANE,
                f"unit {chip.mac} is being worked on by lane {other.lane} of station {other.station}",
                "Leave it there until its verdict; if two lanes show one unit, check which port belongs to which fixture",
                f"lane {run.lane}",
                facts={"lane": other.lane, "station": other.station},
            )
        inherited = _hand_over(change, other, run)
        end_interrupted(change, other)
    chip_data: dict[str, JsonValue] = {
        "chip": chip.chip,
        "description": chip.description,
        "revision": chip.revision,
        "flash_size_bytes": chip.flash_size_bytes,
        "flash_encryption": chip.security.flash_encryption,
        "secure_boot": chip.security.secure_boot,
    }
    unit = {"to_mac": chip.mac, "to_chip": canonical_json(chip_data), "to_certificate": inherited}
    is_told = run.mac == chip.mac  # by a commit whose outcome was not heard
    if not is_told:
        change.connection.execute_later(_SET_UNIT, {"of_id": run_id, **unit})
    is_rework = change.connection.execute(_EARLIER_OF_MAC, {"of_mac": chip.mac, "not_id": run_id}).first() is not None
    held = live_certificate(change.connection, chip.mac, run.product_key)
    if not is_told:
        change.trail.append(
            EventKind.UNIT_IDENTIFIED,
            lane=run.lane,
            operator=run.operator,
            mac=chip.mac,
            device_name=held.device_name if held else None,
            batch=run.batch,
            data={
                "run": run_id,
                "rework": is_rework,
                "keeps": held.device_name if held else None,
                **chip_data,
            },
        )
    return is_rework


def _hand_over(change: Change, old: Row[Any], new: Row[Any]) -> int | None:
    """Let the unit's new run hold what was allocated to its interrupted one, so that it gets the same certificate."""
    if old.certificate_state != CertificateState.ALLOCATED or old.product_key != new.product_key:
        return None
    change.connection.execute_later(_ATTACH_RUN, {"of_id": old.certificate_id, "to_run": new.id})
    return int(old.certificate_id)


def allocate(
    change: Change, processes: ProcessToken, run: Row[Any], held: Row[Any] | None, unused: Row[Any] | None
) -> Allocated:
    """Give the run's unit its certificate: what it holds, else the batch's next, which is `unused`; NoCertificateLeft."""
    if run.mac is None:
        raise not_there(change, f"run {run.id} was to get a certificate before its unit was identified")
    row, resumed = held, held is not None
    if row is None:
        row = unused
        if row is None and take_back_unused(change, processes, run.batch_id):
            row = next_certificate(change.connection, run.batch_id)
        if row is None:
            raise NoCertificateLeft(
                Code.NO_CERTIFICATE_LEFT,
                f"batch {run.batch} has no certificate left",
                "Import the next batch and start with it; this unit was not touched",
                run.batch,
                facts={"batch": run.batch},
            )
        move_certificate(change, row, CertificateState.ALLOCATED, mac=run.mac, run_id=run.id, is_taken=True)
    else:
        if row.run_id != run.id:
            change.connection.execute_later(_ATTACH_RUN, {"of_id": row.id, "to_run": run.id})
        change.connection.execute_later(_SET_CERTIFICATE, {"of_id": run.id, "to_id": row.id})
    state = CertificateState(row.state) if resumed else CertificateState.ALLOCATED
    certificate_event(
        change, run, EventKind.CERTIFICATE_ALLOCATED, row, {"resumed": resumed, "from": row.state, "to": state.value}
    )
    return Allocated(run, row, state, resumed)


def begin_installing(change: Change, run_id: int) -> None:
    """Bind the certificate to its MAC for ever, before its first byte leaves the PC; CertificateHeld when it was taken away."""
    run = open_run(change, run_id)
    row = _certificate_of(change, run)
    if row.state == CertificateState.VOID or row.run_id != run_id:
        became = "made void" if row.state == CertificateState.VOID else "found in another unit"
        raise CertificateHeld(
            Code.FOREIGN_CERTIFICATE,
            f"certificate {row.device_name} was {became} while the unit was on its way",
            "Insert the unit again: it gets another certificate",
            f"lane {run.lane}",
            facts={"device_name": row.device_name},
        )
    if row.state != CertificateState.ALLOCATED:
        return
    move_certificate(change, row, CertificateState.INSTALLING, mac=run.mac, run_id=run_id)
    certificate_event(
        change, run, EventKind.CERTIFICATE_INSTALLING, row, {"from": row.state, "to": CertificateState.INSTALLING.value}
    )


def finish_run(change: Change, run: Row[Any], record: VerdictRecord) -> None:
    """Write the verdict with the certificate's last moves: PASS makes it installed, and activated when the platform saw it;
    merely allocated goes back.
    """
    passed = record.verdict is Verdict.PASS
    if run.certificate_id is not None:
        _settle_certificate(change, run, passed=passed)
        if passed:
            note_passed(change, run.certificate_id)
            if record.activated:
                _activate_certificate(change, run)
    elif passed:
        raise InternalFault(f"run {run.id} was to pass without a certificate")
    _close_run(change, run, EventKind.RUN_FINISHED, record)


def end_interrupted(change: Change, run: Row[Any]) -> None:
    """End the run of a process that is no more: ABORTED, A02. What may be in the chip stays bound to its MAC.

    Does nothing when another station ended it in the same instant.
    """
    if change.connection.execute(_BY_ID, {"of_id": run.id}).one().finished_at is not None:
        return
    if run.certificate_id is not None:
        _settle_certificate(change, run, passed=False)
    _close_run(change, run, EventKind.RUN_INTERRUPTED, _INTERRUPTED)


def _certificate_of(change: Change, run: Row[Any]) -> Row[Any]:
    if run.certificate_id is None:
        raise not_there(change, f"run {run.id} has no certificate yet")
    return certificate_by_id(change.connection, run.certificate_id)


def _settle_certificate(change: Change, run: Row[Any], *, passed: bool) -> None:
    row = _certificate_of(change, run)
    if row.run_id != run.id:
        if passed:
            raise InternalFault(f"run {run.id} was to pass, but its certificate is in the hands of run {row.run_id}")
        return
    state = CertificateState(row.state)
    if state is CertificateState.ALLOCATED:
        if passed:
            raise InternalFault(f"run {run.id} was to pass, but no byte of its certificate was written")
        move_certificate(change, row, CertificateState.AVAILABLE, mac=None, run_id=None)
        moved = {"from": state.value, "to": CertificateState.AVAILABLE.value}
        certificate_event(change, run, EventKind.CERTIFICATE_RETURNED, row, moved)
    elif state is CertificateState.INSTALLING and passed:
        move_certificate(change, row, CertificateState.INSTALLED, mac=row.mac, run_id=run.id)
        moved = {"from": state.value, "to": CertificateState.INSTALLED.value}
        certificate_event(change, run, EventKind.CERTIFICATE_INSTALLED, row, moved)
    elif state is CertificateState.VOID and passed:
        raise InternalFault(f"run {run.id} was to pass with a void certificate")


def _activate_certificate(change: Change, run: Row[Any]) -> None:
    row = _certificate_of(change, run)
    if row.state == CertificateState.INSTALLED:
        move_certificate(change, row, CertificateState.ACTIVATED, mac=row.mac, run_id=run.id)
        moved = {"from": row.state, "to": CertificateState.ACTIVATED.value}
        certificate_event(change, run, EventKind.CERTIFICATE_ACTIVATED, row, moved)


def _close_run(change: Change, run: Row[Any], kind: EventKind, record: VerdictRecord) -> None:
    code = record.code.value if record.code else None
    seconds = None if record.seconds is None else round(record.seconds, 3)
    values = {
        "to_finished_at": change.now,
        "to_verdict": record.verdict.value,
        "to_code": code,
        "to_message": storable(record.message),
        "to_seconds": seconds,
        "to_data": canonical_json(dict(record.data)),
    }
    change.connection.execute_later(_CLOSE, {"of_id": run.id, **values})
    content: dict[str, JsonValue] = {
        "run": run.id,
        "verdict": record.verdict.value,
        "code": code,
        "message": record.message,
        "seconds": seconds,
    }
    if record.data:
        content["data"] = dict(record.data)
    run_event(change, run, kind, content)


def take_back_unused(change: Change, processes: ProcessToken, batch_id: int) -> bool:
    """End dead processes' runs whose certificate never left the PC, so that it can serve another unit."""
    unused = OPEN_RUNS.where(_R.batch_id == batch_id, CERTIFICATES.c.state == CertificateState.ALLOCATED.value)
    ended = False
    for run in change.connection.execute(unused).all():
        if not processes.is_alive(run.process):
            end_interrupted(change, run)
            ended = True
    return ended
