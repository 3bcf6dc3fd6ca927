"""`station recover`: what a crash or a restored backup left behind, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from station.cli.asking import pin_file_option
from station.cli.completion import complete_batches
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.leads import require_line_lead
from station.cli.left_behind import WAITED_FOR_TO_DO, unfinished_object, unfinished_units
from station.errors import UsageError

if TYPE_CHECKING:
    from station.ledger import Ledger


_GAP_TO_DO: Final = (
    "Bring back the latest one. If there is none, a line lead: station recover --accept-gap --reason TEXT"
)


@click.command()
@click.option("--list", "listing", is_flag=True, help="Only list; what it does without options.")
@click.option("--accept-gap", is_flag=True, help="Go on with a ledger that was restored from an older backup.")
@click.option(
    "--skip",
    type=click.IntRange(min=0),
    metavar="N",
    help="With --accept-gap: void the next N certificates of each batch, which may be used already.",
)
@click.option(
    "--batch",
    metavar="B",
    shell_complete=complete_batches,
    help="With --skip: void the next N certificates of this batch alone.",
)
@click.option(
    "--release",
    metavar="STATION",
    help="With --skip: after a restore of the factory's server, wait no more for a station that is gone for ever.",
)
@click.option("--reason", default="", help="Why; it stands in the audit log for ever.")
@click.option("--operator", metavar="LEAD", help="The line lead who decides, name or badge.")
@pin_file_option
@global_options
@pass_session
def recover(
    session: Session,
    listing: bool,
    accept_gap: bool,
    skip: int | None,
    batch: str | None,
    release: str | None,
    reason: str,
    operator: str | None,
    pin_file: Path | None,
) -> None:
    """List units whose runs were broken off, and whether the ledger is an older copy; go on with such a ledger.

    --accept-gap is for a line lead, by PIN. What the gap may have used is skipped: as many of each batch as so many missing
    events can have used, or N. With --batch and --skip it skips in one batch, one that had to be imported again, say.

    A factory's server that was restored, replaced or taken over gives no certificate before each station was started once; this
    command does as well. It lists those that are waited for; --release lets go of one, with --skip N of each batch for what it
    may have used.

    With --json one object: unfinished (a list), gap (null, or missing, recorded, found, skip_proposed, happened) and
    waited_for (the names of stations).

    Example: station recover --accept-gap --reason "disk failed, backup of Monday"
    """

    changes = accept_gap or skip is not None or release is not None
    if listing and changes:
        raise UsageError("--list changes nothing", "Leave it away, or leave --accept-gap, --skip and --release away")
    if changes and (accept_gap, batch is not None, release is not None).count(True) != 1:
        raise UsageError("--skip N goes with --accept-gap, --batch B or --release STATION", "Say which one is meant")
    if release is not None and skip is None:
        raise UsageError(
            f"how many certificates {release!r} used since the restore is not known",
            "Say with --skip N how many of each batch it may have used; --skip 0 when nothing was lost",
        )
    if changes and not reason.strip():
        raise UsageError("this is done only with a reason", "Say why with --reason")
    with session.open_ledger(despite_gap=accept_gap or not changes) as ledger:
        if accept_gap:
            _accept(session, ledger, skip, reason, operator, pin_file)
        elif skip is not None and release is not None:
            _release(session, ledger, release, skip, reason, operator, pin_file)
        elif skip is not None and batch is not None:
            ledger.batch(batch)
            who = require_line_lead(session, ledger, "skip certificates", operator=operator, pin_file=pin_file)
            done = ledger.skip_certificates(batch, skip, reason=reason, operator=who)
            _tell(session, {"skipped": {batch: done}}, f"{done} certificates of {batch} are void.")
        else:
            _list(session, ledger)


def _accept(
    session: Session, ledger: Ledger, skip: int | None, reason: str, operator: str | None, pin_file: Path | None
) -> None:
    if ledger.proof.gap is None:
        raise UsageError("the ledger lacks nothing", "Nothing has to be done")
    who = require_line_lead(session, ledger, "accept the gap", operator=operator, pin_file=pin_file)
    done = ledger.accept_gap(reason=reason, operator=who, skip=skip)
    skipped = ", ".join(f"{count} of {name}" for name, count in done.skipped.items()) or "none"
    _tell(
        session,
        {"skipped": dict(done.skipped), "bound": list(done.bound), "missing": done.gap.missing},
        f"The station goes on with this ledger. Certificates made void because they may be used: {skipped}.\n"
        "A batch that was imported after the backup has to be imported again: skip what was used of it first, with "
        "station recover --skip N --batch B --reason TEXT.",
    )


def _release(
    session: Session, ledger: Ledger, station: str, skip: int, reason: str, operator: str | None, pin_file: Path | None
) -> None:
    ledger.server.require_waited_for(station)
    who = require_line_lead(session, ledger, "release a station", operator=operator, pin_file=pin_file)
    done = ledger.server.release(station, skip=skip, reason=reason, operator=who)
    waited_for = ledger.server.missing()
    still = f"Still waited for: {', '.join(waited_for)}." if waited_for else "Certificates are given out again."
    _tell(
        session,
        {"released": station, "skipped": dict(done.skipped), "bound": list(done.bound), "waited_for": waited_for},
        f"Nobody waits for {station} any more. {still}",
    )


def _tell(session: Session, value: dict[str, object], text: str) -> None:
    if session.json:
        say_json(value)
    else:
        say(text)


def _list(session: Session, ledger: Ledger) -> None:
    found = unfinished_units(ledger)
    gap = ledger.proof.gap
    waited_for = ledger.server.missing()
    if session.json:
        told = None
        if gap is not None:
            told = {
                "missing": gap.missing,
                "recorded": gap.recorded,
                "found": gap.found,
                "skip_proposed": ledger.proof.skip_proposed(),
                "happened": gap.happened,
                "to_do": _GAP_TO_DO,
            }
        say_json({"unfinished": [unfinished_object(one) for one in found], "gap": told, "waited_for": waited_for})
        return
    if gap is not None:
        proposed = ledger.proof.skip_proposed()
        say(f"The ledger: {gap.happened}.")
        say(f"  → {_GAP_TO_DO}")
        if proposed is not None:
            say(f"    It makes the next {proposed} certificates of each batch void, because they may be used.")
    for one in found:
        say(f"{one.happened}.\n  → {one.to_do}.")
    if waited_for:
        say(f"The ledger's server was restored, replaced or taken over. Not looked yet: {', '.join(waited_for)}.")
        say(f"  → {WAITED_FOR_TO_DO}")
    if gap is None and not found and not waited_for:
        say("Nothing is unfinished.")
