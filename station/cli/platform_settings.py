"""Where the platform is: the section `platform` of the station's settings, and the command line before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from station.cli.context import Command, Session
from station.errors import UsageError

if TYPE_CHECKING:
    from station.line.shift import Shift
    from station.platform.platform_api import PlatformApi
    from station.platform.settings import PlatformSettings

_OPTIONS: Final = {
    "region": "A region's ID, as cn-shanghai.",
    "endpoint": "host or host:port, without https://.",
    "protocol": "https or http.",
    "instance_id": "The ID that the console shows, as iot-060a02m5.",
}
"""Keys of the section that have an option."""


def platform_options(command: Command) -> Command:
    """Give a command the options that say where the platform is."""
    for name, line in reversed(_OPTIONS.items()):
        command = click.option(
            f"--{name.replace('_', '-')}", metavar=name.upper(), expose_value=False, callback=_keep, help=line
        )(command)
    return command


def _keep(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    from pydantic import ValidationError  # noqa: PLC0415  --help must not pay for it

    from station.platform.settings import PlatformSettings  # noqa: PLC0415  as above

    if value is None or parameter.name is None:
        return
    try:
        PlatformSettings.model_validate({parameter.name: value})
    except ValidationError:
        form = _OPTIONS[parameter.name].rstrip(".")
        raise UsageError(
            f"{value!r} is not {form[0].lower()}{form[1:]}",
            "Write it as the platform's console shows it",
            parameter.opts[0],
        ) from None
    context.ensure_object(Session).platform[parameter.name] = value


def platform_settings(session: Session) -> PlatformSettings:
    """Give the settings of this station and command; SettingsError with every mistake of the file."""
    return session.settings().platform.model_copy(update=session.platform)


def open_platform(session: Session) -> PlatformApi:
    """Give the platform, for the account of the station's access key; SettingsError, PlatformFault."""
    from station.platform.openapi_client import OpenApiClient  # noqa: PLC0415  --help must not pay for it
    from station.platform.platform_api import PlatformApi  # noqa: PLC0415  as above

    return PlatformApi(OpenApiClient(platform_settings(session)))


def platform_of(session: Session, shift: Shift) -> PlatformApi | None:
    """Give the platform that the walk of a shift asks, None when its profile wants no word of it; as `open_platform`."""
    online = shift.recipe.profile.checks.online
    return open_platform(session) if online is not None and online.by == "platform" else None
