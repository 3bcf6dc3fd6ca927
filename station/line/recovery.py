"""What happened to a unit whose run was broken off, in plain words, and what to do with it."""

from __future__ import annotations

from dataclasses import dataclass

from station.certificate import CertificateState
from station.ledger import RunRow


@dataclass(frozen=True, slots=True)
class Unfinished:
    """One broken-off run, told to a person."""

    run: RunRow
    happened: str
    to_do: str


def tell_unfinished(run: RunRow, here: str) -> Unfinished:
    """Say what happened and what to do; `here` is this station, whose name need not be said."""
    where = f"on lane {run.lane_seen_from(here)}"
    if run.mac is None:
        return Unfinished(
            run,
            f"A unit {where} had not been identified yet when the station stopped; nothing was written to it",
            "Put it in again; if there was none, nothing has to be done",
        )
    if run.device_name is None:
        return Unfinished(
            run,
            f"{run.mac} {where} had no certificate yet when the station stopped; nothing was written to it",
            "Put it in again",
        )
    after = f"in its step {run.last_step}" if run.last_step else "at its begin"
    match run.certificate_state:
        case CertificateState.ALLOCATED | CertificateState.AVAILABLE:
            return Unfinished(
                run,
                f"{run.mac} {where} was to get {run.device_name}; no byte of it was written",
                "Put it in again; if it does not come back, another unit gets the certificate",
            )
        case CertificateState.VOID:
            return Unfinished(
                run,
                f"{run.mac} {where} was broken off {after}; its certificate {run.device_name} was made void",
                "Put it in again: it gets another certificate",
            )
        case CertificateState.INSTALLING:
            return Unfinished(
                run,
                f"{run.mac} {where} was broken off {after} while it got {run.device_name}, which may be in it in part",
                "Put it in again: it continues with the same certificate. If it never comes back, a line lead: "
                f'station unit void {run.mac} --reason "..."',
            )
        case _:
            return Unfinished(
                run,
                f"{run.mac} {where} has {run.device_name}; its rework was broken off {after}",
                "Put it in again: it keeps its certificate",
            )
