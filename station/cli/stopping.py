"""How a command without a screen ends before its time: by a signal, or because nobody takes its output any more."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

from station.errors import Aborted, Code

SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)
"""Ctrl-C; a request to end; the terminal was closed; Ctrl-Break and the closed console of Windows."""
EXIT_CODE_BASE: Final = 128
WAIT_SLICE_S: Final = 0.2
BROKEN_PIPE_NUMBER: Final = 13
"""SIGPIPE, which Windows does not name."""


class Stopped(Aborted):
    """The command was asked to end. `status` is its exit code: 128 and the signal's number, as shells have it."""

    def __init__(self, number: int, cause: str) -> None:
        super().__init__(Code.ABORTED, cause, "Put the units in hand in again: they continue with the same certificate")
        self.status = EXIT_CODE_BASE + number


class StopRequest:
    """Which signal came first, None while there is none."""

    number: int | None = None

    def stopped(self) -> Stopped | None:
        """Give the error that ends the command."""
        return None if self.number is None else stopped_by(self.number)


def stopped_by(number: int) -> Stopped:
    """Give the error that ends a command after this signal."""
    return Stopped(number, f"Stopped by {signal.Signals(number).name}")


@contextmanager
def noted_signals() -> Iterator[StopRequest]:
    """While the block lasts, signals that would end the process are only noted, so that units in hand end in good order.

    A signal that the parent has switched off (nohup, a background job) stays off.
    """
    request = StopRequest()

    def note(number: int, _frame: FrameType | None) -> None:
        # Nothing but this: a handler that takes a lock could wait for the very code that it interrupts.
        if request.number is None:
            request.number = number

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in before.items() if handler not in {signal.SIG_IGN, None}}
    for number in before:
        signal.signal(number, note)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def let_output_go() -> None:
    """Point standard output at nothing once it cannot be written, so that the interpreter's end does not complain."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())
            os.close(nothing)


def wait_for_the_end(request: StopRequest) -> None:
    """Wait until Ctrl-C or another signal is noted."""
    while request.number is None:
        time.sleep(WAIT_SLICE_S)  # a wait without an end would not see Ctrl-C on Windows
