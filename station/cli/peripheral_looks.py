"""What `station doctor` looks at beside the lanes: label printer and stack light. Units pass without them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from station.cli.context import Session
from station.cli.finding import Finding, Health
from station.cli.light_settings import stack_light
from station.errors import CodedError, InputError
from station.peripherals.label_printer import open_printer
from station.peripherals.stack_light import LightState


def look_at_printer(session: Session) -> Iterator[Finding]:
    """The label printer of the settings: does it answer, and is it ready?"""
    try:
        address = session.settings().printer.address
        if address is None:
            return
        printer = open_printer(address, session.data)
        printer.check()
    except InputError:
        return  # told by the settings
    except CodedError as error:
        yield Finding("printer", Health.ODD, f"{address}: {error.code}: {error.cause}", error.mend)
    else:
        yield Finding("printer", Health.GOOD, f"{printer.name} takes labels")
    if find_spec("PIL") is None or find_spec("zxingcpp") is None:
        mend = "Run: pip install 'flashing-station[labels]'"
        yield Finding("printer", Health.ODD, "labels cannot be previewed: the extra is not installed", mend)


def look_at_light(session: Session) -> Iterator[Finding]:
    """The stack light of the settings: is its port there, and what does each state show?"""
    try:
        settings = session.settings().stack_light
        with stack_light(session) as light:
            if light is None:
                return
            light.check()
    except InputError:
        return  # told by the settings
    except CodedError as error:
        yield Finding("stack light", Health.ODD, f"{settings.port}: {error.code}: {error.cause}", error.mend)
        return
    dark = [state for state in LightState if state not in settings.signals]
    if dark:
        mend = "Write its bytes into `stack_light: {signals: …}`, unless the light shall stay as it is"
        yield Finding("stack light", Health.ODD, f"{settings.port}: no bytes for {', '.join(dark)}", mend)
    else:
        yield Finding("stack light", Health.GOOD, f"{settings.port} takes its bytes")
