"""`python -m tests.benchmarks.start [--rows N...] [--runs N] [--json]`: how long `station run` takes from its exec to the first
whole paint in a terminal of 120 × 40, and until the shift can begin: ledger open, profile, images and lanes looked at.

Beside it, to the same paint, a Textual app that shows one word: no screen of Textual's comes sooner on this machine. A first
start of each is not counted: it compiles what it imports.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import sys
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from station.ledger import Ledger
from station.texts import Texts
from tests.benchmarks.ledger import PRODUCT_KEY, working_folder, write_csv
from tests.benchmarks.unit import PRODUCT_KEY as UNIT_PRODUCT_KEY
from tests.benchmarks.unit import SMALL_SET, write_profile

ROWS_DEFAULT: Final = (10_000, 1_000_000)
SIZE: Final = (40, 120)
TIMEOUT_S: Final = 60.0
_ONE_WORD: Final = """
from textual.app import App
from textual.widgets import Static
class OneWord(App):
    def compose(self): yield Static("painted")
OneWord().run()
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One program's starts, in seconds."""

    what: str
    paint_p50_s: float
    paint_max_s: float
    ready_p50_s: float | None = None
    ready_max_s: float | None = None


def start(command: list[str], marks: Sequence[Sequence[str]]) -> list[float]:
    """Start a program in a terminal of its own and end it; give the seconds until all words of each mark were painted, in turn."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process, terminal = pty.fork()
    if not process:
        os.execve(command[0], command, environment | {"TERM": "xterm-256color"})  # noqa: S606  no shell is wanted
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    try:
        return list(_painted(terminal, began, marks))
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)


def _painted(terminal: int, began: float, marks: Sequence[Sequence[str]]) -> list[float]:
    painted, seconds = b"", []
    for words in marks:
        while not all(word.encode() in painted for word in words):
            readable, _, _ = select.select([terminal], [], [], began + TIMEOUT_S - time.perf_counter())
            read = b""
            with suppress(OSError):  # Linux: the program has ended
                read = os.read(terminal, 1 << 16) if readable else b""
            if not read:
                raise SystemExit(f"{words} never came")
            painted += read
        seconds.append(time.perf_counter() - began)
    return seconds


def stock(folder: Path, rows: int) -> Path:
    """Make a station with so many certificates, whose first line lead was put off; give its profile."""
    csv = folder / "bench.csv"
    write_csv(csv, rows)
    with Ledger.open(folder / "data") as ledger:
        ledger.operators.decline_first_lead(by="bench")
        ledger.import_batch(csv, name="bench")
    profile = write_profile(folder, SMALL_SET, 921_600)
    profile.write_text(profile.read_text(encoding="utf-8").replace(UNIT_PRODUCT_KEY, PRODUCT_KEY), encoding="utf-8")
    return profile


def measure(rows: int, runs: int, named: Path | None) -> Row:
    """Start `station run` so often on a ledger of so many certificates."""
    say = Texts("en").sentences
    first = (say["choice.looking"].split()[0], say["key.palette"])
    ready = (say["choice.with_warnings"].split()[-1],)
    with working_folder(named) as folder:
        profile = stock(folder, rows)
        command = [sys.executable, "-m", "station.cli.main", "--data", str(folder / "data"), "--lang", "en"]
        command += ["run", str(profile), "--port", "loop://"]
        starts = [start(command, (first, ready)) for _ in range(runs + 1)][1:]
    paints, readies = zip(*starts, strict=True)
    return Row(
        f"station run, {rows:,} certificates",
        statistics.median(paints),
        max(paints),
        statistics.median(readies),
        max(readies),
    )


def measure_one_word(runs: int) -> Row:
    """Start the app of one word so often."""
    starts = [start([sys.executable, "-c", _ONE_WORD], [["painted"]])[0] for _ in range(runs + 1)][1:]
    return Row("Textual, one word", statistics.median(starts), max(starts))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS_DEFAULT)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="where to work")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [measure_one_word(options.runs), *(measure(rows, options.runs, options.folder) for rows in options.rows)]
    if options.json:
        print(json.dumps([asdict(row) for row in rows]))  # noqa: T201  its output is what it is for
        return
    print(f"{'':36} {'paint p50':>10} {'max':>6} {'ready p50':>10} {'max':>6}")  # noqa: T201  as above
    for row in rows:
        figures = (row.paint_p50_s, row.paint_max_s, row.ready_p50_s, row.ready_max_s)
        shown = ["-" if figure is None else f"{figure:.2f}" for figure in figures]
        print(f"{row.what:36} {shown[0]:>10} {shown[1]:>6} {shown[2]:>10} {shown[3]:>6}")  # noqa: T201  as above


if __name__ == "__main__":
    main()
