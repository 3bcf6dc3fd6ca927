"""Ends from outside: a kill, or the window that is closed during a write."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

HUNG_UP_EXIT_CODE: Final = 129
"""128 + SIGHUP, as shells tell it."""


def leave_on_signals(loop: asyncio.AbstractEventLoop, leave: Callable[[int], None], give_up_after_s: float) -> None:
    """Call `leave` with the signal's number in the loop when the process is told to end; call this from the main thread.

    After a closed window nothing may write to the terminal any more: the screen's writer would die and the rest wait
    for it for ever. So the terminal is let go first, and the process ends after `give_up_after_s` whatever happens.
    Systems without these signals end the process themselves.
    """
    if sys.platform == "win32":
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave, number)

    # A signal may interrupt anything, also code outside the app; `leave` needs the app's own context.
    context = contextvars.copy_context()

    def hung_up(number: int, _frame: object) -> None:
        _let_go_of_terminal()
        last_resort = threading.Timer(give_up_after_s, os._exit, (HUNG_UP_EXIT_CODE,))
        last_resort.daemon = True
        last_resort.start()
        with suppress(RuntimeError):  # the loop has closed, the rest is ending already
            loop.call_soon_threadsafe(leave, number, context=context)

    # Not the loop's own handler: this one runs before Textual's for SIGCONT, which comes with a hang-up and writes.
    signal.signal(signal.SIGHUP, hung_up)


def _let_go_of_terminal() -> None:
    """Point the standard streams to nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
