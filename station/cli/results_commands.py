"""`station results`: the other systems that are told each result, what waits for them, and the document's schema."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from station.cli.context import Session, global_options, pass_session, say, say_json
from station.errors import UsageError

if TYPE_CHECKING:
    from station.ledger import Ledger, ToldChannel
    from station.results.settings import ChannelSettings


@click.group()
@global_options
def results() -> None:
    """Each run of a unit, told to other systems: files in a folder, HTTP POST, WATS. Set by `results` in the settings."""


@results.command("list")
@global_options
@pass_session
def list_(session: Session) -> None:
    """List the channels: what was told, what waits, what the other system refused and why.

    With --json an array of {channel, to, begun, told, refused, waiting, waiting_since, told_at, refusals}.

    Example: station results list
    """
    channels = session.settings().results
    with session.open_ledger(read_only=True) as ledger:
        found = [_listed(ledger, name, settings) for name, settings in channels.items()]
    if session.json:
        say_json(found)
        return
    if not found:
        say("No other system is told: there is no channel in `results` of the settings.")
    for one in found:
        say(_line(one))
        for refusal in one["refusals"]:
            say(f"  run {refusal['run_id']} refused {refusal['at'][:19]}Z: {refusal['cause']}")


@results.command()
@click.argument("channel", required=False)
@click.option("--refused", is_flag=True, help="Also what the other system refused, once more.")
@global_options
@pass_session
def send(session: Session, channel: str | None, refused: bool) -> None:
    """Send now what waits, on one channel or on all. `station run` and `station flash` do so by themselves.

    Exit code 3 when something still waits. With --json an array of {channel, delivered, refused, trouble}.

    Example: station results send mes --refused
    """
    from station.results.channel import open_channel  # noqa: PLC0415  --help must not pay for pydantic
    from station.results.sender import sending_alone  # noqa: PLC0415  as above

    channels = session.settings().results
    if channel is not None and channel not in channels:
        known = ", ".join(channels) or "none"
        raise UsageError(f"There is no channel {channel!r} in the settings", f"There is: {known}", "CHANNEL")
    told: list[dict[str, Any]] = []
    with session.open_ledger() as ledger, sending_alone(session.data):
        for name in channels if channel is None else [channel]:
            opened = open_channel(name, channels[name], ledger.results)
            sent = opened.send_waiting()
            again = opened.send_refused() if refused and not sent.trouble else None
            told.append(
                {
                    "channel": name,
                    "delivered": sent.delivered + (again.delivered if again else 0),
                    "refused": sent.refused + (again.refused if again else 0),
                    "trouble": sent.trouble or (again.trouble if again else ""),
                }
            )
    if session.json:
        say_json(told)
    for one in () if session.json else told:
        waits = f"; the rest waits: {one['trouble']}" if one["trouble"] else ""
        say(f"{one['channel']}: {one['delivered']} delivered, {one['refused']} refused{waits}")
    sys.exit(3 if any(one["trouble"] for one in told) else 0)


@results.command()
@global_options
def schema() -> None:
    """Print the JSON Schema of the document that other systems get.

    Example: station results schema
    """
    from station.results.unit_result import result_schema  # noqa: PLC0415  as above

    say_json(result_schema(), indent=2)


@contextmanager
def results_told(session: Session, ledger: Ledger) -> Iterator[None]:
    """Tell other systems what is recorded, as the settings say, while the block lasts and a moment longer. SettingsError."""
    channels = session.settings().results
    if not channels:
        yield
        return
    from station.results.channel import open_channel  # noqa: PLC0415  few stations need it
    from station.results.sender import ResultSender  # noqa: PLC0415  as above

    opened = [open_channel(name, settings, ledger.results) for name, settings in channels.items()]
    sender = ResultSender(opened, session.data)
    sender.start()
    try:
        yield
    finally:
        sender.close()


def _listed(ledger: Ledger, name: str, settings: ChannelSettings) -> dict[str, Any]:
    standing: ToldChannel | None = ledger.results.standing(name)
    counts = {} if standing is None else asdict(standing)
    refusals = [asdict(one) for one in ledger.results.refused(name)]
    return {"channel": name, "to": settings.place, "begun": standing is not None, **counts, "refusals": refusals}


def _line(one: dict[str, Any]) -> str:
    if not one["begun"]:
        return f"{one['channel']}  {one['to']}  begins with the next start of the station"
    since = f" since {one['waiting_since'][:19]}Z" if one["waiting_since"] else ""
    return (
        f"{one['channel']}  {one['to']}  {one['told']} told, {one['refused']} refused, {one['waiting']} waiting{since}"
    )
