"""Ends runs: at once, or, of a verdict that was kept while the server was away, exactly once, whatever became of its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select

from station.ledger.audit import Change, canonical_json, storable
from station.ledger.certificates import BOUND_STATES
from station.ledger.event_kind import EventKind
from station.ledger.records import JsonValue, StepRecord, VerdictRecord
from station.ledger.run_events import record_missing_steps
from station.ledger.runs import end_interrupted, find_run, finish_run
from station.ledger.schema import AUDIT_EVENTS, CERTIFICATES
from station.ledger.verdict_spool import KeptVerdict
from station.verdict import Verdict

_E = AUDIT_EVENTS.c


def record_late(change: Change, kept: KeptVerdict) -> int | None:
    """End the run as it was ended at `kept.at`; None when that is recorded already, else the batch's number.

    A run that somebody else has ended meanwhile keeps that end, and so does one whose certificate was taken from it: then the log
    alone tells the verdict.
    """
    run = find_run(change.connection, kept.run_id)
    if run is None or run.process != kept.process:
        note_late(change, kept)
        return None
    verdict = replace(kept.verdict, data={**kept.verdict.data, "kept_at": kept.at})
    if run.finished_at is not None:
        if not _has(run, kept.verdict, verdict):
            note_late(change, kept, run)
        return None
    if verdict.verdict is Verdict.PASS and not _holds_certificate(change, run):
        end_interrupted(change, run)
        note_late(change, kept, run)
        return None
    end_run(replace(change, now=kept.at), run, kept.steps, verdict)
    return int(run.batch_id)


def end_run(change: Change, run: Row[Any], steps: Sequence[StepRecord], record: VerdictRecord) -> None:
    """Write the steps that the run lacks, and its verdict."""
    record_missing_steps(change, run, steps)
    finish_run(change, run, record)


def note_late(change: Change, kept: KeptVerdict, run: Row[Any] | None = None) -> None:
    """Tell in the log alone, once, what a run came to that the ledger has otherwise or not at all."""
    verdict = kept.verdict
    data: Mapping[str, JsonValue] = {
        "run": kept.run_id,
        "process": kept.process,
        "at": kept.at,
        "verdict": verdict.verdict.value,
        "code": verdict.code,
        "message": verdict.message,
        "seconds": verdict.seconds,
        "recorded": None if run is None else run.verdict,
    }
    mac = None if run is None else run.mac
    told = select(_E.id).where(
        _E.station == change.trail.station,
        _E.kind == EventKind.VERDICT_LATE.value,
        _E.mac == mac if mac else _E.mac.is_(None),
        _E.data == canonical_json(dict(data)),
    )
    if change.connection.execute(told).first() is not None:
        return
    change.trail.append(
        EventKind.VERDICT_LATE,
        lane=None if run is None else run.lane,
        operator="" if run is None else run.operator,
        mac=mac,
        device_name=None if run is None else run.device_name,
        batch=None if run is None else run.batch,
        data=data,
    )


def _has(run: Row[Any], *verdicts: VerdictRecord) -> bool:
    """Say whether the run bears one of these verdicts: that of a commit whose outcome was not heard."""
    return any(
        (run.verdict, run.code, run.message, run.data)
        == (one.verdict.value, one.code, storable(one.message), canonical_json(dict(one.data)))
        for one in verdicts
    )


def _holds_certificate(change: Change, run: Row[Any]) -> bool:
    held = select(CERTIFICATES.c.state, CERTIFICATES.c.run_id).where(CERTIFICATES.c.id == run.certificate_id)
    row = change.connection.execute(held).first()
    return row is not None and row.run_id == run.id and row.state in BOUND_STATES
