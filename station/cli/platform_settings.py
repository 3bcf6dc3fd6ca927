"""Where the platform is: the section `platform` of `station.yaml` in the data folder, and the command line before it."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from station.cli.context import Command, Session
from station.errors import Code, Fault, InputError, UsageError

if TYPE_CHECKING:
    from station.line.shift import Shift
    from station.platform.platform_api import PlatformApi
    from station.platform.settings import PlatformSettings
    from station.profile.yaml_source import YamlSource

SETTINGS_FILE: Final = "station.yaml"
_SECTION: Final = "platform"
_PATTERNS: Final = {
    "region": (re.compile(r"[a-z0-9-]{2,40}"), "a region's ID, as cn-shanghai"),
    "endpoint": (
        re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]{1,253})(:[0-9]{1,5})?"),
        "host or host:port, without https://",
    ),
    "protocol": (re.compile(r"https?"), "https or http"),
    "instance_id": (re.compile(r"[A-Za-z0-9_-]{1,64}"), "the ID that the console shows, as iot-060a02m5"),
}
_CA_FILE: Final = "ca_file"
_TIMES: Final = ("connect_timeout_s", "read_timeout_s")
_TIME_S_MAX: Final = 300
_KEYS: Final = re.compile(r"access_?key|secret|^(ak|sk)$|token|password")


def platform_options(command: Command) -> Command:
    """Give a command the options that say where the platform is."""
    for name, (_, form) in reversed(_PATTERNS.items()):
        command = click.option(
            f"--{name.replace('_', '-')}", metavar=name.upper(), expose_value=False, callback=_keep, help=f"{form}."
        )(command)
    return command


def _keep(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None and parameter.name is not None:
        pattern, form = _PATTERNS[parameter.name]
        if not pattern.fullmatch(value):
            raise UsageError(
                f"{value!a} is not {form}", "Write it as the platform's console shows it", parameter.opts[0]
            )
        context.ensure_object(Session).platform[parameter.name] = value


def platform_settings(session: Session) -> PlatformSettings:
    """Give the settings of this station and command; UsageError with every fault of the file."""
    from station.platform.settings import PlatformSettings  # noqa: PLC0415  --help must not pay for it

    given: dict[str, Any] = {**_section_of(session.data / SETTINGS_FILE), **session.platform}
    return replace(PlatformSettings(), **given)


def open_platform(session: Session) -> PlatformApi:
    """Give the platform, for the account of the station's access key; UsageError, PlatformFault."""
    from station.platform.openapi_client import OpenApiClient  # noqa: PLC0415  as above
    from station.platform.platform_api import PlatformApi  # noqa: PLC0415  as above

    return PlatformApi(OpenApiClient(platform_settings(session)))


def platform_of(session: Session, shift: Shift) -> PlatformApi | None:
    """Give the platform that the walk of a shift asks, None when its profile wants no word of it; as `open_platform`."""
    online = shift.recipe.profile.checks.online
    return open_platform(session) if online is not None and online.by == "platform" else None


def _section_of(path: Path) -> dict[str, object]:
    from station.profile.yaml_source import read_yaml  # noqa: PLC0415  as above

    if not path.exists():
        return {}
    source = read_yaml(path)
    section = source.tree.get(_SECTION) if isinstance(source.tree, dict) else None
    found: dict[str, object] = {}
    if section is not None and not isinstance(section, Mapping):
        source.fault(source.line((_SECTION,)), "platform is no mapping of keys", "Write {region: cn-shanghai}")
    elif section is not None:
        found = {key: value for key in section if (value := _value(source, key, section[key])) is not None}
    if source.faults:
        raise SettingsError(path, source.faults)
    return found


def _value(source: YamlSource, key: str, value: object) -> str | float | None:
    """Give a key's value, or None after noting what is wrong with it."""
    line = source.line((_SECTION, key))
    if _KEYS.search(key.casefold().replace("-", "_")):
        mend = "Remove it, make the key invalid in the console, and give a new one with `station platform login`"
        source.fault(line, "an access key never stands in a file of the station", mend)
    elif key in _PATTERNS:
        pattern, form = _PATTERNS[key]
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        source.fault(line, f"{key} is not {form}", "Write it as the platform's console shows it")
    elif key == _CA_FILE:
        return _ca_file(source, line, value)
    elif key in _TIMES:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _TIME_S_MAX:
            return float(value)
        source.fault(line, f"{key} is no number of seconds up to {_TIME_S_MAX}", f"Write {key}: 10")
    else:
        known = ", ".join((*_PATTERNS, _CA_FILE, *_TIMES))
        source.fault(line, f"platform has no key {key[:40]!a}", f"There are: {known}")
    return None


def _ca_file(source: YamlSource, line: int | None, value: object) -> str | None:
    """Give the path of a root certificate, which may be relative to the settings, or None after noting the fault."""
    path = source.path.parent / str(value)
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        source.fault(line, f"{path} is no root certificate", "Give a file in PEM: -----BEGIN CERTIFICATE-----")
    except OSError as error:
        source.fault(line, f"{path} cannot be read ({error.strerror})", "Name the root certificate's file")
    else:
        return str(path)
    return None


class SettingsError(InputError):
    """The station's settings are wrong."""

    def __init__(self, path: Path, faults: list[Fault]) -> None:
        super().__init__(Code.USAGE, "the station's settings are wrong", "Mend the file", str(path), faults)
