"""Terminals with nobody before them: tmux, and a pseudo-terminal that pyte reads. Keys go in, rows of cells come out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pyte
from rich.cells import cell_len

from tests.end_to_end.conftest import clean_environment

Size = tuple[int, int]
"""Columns and rows."""
KEYS: Final = {
    "Enter": "\r",
    "Escape": "\x1b",
    "Tab": "\t",
    "Up": "\x1b[A",
    "Down": "\x1b[B",
    "Right": "\x1b[C",
    "Left": "\x1b[D",
    "C-p": "\x10",
    **{f"F{number}": f"\x1bO{letter}" for number, letter in enumerate("PQRS", 1)},
    **{f"F{number}": f"\x1b[{code}~" for number, code in enumerate((15, 17, 18, 19, 20, 21), 5)},
}
"""As tmux names them, and what a terminal of xterm's kind sends."""
_OF_A_TERMINAL: Final = ("COLUMNS", "LINES", "TMUX")
"""What a terminal says of itself to the programs in it; the tests run in another one."""
BLANK: Final = b"\x1b[2J"
ANSWER_LIMIT_S: Final = 10.0
END_LIMIT_S: Final = 30.0


class Terminal(ABC):
    """One program in one terminal, from its start to its end."""

    @abstractmethod
    def __init__(self, arguments: Sequence[str], environment: dict[str, str], size: Size, folder: Path) -> None:
        """Start the program; `folder` is for what the terminal needs on the disk."""

    @abstractmethod
    def rows(self) -> tuple[str, ...]:
        """Give what is on the screen now, one text a row, blanks at the end of a row left away."""

    @abstractmethod
    def press(self, *keys: str) -> None:
        """Press keys by their names in KEYS, as fast as they go."""

    @abstractmethod
    def send(self, text: str) -> None:
        """Send letters in one burst."""

    @abstractmethod
    def resize(self, size: Size) -> None:
        """Give the window another size."""

    @abstractmethod
    def device(self) -> str:
        """Name the device that the program writes to."""

    @abstractmethod
    def exit_code(self) -> int | None:
        """Give how the program ended; None while it runs."""

    @abstractmethod
    def close(self) -> None:
        """Leave nothing behind."""

    def blank(self) -> None:
        """Wipe the screen behind the program's back: what stands there afterwards was painted afterwards."""
        device = os.open(self.device(), os.O_WRONLY | os.O_NOCTTY)
        try:
            os.write(device, BLANK)
        finally:
            os.close(device)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TmuxTerminal(Terminal):
    """A window of a tmux server of its own."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str], size: Size, folder: Path) -> None:
        self._tmux = [str(shutil.which("tmux")), "-u", "-f", os.devnull, "-S", str(folder / "tmux")]
        self._environment = environment
        columns, rows = size
        # The window is set up before the program is in it.
        self._ask("new-session", "-d", "-x", str(columns), "-y", str(rows), "cat")
        self._ask("set", "-g", "status", "off")
        self._ask("set", "-g", "remain-on-exit", "on")
        self._ask("set", "-g", "window-size", "manual")
        self._ask("set", "-s", "escape-time", "0")
        self._ended = folder / "exit-code"
        # A shell keeps the exit code: tmux 3.3 does not always see its own child's.
        self._ask("respawn-pane", "-k", "sh", "-c", '"$@"; echo $? > "$0"', str(self._ended), *arguments)

    def _ask(self, *words: str) -> str:
        done = subprocess.run(
            [*self._tmux, *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=ANSWER_LIMIT_S,
            check=False,
            env=self._environment,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self) -> tuple[str, ...]:
        return tuple(row.rstrip() for row in self._ask("capture-pane", "-p").split("\n")[:-1])

    def press(self, *keys: str) -> None:
        self._ask("send-keys", *keys)

    def send(self, text: str) -> None:
        self._ask("send-keys", "-H", *(f"{byte:02x}" for byte in text.encode()))

    def resize(self, size: Size) -> None:
        columns, rows = size
        self._ask("resize-window", "-x", str(columns), "-y", str(rows))

    def device(self) -> str:
        return self._ask("display-message", "-p", "#{pane_tty}").strip()

    def exit_code(self) -> int | None:
        code = self._ended.read_text(encoding="utf-8") if self._ended.exists() else ""
        return int(code) if code else None

    def close(self) -> None:
        self._ask("kill-server")


class PtyTerminal(Terminal):
    """A pseudo-terminal whose other end is pyte's screen."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str], size: Size, folder: Path) -> None:
        del folder
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._rows: tuple[str, ...] | None = None
        """What is shown; None when something was painted since it was read."""
        self._ours, theirs = os.openpty()  # type: ignore[attr-defined,unused-ignore]  # POSIX
        self._device: str = os.ttyname(theirs)  # type: ignore[attr-defined,unused-ignore]  # POSIX
        self._tell_size(size)
        self._process = subprocess.Popen(
            arguments,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment | {"TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, name="terminal")
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                said = os.read(self._ours, 65536)
            except OSError:  # the last one at the other end has gone
                return
            if not said:
                return
            with self._lock:
                self._stream.feed(said)
                self._rows = None

    def _tell_size(self, size: Size) -> None:
        import termios  # noqa: PLC0415  POSIX

        columns, rows = size
        termios.tcsetwinsize(self._ours, (rows, columns))  # type: ignore[attr-defined,unused-ignore]  # POSIX

    def rows(self) -> tuple[str, ...]:
        with self._lock:
            if self._rows is None:
                self._rows = tuple(self._row(number).rstrip() for number in range(self._screen.lines))
            return self._rows

    def _row(self, number: int) -> str:
        """Give a row as terminals show it: half a wide letter that was painted over is blank (pyte's own `display` knows none)."""
        cells = [self._screen.buffer[number][x].data for x in range(self._screen.columns)]
        row, before_is_wide = "", False
        for cell, after in zip(cells, [*cells[1:], ""], strict=True):
            is_half = bool(after) if cell_len(cell) == 2 else not (cell or before_is_wide)
            shown = " " if is_half else cell
            row, before_is_wide = row + shown, cell_len(shown) == 2
        return row

    def press(self, *keys: str) -> None:
        self.send("".join(KEYS[key] for key in keys))

    def send(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def resize(self, size: Size) -> None:
        columns, rows = size
        with self._lock:
            self._screen.resize(rows, columns)
            self._rows = None
        self._tell_size(size)
        self.tell(signal.SIGWINCH)  # type: ignore[attr-defined,unused-ignore]  # POSIX; no terminal controls it

    def tell(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        self._process.send_signal(number)

    def device(self) -> str:
        return self._device

    def exit_code(self) -> int | None:
        return self._process.poll()

    def close(self) -> None:
        self._process.kill()
        self._process.wait(END_LIMIT_S)
        self._reader.join(END_LIMIT_S)
        os.close(self._ours)


TERMINALS: Final[dict[str, type[Terminal]]] = {"tmux": TmuxTerminal, "pyte": PtyTerminal}


def environment_in_terminal() -> dict[str, str]:
    """The environment for a program in one of these."""
    kept = {key: value for key, value in clean_environment().items() if key not in _OF_A_TERMINAL}
    return kept | {"LC_ALL": "C.UTF-8"}


def lacking(terminal: str) -> str | None:
    """Say why this terminal cannot be had here; None when it can."""
    if sys.platform == "win32":
        return "a terminal of this kind is POSIX's"
    if terminal == "tmux" and shutil.which("tmux") is None:
        return "tmux is not installed; the same shift is worked in a pseudo-terminal"
    return None
