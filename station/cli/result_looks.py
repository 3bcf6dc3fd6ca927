"""What `station doctor` looks at of the systems that are told results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from station.cli.context import Session
from station.cli.finding import Finding, Health
from station.errors import CodedError
from station.results.delivery import open_delivery

LOOK_LIMIT_S: Final = 3.0


def look_at_results(session: Session) -> Iterator[Finding]:
    """Each channel: whether it can be reached, what waits, and what was refused. Nothing is sent."""
    try:
        channels = session.settings().results
        for name, settings in channels.items():
            limited = settings.model_copy(update={"timeout_s": min(settings.timeout_s, LOOK_LIMIT_S)})
            subject = f"results {name}"
            waiting, refused = _left(session, name)
            if trouble := open_delivery(limited).look():
                yield Finding(
                    subject,
                    Health.ODD,
                    f"{trouble}; waiting in the ledger: {waiting}",
                    "Mend the way there, or `results` in the settings; nothing is lost meanwhile",
                )
            elif refused:
                seen = f"{settings.place}, refused: {refused}"
                yield Finding(subject, Health.ODD, seen, "See why: station results list; then station results send")
            else:
                yield Finding(subject, Health.GOOD, f"{settings.place}, waiting: {waiting}")
    except CodedError:
        return  # told by the settings and the ledger


def _left(session: Session, channel: str) -> tuple[int, int]:
    if not session.has_ledger():
        return 0, 0
    with session.open_ledger(read_only=True) as ledger:
        standing = ledger.results.standing(channel)
    return (0, 0) if standing is None else (standing.waiting, standing.refused)
