"""After a window's corner was dragged the screen is laid out for the size that the window has."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys

import pytest
from textual.events import Resize

from station.tui.window_size import tell_window_size

SIZES = [(100, 30), (140, 50), (96, 28), (80, 24)]


@pytest.mark.skipif(sys.platform == "win32", reason="sizes come without a signal")
async def test_the_last_size_is_told_last_also_when_it_comes_while_another_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[tuple[int, int]] = []
    last = asyncio.Event()
    sizes = iter(SIZES)

    def look() -> os.terminal_size:
        size = next(sizes)
        if size != SIZES[-1]:
            signal.raise_signal(signal.SIGWINCH)  # type: ignore[attr-defined,unused-ignore]  # POSIX
        return os.terminal_size(size)

    def tell(event: Resize) -> None:
        told.append((event.size.width, event.size.height))
        if len(told) == len(SIZES):
            last.set()

    monkeypatch.setattr(shutil, "get_terminal_size", look)
    loop = asyncio.get_running_loop()
    tell_window_size(loop, tell)
    signal.raise_signal(signal.SIGWINCH)  # type: ignore[attr-defined,unused-ignore]  # POSIX
    await asyncio.wait_for(last.wait(), 10)
    loop.remove_signal_handler(signal.SIGWINCH)  # type: ignore[attr-defined,unused-ignore]  # POSIX

    assert told == SIZES
