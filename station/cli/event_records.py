"""Events of the line as JSON objects: the command line's contract (DESIGN §6), and the facts of the log."""

from __future__ import annotations

from station.events import (
    CertificateAllocated,
    Event,
    LabelEvent,
    LabelPrinted,
    LabelRefused,
    LabelTaken,
    LabelWanted,
    LaneWaiting,
    SerialNumberBound,
    StepReported,
    UnitIdentified,
    VerdictReached,
    WaitReason,
)
from station.verdict import StepState


def event_records(event: Event) -> list[dict[str, object]]:
    """Give an event as the JSON objects of the command line's contract (DESIGN §6)."""
    match event:
        case StepReported():
            record: dict[str, object] = {
                "event": "step",
                "lane": event.lane,
                "step": event.step,
                "state": event.state,
                "seconds": round(event.seconds, 3),
            }
            if event.state is StepState.PROGRESS:
                record |= {"done_bytes": event.done_bytes, "total_bytes": event.total_bytes}
            if event.state is StepState.FAILED:
                record |= {"code": event.code}
            if event.state is StepState.FAILED or event.message:
                record |= {"message": event.message}
            return [record]
        case LabelWanted() | LabelTaken() | LabelRefused() | SerialNumberBound():
            return [_label_record(event)]
        case LabelPrinted():
            unit = {"lane": event.lane, "mac": event.mac, "device_name": event.device_name}
            return [
                {"event": "label_printed", **unit, "code": event.code, "message": event.message, "mend": event.mend}
            ]
        case LaneWaiting():
            return [{"event": "waiting", "lane": event.lane, "reason": event.reason, "message": event.message}]
        case UnitIdentified():
            return [{"event": "unit", "lane": event.lane, "mac": event.mac, "chip": event.chip}]
        case CertificateAllocated():
            return [
                {
                    "event": "certificate",
                    "lane": event.lane,
                    "device_name": event.device_name,
                    "resumed": event.resumed,
                    "left": event.left,
                }
            ]
        case VerdictReached():
            return [
                {
                    "event": "verdict",
                    "verdict": event.verdict,
                    "lane": event.lane,
                    "mac": event.mac,
                    "device_name": event.device_name,
                    "serial_number": event.serial_number,
                    "seconds": event.seconds,
                    "code": event.code,
                    "message": event.message,
                    "mend": event.mend,
                }
            ]
        case _:
            return []


def _label_record(event: LabelEvent) -> dict[str, object]:
    match event:
        case LabelWanted(lane=lane):
            return {"event": "waiting", "lane": lane, "reason": WaitReason.SCAN_LABEL, "message": ""}
        case LabelTaken(lane=lane, serial_number=number, entry=entry, bearer=bearer):
            return {"event": "label", "lane": lane, "serial_number": number, "entry": entry, "bearer": bearer}
        case LabelRefused(lane=lane, code=code, message=message, mend=mend):
            return {"event": "label_refused", "lane": lane, "code": code, "message": message, "mend": mend}
        case SerialNumberBound(lane=lane, mac=mac, serial_number=number, resumed=resumed):
            return {"event": "serial_number", "lane": lane, "mac": mac, "serial_number": number, "resumed": resumed}
