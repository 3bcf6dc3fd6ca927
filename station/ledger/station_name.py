"""The name of a station, which its audit chain bears: the key `station` of `station.yaml` in the data folder."""

from __future__ import annotations

import platform
import re
import secrets
from pathlib import Path
from typing import Final

import yaml

from station.errors import UsageError
from station.ledger.disk import write_synced

STATION_FILE: Final = "station.yaml"
STATION_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def station_name(data: Path) -> str:
    """Give this station's name; at the first start it is made. UsageError when the file names none."""
    path = data / STATION_FILE
    if not path.exists():
        write_synced(path, first_lines())
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        content = None
    found = content.get("station") if isinstance(content, dict) else None
    if not isinstance(found, str) or not STATION_PATTERN.fullmatch(found):
        raise UsageError(
            "the file does not name the station", "Write one line: station: a-name-of-letters-digits-.-_", str(path)
        )
    return found


def first_lines() -> str:
    """Give the begin of a new settings file: a name made of the PC's and of chance."""
    host = re.sub(r"[^A-Za-z0-9._-]", "-", platform.node().split(".")[0]).strip("-._")[:40] or "station"
    name = f"{host.lower()}-{secrets.token_hex(2)}"
    return f"# The name of this station in the ledger and in its audit log. Keep it.\nstation: {name}\n"
