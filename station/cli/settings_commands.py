"""`station settings show|check|schema|init`: everything that this station may set, in one commented file."""

from __future__ import annotations

import click

from station.cli.context import Session, global_options, pass_session, say, say_json


@click.group()
@global_options
def settings() -> None:
    """Look at this station's settings, or begin their file."""


@settings.command()
@global_options
@pass_session
def show(session: Session) -> None:
    """Show the settings in force, defaults too. With --json one object.

    Example: station settings show --json
    """
    from station.cli.settings_sections import as_yaml  # noqa: PLC0415  --help must not pay for pydantic

    values = session.settings().model_dump(mode="json")
    if session.json:
        say_json(values)
    else:
        say(as_yaml(values))


@settings.command()
@global_options
@pass_session
def check(session: Session) -> None:
    """Say in one go all that is wrong with the file, with its lines. With --json {event, path, good}.

    Example: station settings check
    """
    from station.ledger.station_name import STATION_FILE  # noqa: PLC0415  as above

    session.settings()
    path = session.data / STATION_FILE
    if session.json:
        say_json({"event": "settings", "path": path, "good": True})
    else:
        say(f"{path}: good." if path.exists() else f"{path} is not there yet: everything is at its default.")


@settings.command()
@global_options
def schema() -> None:
    """Print the JSON Schema of the file, so that an editor completes and checks it.

    Example: station settings schema
    """
    from station.cli.settings_sections import settings_schema  # noqa: PLC0415  as above

    say_json(settings_schema(), indent=2)


@settings.command()
@global_options
@pass_session
def init(session: Session) -> None:
    """Add each section that the file lacks, with every key, its default and what it means; no line of yours changes.

    The keys are commented out: take the # away from what you change. With --json {event, path, added}.

    Example: station settings init
    """
    from station.cli.settings_sections import add_lacking_sections  # noqa: PLC0415  as above
    from station.ledger.station_name import STATION_FILE  # noqa: PLC0415  as above

    added, path = add_lacking_sections(session.data), session.data / STATION_FILE
    if session.json:
        say_json({"event": "settings", "path": path, "added": added})
    else:
        say(f"{path}: added {', '.join(added)}." if added else f"{path} has every section already.")
