"""What may be set, as text: the settings in force, and each section commented, with its defaults and what they mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from station.cli.settings_file import SettingsError, settings_source, write_settings_text
from station.cli.settings_model import StationSettings
from station.ledger.station_name import first_lines
from station.profile.schema import schema_of


def settings_schema() -> dict[str, Any]:
    """Give the JSON Schema of the file."""
    return schema_of(StationSettings, "Settings of a flashing station")


def as_yaml(values: dict[str, Any]) -> str:
    """Give settings as YAML."""
    return str(yaml.safe_dump(values, allow_unicode=True, sort_keys=False)).rstrip()


def add_lacking_sections(data: Path) -> list[str]:
    """Add each section that the file lacks, commented out, and give their names; SettingsError with every mistake of the file."""
    source = settings_source(data)
    if source.faults or not isinstance(source.tree, dict):
        raise SettingsError(source.path, tuple(source.faults))
    lacking = [name for name in StationSettings.model_fields if name not in {"station", *source.tree}]
    text = source.text if "station" in source.tree else f"{source.text.rstrip()}\n{first_lines()}".lstrip()
    blocks = [commented_section(name, StationSettings.model_fields[name]) for name in lacking]
    if lacking or text != source.text:
        write_settings_text(data, "\n\n".join([text.rstrip("\n"), *blocks]) + "\n")
    return lacking


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
