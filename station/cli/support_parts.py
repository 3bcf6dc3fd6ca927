"""What a support engineer needs to know: the parts of a support pack; no secret, no key, no certificate file.

Only what is named here goes in, each part made from what the station knows, never a file of the data folder as it is but the log.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from station.chip.ports import list_serial_ports
from station.cli.context import LOG_NAME, Session
from station.cli.examples import DISTRIBUTION
from station.cli.looks import look_at_everything
from station.errors import CodedError, UsageError
from station.profile.yaml_source import parse_yaml

RUNS_MAX: Final = 500
EVENTS_MAX: Final = 1000
PROFILES_MAX: Final = 50
PROFILE_BYTES_MAX: Final = 1 << 18
LOG_FILES_MAX: Final = 6
LOG_BYTES_MAX: Final = 2 << 20
"""Of each log file its end."""
_SECRET_KEY: Final = re.compile(r"secret|pass|psk|pin|token|key|auth|cred", re.IGNORECASE)
HIDDEN: Final = "'(left out)'"


def support_parts(session: Session, profiles: Sequence[Path]) -> Iterator[tuple[str, str | bytes]]:
    """Give each part's name and content."""
    yield "versions.json", _json(_versions())
    yield "doctor.json", _json([asdict(finding) for finding in look_at_everything(session)])
    yield "ports.json", _json([asdict(port) for port in list_serial_ports()])
    yield "settings.json", _json(_settings(session))
    yield from _ledger(session)
    for number, path in enumerate(_named_profiles(profiles), start=1):
        yield f"profiles/{number}-{path.name}", profile_without_secrets(path)
    for path in sorted(session.data.glob(f"{LOG_NAME}*"))[:LOG_FILES_MAX]:
        if re.fullmatch(re.escape(LOG_NAME) + r"(\.[0-9]+)?", path.name) and path.is_file():
            yield f"log/{path.name}", _end_of(path)


def _versions() -> dict[str, Any]:
    wanted = [DISTRIBUTION, *(re.split(r"[^A-Za-z0-9_.-]", text)[0] for text in metadata.requires(DISTRIBUTION) or ())]
    versions: dict[str, str | None] = {}
    for name in dict.fromkeys(wanted):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {"python": sys.version, "system": platform.platform(), "packages": versions}


def _settings(session: Session) -> dict[str, Any]:
    try:
        settings = session.settings()
        channels = {name: {"to": channel.place} for name, channel in settings.results.items()}
        return {**settings.model_dump(mode="json"), "results": channels}
    except CodedError as error:  # the file itself may hold what must not stand there
        return {"error": str(error)}


def _ledger(session: Session) -> Iterator[tuple[str, str]]:
    """Give batches, runs and events; what is wrong with a ledger that does not open stands in doctor.json."""
    if not session.has_ledger():
        return
    try:
        with session.open_ledger(read_only=True) as ledger:
            yield "batches.json", _json([_row(batch) for batch in ledger.batches()])
            yield "runs.json", _json([_row(run) for run in ledger.runs(limit=RUNS_MAX)])
            yield "unfinished.json", _json([_row(run) for run in ledger.unfinished_runs()])
            yield "audit.json", _json([_row(event) for event in ledger.newest_events(EVENTS_MAX)])
    except CodedError as error:
        yield "ledger-error.json", _json({"code": error.code, "cause": error.cause})


def _named_profiles(named: Sequence[Path]) -> list[Path]:
    """Give the profiles' files; UsageError for a path that is none."""
    found: list[Path] = []
    for path in named:
        if not path.exists():
            raise UsageError(f"{path} does not exist", "Name a profile, or a folder of profiles")
        found += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    return found[:PROFILES_MAX]


def profile_without_secrets(path: Path) -> str:
    """Give a profile's text with every value hidden whose key sounds like a password; nothing of a file that is no YAML."""
    try:
        with path.open("rb") as file:
            text = file.read(PROFILE_BYTES_MAX + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return f"# cannot be read ({type(error).__name__})\n"
    source = parse_yaml(path, text)
    if (
        not isinstance(source.tree, dict)
        or source.faults
        or len(text) > PROFILE_BYTES_MAX
        or "schema" not in source.tree
    ):
        return "# this is no profile that can be read\n"
    # Comments may hold a password that was tried once.
    hidden = [
        (span.begin, span.end)
        for place, span in source.spans.items()
        if place[:2] == ("sdk_config", "values") and len(place) == 3 and _SECRET_KEY.search(str(place[2]))
    ]
    for begin, end in sorted(hidden, reverse=True):
        text = text[:begin] + HIDDEN + text[end:]
    return "".join(
        f"{line}\n" for line in text.splitlines() if not (line.lstrip().startswith("#") and _SECRET_KEY.search(line))
    )


def _end_of(path: Path) -> bytes:
    """Give the last whole lines of a file."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_BYTES_MAX))
        data = file.read(LOG_BYTES_MAX)
    return data if len(data) < LOG_BYTES_MAX else data.partition(b"\n")[2]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_plain) + "\n"


def _row(record: Any) -> dict[str, Any]:
    """Give a record's fields; `asdict` would copy mappings that cannot be copied."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _plain(value: object) -> object:
    return dict(value) if hasattr(value, "keys") else str(value)  # type: ignore[call-overload]  # a mapping
