"""A program that runs on the virtual chip, in a child process of its own: it may loop, crash or be cut off like real code."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import IO, BinaryIO, Final, cast

from station.virtual.program_link import FrameKind, read_frame, write_frame

_KILL_WAIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Board:
    """What the program can know of its board; sent as JSON. `banner` is set for MicroPython, empty for C-like programs."""

    chip: str
    mac: str
    partitions: tuple[tuple[str, int, int, int, int], ...]
    banner: str
    project_name: str
    version: str
    now_ms: int


class Program:
    """One run of a program: made, begun, waited for, closed; `receive` and `kill` may be called from any thread."""

    def __init__(self, say: Callable[[bytes], None], write: Callable[[int, bytes], None]) -> None:
        self._say = say
        self._write = write
        self._sending = threading.Lock()
        # Flash and program go through the pipe: no secret stands in an argument, the environment or a temporary file.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "station.virtual.micropython"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    def begin(self, board: Board, source: str, flash: bytes) -> None:
        """Hand over the board, the frozen program (empty for MicroPython) and the flash: then it runs."""
        self._send(FrameKind.BOARD, json.dumps(asdict(board)).encode("utf-8"))
        self._send(FrameKind.PROGRAM, source.encode("utf-8"))
        self._send(FrameKind.FLASH, flash)

    @property
    def process_id(self) -> int:
        return self._process.pid

    def receive(self, data: bytes) -> None:
        """Hand the program what its UART received."""
        self._send(FrameKind.INPUT, data)

    def wait(self) -> bool:
        """Relay the output until the program ends; true when it asked for a reset."""
        stdout = cast(BinaryIO, self._process.stdout)
        wants_reset = False
        while (frame := read_frame(stdout)) is not None:
            kind, payload = frame
            if kind is FrameKind.OUTPUT:
                self._say(payload)
            elif kind is FrameKind.FLASH_WRITE:
                (offset,) = struct.unpack_from(">I", payload)
                self._write(offset, payload[4:])
            elif kind is FrameKind.RESET:
                wants_reset = True
        return wants_reset

    def last_words(self) -> str:
        """Give the last line of the child's error output, empty after a regular end; to be called after `wait`."""
        lines = cast(IO[bytes], self._process.stderr).read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def kill(self) -> None:
        """End the child at once."""
        self._process.kill()

    def close(self) -> None:
        """End the child, wait for it and let go of the pipes."""
        self._process.kill()
        self._process.wait(_KILL_WAIT_S)
        with self._sending:
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None:
                    _close(stream)

    def _send(self, kind: FrameKind, payload: bytes) -> None:
        with self._sending:
            stdin = cast(BinaryIO, self._process.stdin)
            try:
                write_frame(stdin, kind, payload)
            except (OSError, ValueError):
                return  # the child has ended; `wait` tells so


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:
        return  # unsent bytes for a child that is gone
