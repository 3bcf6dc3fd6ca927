"""A driver that, once it is told to, does not return from one kind of call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import serial

from station.chip import lane_port
from station.line import lane as lane_module
from station.line import line as line_module


class WedgedPort:
    """A port in front of a real one whose driver does not return from `call` until it is freed."""

    def __init__(self, inner: serial.Serial, call: str, freed: threading.Event) -> None:
        self.__dict__.update(_inner=inner, _call=call, _freed=freed)

    def __getattr__(self, name: str) -> Any:
        if name != self._call:
            return getattr(self._inner, name)

        def never(*_arguments: object) -> bytes:
            self._freed.wait()
            raise serial.SerialException("the adapter is gone")

        return never

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._inner, name, value)


@contextmanager
def wedged(url: str, call: str, stuck_after_s: float = 1.0) -> Iterator[None]:
    """Let the driver of the port at `url` hang; the station calls a driver stuck after `stuck_after_s`."""
    freed = threading.Event()
    make = lane_port._make

    def make_wedged(asked: str) -> Any:
        inner = make(asked)
        return WedgedPort(inner, call, freed) if asked == url else inner

    with (
        mock.patch.object(lane_port, "_make", make_wedged),
        mock.patch.object(line_module, "STUCK_LOOK_PERIOD_S", 0.05),
        mock.patch.object(lane_module, "STUCK_AFTER_S", stuck_after_s),
    ):
        try:
            yield
        finally:
            freed.set()
