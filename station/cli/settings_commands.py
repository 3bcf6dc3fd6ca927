"""`station settings show|check|schema|init`: everything that this station may set, in one commented file."""

from __future__ import annotations

import json
from typing import Any

import click
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.settings_file import SettingsError, read_settings, settings_source, write_settings_text
from station.cli.settings_model import StationSettings
from station.ledger.station_name import STATION_FILE, first_lines
from station.profile.schema import schema_of


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
    values = session.settings().model_dump(mode="json")
    if session.json:
        say_json(values)
    else:
        say(yaml.safe_dump(values, allow_unicode=True, sort_keys=False).rstrip())


@settings.command()
@global_options
@pass_session
def check(session: Session) -> None:
    """Say in one go all that is wrong with the file, with its lines. With --json {event, path, good}.

    Example: station settings check
    """
    read_settings(session.data)
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
    say_json(schema_of(StationSettings, "Settings of a flashing station"), indent=2)


@settings.command()
@global_options
@pass_session
def init(session: Session) -> None:
    """Add each section that the file lacks, with every key, its default and what it means; no line of yours changes.

    The keys are commented out: take the # away from what you change. With --json {event, path, added}.

    Example: station settings init
    """
    source = settings_source(session.data)
    if source.faults or not isinstance(source.tree, dict):
        raise SettingsError(source.path, tuple(source.faults))
    lacking = [name for name in StationSettings.model_fields if name not in {"station", *source.tree}]
    text = source.text if "station" in source.tree else f"{source.text.rstrip()}\n{first_lines()}".lstrip()
    blocks = [commented_section(name, StationSettings.model_fields[name]) for name in lacking]
    if lacking or text != source.text:
        write_settings_text(session.data, "\n\n".join([text.rstrip("\n"), *blocks]) + "\n")
    if session.json:
        say_json({"event": "settings", "path": source.path, "added": lacking})
    else:
        say(f"{source.path}: added {', '.join(lacking)}." if lacking else f"{source.path} has every section already.")


def commented_section(name: str, field: FieldInfo) -> str:
    """Give a section as lines of YAML: its description, its name, and each key commented out with default and meaning."""
    lines = [f"# {field.description}", f"{name}:"]
    section = field.default
    if isinstance(section, BaseModel):
        for key, inner in type(section).model_fields.items():
            lines.append(f"#  {key}: {_written(inner)}   # {' '.join((inner.description or '').split())}")
    return "\n".join(lines)


def _written(field: FieldInfo) -> str:
    """Give a key's default as YAML in one line; an example where it has none."""
    value: Any = field.default
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    elif not value and field.examples:
        value = field.examples[0]
    plain = json.loads(json.dumps(value))
    return yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, sort_keys=False, width=1000).split("\n")[
        0
    ]
