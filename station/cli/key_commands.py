"""`station key`: what others need to know of this station to trust it and to seal for it, and the key of a factory's ledger."""

from __future__ import annotations

from pathlib import Path

import click

from station.cli.asking import pin_file_option
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.leads import require_line_lead


@click.group()
@global_options
def key() -> None:
    """The public keys of this station, and the way of a factory's ledger key from station to station."""


@key.command("show")
@global_options
@pass_session
def show(session: Session) -> None:
    """Show the station's recipient, to which batches are sealed, and the key that proves its audit exports.

    Both are public: send them by mail. The recipient is made at first use.

    With --json one object: recipient, audit_public_key (null while there is none).

    Example: station key show
    """
    from station.ledger.sealed_batch import recipient_of  # noqa: PLC0415  --help must not pay for it
    from station.ledger.station_key import PUBLIC_KEY_FILE, public_key_of  # noqa: PLC0415  as above

    recipient = recipient_of(session.data)
    public = session.data / PUBLIC_KEY_FILE
    audit = public_key_of(str(public)) if public.exists() else None
    if session.json:
        say_json({"recipient": recipient, "audit_public_key": audit})
        return
    say(f"recipient  {recipient}")
    say(f"audit      {audit or 'no key yet'}")


@key.command("share")
@click.argument("recipient")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The sealed key; a new file."
)
@click.option("--operator", metavar="LEAD", help="The line lead who decides, name or badge.")
@pin_file_option
@global_options
@pass_session
def share(session: Session, recipient: str, out: Path, operator: str | None, pin_file: Path | None) -> None:
    """Seal the ledger's key for the station whose RECIPIENT this is, so that it can join the factory.

    For a line lead, by PIN. Only that station can open FILE; the log tells for whom it was made.

    Example: station key share age1… --out line-2.age
    """
    with session.open_ledger() as ledger:
        who = require_line_lead(session, ledger, "give the ledger's key away", operator=operator, pin_file=pin_file)
        ledger.shared_key.seal_for(recipient, out, operator=who)
    if session.json:
        say_json({"path": str(out)})
    else:
        say(f"The key is sealed in {out}. There: station key take {out.name}")


@key.command("take")
@click.argument("file", type=click.Path(path_type=Path))
@global_options
@pass_session
def take(session: Session, file: Path) -> None:
    """Put the ledger's key, which another station sealed for this one, into its place.

    With --json one object: place.

    Example: station key take line-2.age
    """
    from station.ledger.shared_key import take_key  # noqa: PLC0415  --help must not pay for it

    place = take_key(file, session.data)
    if session.json:
        say_json({"place": place})
    else:
        say(f"The factory's key is in {place}. Start the station with --ledger.")
