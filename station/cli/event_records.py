"""Events of the line as JSON objects: the command line's contract (DESIGN §6), and the facts of the log."""

from __future__ import annotations

from station.events import CertificateAllocated, Event, LaneWaiting, StepReported, UnitIdentified, VerdictReached
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
                    "seconds": event.seconds,
                    "code": event.code,
                    "message": event.message,
                    "mend": event.mend,
                }
            ]
        case _:
            return []
