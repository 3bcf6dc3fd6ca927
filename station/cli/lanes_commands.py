"""`station lanes`: which lane is at which plug, and how the station learns it."""

from __future__ import annotations

import click

from station.cli.context import Session, global_options, pass_session


@click.group(invoke_without_command=True)
@global_options
@click.pass_context
def lanes(context: click.Context) -> None:
    """Which lane is at which adapter or plug."""
    if context.invoked_subcommand is None:
        context.invoke(list_lanes)


@lanes.command("list")
@global_options
@pass_session
def list_lanes(session: Session) -> None:
    """Show the lanes that were taught, and the port that each has now.

    With --json an array of {lane, serial_number, location, port}.

    Example: station lanes list
    """
    from station.cli.lane_teaching import tell_lanes  # noqa: PLC0415  --help must not pay for the drivers

    tell_lanes(session)


@lanes.command()
@global_options
@pass_session
def learn(session: Session) -> None:
    """Number the lanes by plugging their adapters in, one after another.

    An adapter that is in already is pulled out and put in again; the stack light's is none of them.
    Enter ends it and writes the numbers; Ctrl+C changes nothing.
    With --json one {event, lane, serial_number, location, port} for each.

    Example: station lanes learn
    """
    from station.cli.lane_teaching import teach_lanes  # noqa: PLC0415  as above

    teach_lanes(session)
