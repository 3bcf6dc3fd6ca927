"""A result in the WATS Standard JSON Format (WSJF), a test report of Virinco WATS.

Sources: support.wats.com, articles 360014879119 (POST /api/report/wsjf, its required properties and their lengths) and
360015705199 (the WATS Client's folder WatsStandardJsonFormat, step types). A report with an id that WATS has replaces that one.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any, Final
from uuid import UUID

from station.ledger import Outgoing
from station.results.settings import WatsSettings
from station.results.unit_result import steps_of
from station.verdict import Verdict

_STATUS: Final = {Verdict.PASS: "P", Verdict.FAIL: "F", Verdict.ERROR: "E", Verdict.ABORTED: "T"}
_TEXT_MAX: Final = 100
_MESSAGE_MAX: Final = 200


def wsjf_report(outgoing: Outgoing, key: UUID, settings: WatsSettings) -> dict[str, Any]:
    """Give the report; the unit is named by its label, else by its DeviceName, else by its MAC."""
    run = outgoing.run
    status = _STATUS[run.verdict]
    start = run.started_at.astimezone(UTC)
    uut: dict[str, Any] = {
        "user": _text(run.operator),
        "execTime": run.seconds,
        "testSocketIndex": run.lane,
        "batchSN": _text(run.batch),
        "comment": run.message,
    }
    steps = _steps(outgoing, status)
    if run.code is not None:
        uut["errorMessage"] = f"{run.code} {run.message}"[:_MESSAGE_MAX]
    if failed := [step["id"] for step in steps if step["causedUUTFailure"]]:
        uut["stepIdCausedUUTFailure"] = failed[0]
    return {
        "type": "T",
        "id": str(key),
        "pn": settings.part_number or _text(run.profile),
        "sn": _text(run.serial_number or run.device_name or run.mac),
        "rev": settings.revision or _text(run.firmware_version),
        "processCode": settings.process_code,
        "result": status,
        "machineName": _text(run.station),
        "location": settings.location,
        "purpose": settings.purpose,
        "start": start.isoformat(timespec="milliseconds"),
        "startUTC": start.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "root": {
            "id": 0,
            "group": "M",
            "stepType": "SequenceCall",
            "name": "MainSequence",
            "status": status,
            "totTime": run.seconds,
            "causedUUTFailure": False,
            "seqCall": {"path": _text(run.profile), "name": _text(run.profile), "version": run.firmware_version[:30]},
            "steps": steps,
        },
        "uut": uut,
        "miscInfos": [{"description": name, "text": _text(value)} for name, value in _facts(outgoing) if value],
        "subUnits": [],
    }


def _steps(outgoing: Outgoing, status: str) -> list[dict[str, Any]]:
    run = outgoing.run
    steps: list[dict[str, Any]] = []
    for number, (step, seconds, passed) in enumerate(steps_of(outgoing), 1):
        entry: dict[str, Any] = {
            "id": number,
            "group": "M",
            "stepType": "Action",
            "name": step.value,
            "status": "P" if passed else status,
            "totTime": seconds,
            "causedUUTFailure": not passed,
        }
        if not passed:
            entry["errorMessage"] = f"{run.code} {run.message}"[:_MESSAGE_MAX]
        steps.append(entry)
    return steps


def _facts(outgoing: Outgoing) -> list[tuple[str, str | None]]:
    run = outgoing.run
    return [
        ("MAC", run.mac),
        ("DeviceName", run.device_name),
        ("ProductKey", run.product_key),
        ("Chip", outgoing.chip),
        ("Firmware", run.firmware_version),
        ("WorkOrder", run.work_order),
        ("Code", run.code),
        ("Run", str(run.id)),
        ("Attempt", str(outgoing.attempt)),
    ]


def _text(value: str | None) -> str:
    """Give what fits; WATS takes no empty text."""
    return (value or "")[:_TEXT_MAX] or "-"
