"""The child process: takes board, program and flash from standard input, then runs until it is killed."""

from __future__ import annotations

import json
import sys

from station.virtual.micropython.device import Device
from station.virtual.micropython.idf_modules import idf_modules
from station.virtual.micropython.interpreter import run_frozen, run_micropython
from station.virtual.program_link import read_frame


def main() -> None:
    """Run one program on one board."""
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    frames = [read_frame(stdin) for _ in range(3)]
    if any(frame is None for frame in frames):
        return
    board, program, flash = (frame[1] for frame in frames if frame is not None)
    device = Device(json.loads(board), flash, stdin, stdout)
    device.listen()
    if device.banner:
        run_micropython(device)
    else:
        run_frozen(device, program.decode("utf-8"), idf_modules(device))


if __name__ == "__main__":
    main()
