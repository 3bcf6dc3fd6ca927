"""What `station doctor` looks at beside the lanes: the label printer. Units pass without it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from station.cli.context import Session
from station.cli.finding import Finding, Health
from station.errors import CodedError, InputError
from station.peripherals.label_printer import open_printer


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
