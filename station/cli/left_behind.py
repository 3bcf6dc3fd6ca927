"""What a crash or a restored server has left behind, in words and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from station.cli.context import Session, say_json

if TYPE_CHECKING:
    from station.ledger import Ledger
    from station.line.recovery import Unfinished

WAITED_FOR_TO_DO: Final = (
    "Start each of them once. For one that is gone for ever a line lead: "
    "station recover --release STATION --skip N --reason TEXT"
)


def unfinished_units(ledger: Ledger) -> list[Unfinished]:
    """Give what was broken off, oldest first, told to a person."""
    from station.line.recovery import tell_unfinished  # noqa: PLC0415  --help must not pay for SQLAlchemy

    return [tell_unfinished(run, ledger.station) for run in ledger.unfinished_runs()]


def unfinished_object(one: Unfinished) -> dict[str, object]:
    """Give it for a program."""
    run = one.run
    return {
        "run": run.id,
        "station": run.station,
        "lane": run.lane,
        "mac": run.mac,
        "device_name": run.device_name,
        "batch": run.batch,
        "started_at": run.started_at,
        "last_step": run.last_step,
        "certificate_state": run.certificate_state,
        "happened": one.happened,
        "to_do": one.to_do,
    }


def tell_unfinished_units(session: Session, ledger: Ledger) -> None:
    """Say at a start what was broken off: a line each on standard error, or events for a program."""
    for one in unfinished_units(ledger):
        if session.json:
            say_json({"event": "unfinished", **unfinished_object(one)})
        else:
            click.echo(f"station: {one.happened}. {one.to_do}.", err=True)
