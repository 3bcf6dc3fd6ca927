"""Shown while the lanes are stopped: what is going on, and what becomes of a unit in work."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from station.texts import Texts
from station.tui.line_port import LinePort
from station.tui.station_screen import StationScreen, TitleRow

STOP_TIMEOUT_S = 10.0
"""A lane checks for its abort many times a second; only a hung driver takes longer than this."""


class LeavingScreen(StationScreen):
    """Stops the line in a thread and tells the app how that ended."""

    class LineStopped(Message):
        """Every port is closed, or the limit has passed."""

        def __init__(self, *, all_closed: bool) -> None:
            super().__init__()
            self.all_closed = all_closed

    def __init__(self, line: LinePort, texts: Texts, *, training: bool, working: Sequence[int]) -> None:
        super().__init__(texts, training=training)
        self._line = line
        self._working = tuple(working)

    def compose(self) -> ComposeResult:
        yield TitleRow(lambda: self.texts.say("leave.title"), self.texts, training=self.training)
        yield Static(self._words())

    def _words(self) -> Content:
        sentences = [self.texts.say("leave.idle")]
        if self._working:
            lanes = ", ".join(str(number) for number in self._working)
            sentences = [self.texts.say("leave.running", lanes=lanes), self.texts.say("leave.resume")]
        return Content("\n\n").join([Content(""), *(Content(f"   {line}") for line in sentences)])

    def retell(self) -> None:
        self.query_one(Static).update(self._words())
        super().retell()

    def on_mount(self) -> None:
        self.run_worker(self._stop, thread=True, group="line")

    def _stop(self) -> None:
        self.post_message(self.LineStopped(all_closed=self._line.stop(STOP_TIMEOUT_S)))
