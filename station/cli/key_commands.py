"""`station key`: what others need to know of this station to trust it and to seal for it."""

from __future__ import annotations

import click

from station.cli.context import Session, global_options, pass_session, say, say_json


@click.group()
@global_options
def key() -> None:
    """The public keys of this station."""


@key.command("show")
@global_options
@pass_session
def show(session: Session) -> None:
    """Show the station's recipient, to which batches are sealed, and the key that proves its audit exports.

    Both are public: send them by mail. The recipient is made at first use.

    With --json one object: recipient, audit_public_key (null while there is none).
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
