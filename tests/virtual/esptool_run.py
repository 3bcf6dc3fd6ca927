"""Runs the public, unmodified esptool command line against a port, as a user would type it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

QUICK_PYSERIAL = Path(__file__).parent / "quick_pyserial"
LIMIT_S = 90.0


@dataclass(frozen=True, slots=True)
class Run:
    """One command: its port, what is typed after `--port URL`, and the tool."""

    url: str
    arguments: Sequence[str]
    tool: str = "esptool"
    quick: bool = True
    """Let pyserial's RFC 2217 client poll quickly (esptool itself is never touched)."""


def run(command: Run) -> str:
    """Run one command to its end; give what it printed. AssertionError when it fails."""
    environment = dict(os.environ)
    if command.quick:
        environment["PYTHONPATH"] = str(QUICK_PYSERIAL)
    done = subprocess.run(
        [sys.executable, "-m", command.tool, "--port", command.url, *command.arguments],
        env=environment | {"PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{command.arguments}: exit code {done.returncode}\n{done.stdout}"
    return done.stdout


def run_together(commands: Sequence[Run]) -> list[str]:
    """Run commands on different ports at the same time: each one waits most of its time."""
    with ThreadPoolExecutor(len(commands)) as threads:
        return list(threads.map(run, commands))
