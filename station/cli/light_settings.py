"""The stack light of the station's settings, alight as long as a command works."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from station.chip.plain_port import PlainPort
from station.cli.context import Session
from station.errors import PeripheralFault
from station.peripherals.stack_light import LightState, StackLight

_logger = logging.getLogger(__name__)


@contextmanager
def stack_light(session: Session) -> Iterator[StackLight | None]:
    """Give the light, off, and put it out at the end; None where none is set. Its trouble goes into the log, and to `check`."""
    settings = session.settings().stack_light
    if settings.port is None:
        yield None
        return
    light = StackLight(partial(PlainPort, settings.port, settings.baud), settings.signal_bytes, _note)
    light.show(LightState.OFF)
    try:
        yield light
    finally:
        light.close()


def _note(fault: PeripheralFault) -> None:
    _logger.warning("%s: %s (%s)", fault.code, fault.cause, fault.place)


def is_light(url: str, light_port: str | None) -> bool:
    """Say whether a port is the light's, which the settings may name by a link to it."""
    return light_port is not None and os.path.realpath(url) == os.path.realpath(light_port)
