"""A real process with the screen on a fake line, for the tests that end it from outside: `scripted_station.py FILE`.

FILE gets the calls that the line saw, at the end.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from station.events import LaneWaiting, WaitReason  # the path comes first
from station.tui.app import run_station_app
from tests.tui.fake_line import FakeLine, fake_app, fake_line


class TellingLine(FakeLine):
    """Begins to wait when it is started and writes its calls down when it is stopped."""

    told: Path

    def start(self) -> None:
        super().start()
        self.say(*(LaneWaiting(lane.number, WaitReason.INSERT_UNIT) for lane in self.lanes))

    def stop(self, timeout_s: float) -> bool:
        stopped = super().stop(timeout_s)
        self.told.write_text(" ".join(self.calls), encoding="utf-8")
        return stopped


def own_terminal() -> None:
    """Make the terminal on standard input this session's own, so that closing it hangs the process up."""
    import fcntl  # noqa: PLC0415  not on Windows
    import termios  # noqa: PLC0415  not on Windows

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def main() -> None:
    own_terminal()
    line = TellingLine(fake_line(2).lanes)
    line.told = Path(sys.argv[1])
    run_station_app(fake_app(line))


if __name__ == "__main__":
    main()
