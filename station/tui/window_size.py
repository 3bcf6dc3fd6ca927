"""How big the window is, whenever somebody has changed it."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from collections.abc import Callable

from textual.events import Resize
from textual.geometry import Size


def tell_window_size(loop: asyncio.AbstractEventLoop, tell: Callable[[Resize], object]) -> None:
    """Tell each new size of the terminal's window in the loop, the last one last; call this from the main thread.

    In place of Textual's own signal handler: while a corner is dragged that one is entered again before it has told its
    size, tells the newest first, and leaves the screen laid out for a size that the window no longer has.
    Systems without the signal tell sizes in order.
    """
    if sys.platform == "win32":
        return

    def look() -> None:
        size = Size(*shutil.get_terminal_size())
        tell(Resize(size, size))

    loop.add_signal_handler(signal.SIGWINCH, look)
