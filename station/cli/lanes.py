"""Options and parts that `run`, `flash` and `demo` share."""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from station.chip.chip import ResetMode
from station.chip.ports import list_serial_ports
from station.cli.context import LOG_NAME
from station.errors import Code, PortFault, UsageError
from station.line.lane import LaneInfo, LanePlan, Startup
from station.line.shift import Shift, check_ports

Command = TypeVar("Command", bound=Callable[..., Any])
LOG_BYTES_MAX: Final = 2_000_000
LOG_FILES_KEPT: Final = 5

profile_argument = click.argument("profile", type=click.Path(path_type=Path))
port_option = click.option(
    "--port", "ports", multiple=True, metavar="URL", help="Serial port or rfc2217://host:port; once for each lane."
)
batch_option = click.option("--batch", metavar="B", help="Batch to take certificates from.")
operator_option = click.option(
    "--operator",
    default=None,
    metavar="NAME",
    help="Who works here, name or badge (default, as long as there are no operators: the system's user).",
)


def choose_ports(given: Sequence[str]) -> tuple[str, ...]:
    """The ports named, or every USB serial port of this PC; UsageError when one is named twice, PortFault when there is none."""
    check_ports(given)
    ports = tuple(given) or tuple(port.url for port in list_serial_ports() if port.likely_unit)
    if not ports:
        raise PortFault(
            Code.PORT_MISSING,
            "No serial port was found",
            "Plug an adapter in, or name a port with --port; `station ports` lists them",
        )
    return ports


def plan_lanes(
    shift: Shift, ports: Sequence[str], units: int | None = None, end_on_error: bool = False
) -> list[LanePlan]:
    """One lane for each port, numbered from 1, as the profile says."""
    profile = shift.recipe.profile
    return [
        LanePlan(
            LaneInfo(number, port),
            reset=ResetMode(profile.reset),
            startup=Startup(profile.start),
            units=units,
            end_on_error=end_on_error,
        )
        for number, port in enumerate(ports, start=1)
    ]


def log_to(data: Path) -> None:
    """Write the station's log below its data folder: bounded, rotating, never on the terminal."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            data / LOG_NAME, maxBytes=LOG_BYTES_MAX, backupCount=LOG_FILES_KEPT, encoding="utf-8"
        )
    except OSError as error:
        raise UsageError(
            f"The data folder cannot be used ({error.strerror})", "Choose a folder of yours with --data", str(data)
        ) from error
    # A log that cannot be written (full disk, a name taken on Windows) must not fill the terminal.
    logging.raiseExceptions = False
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    root = logging.getLogger("station")
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    root.propagate = False
