"""The list of the last units, newest first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from station.events import VerdictReached
from station.texts import Texts
from station.tui.cell_text import fit, pad, plain
from station.tui.lane_picture import SYMBOLS
from station.tui.quantity import seconds_words
from station.unit import Disposition
from station.verdict import Verdict

KEPT_MAX: Final = 50
_COLOURS: Final = {
    Verdict.PASS: "$verdict-pass-text",
    Verdict.FAIL: "$verdict-fail-text",
    Verdict.ERROR: "$verdict-error-text",
    Verdict.ABORTED: "$quiet",
}


@dataclass(frozen=True, slots=True)
class UnitLine:
    """One finished run; `at` is the wall clock's time where the station stands."""

    at: datetime
    lane: int
    verdict: Verdict
    device_name: str
    mac: str
    seconds: float
    code: str | None
    disposition: Disposition | None = None
    unprinted: str | None = None
    """The code of why a good unit has no label yet."""


def unit_line(event: VerdictReached, at: datetime) -> UnitLine:
    """Give the line for a verdict; texts from outside become harmless."""
    code = plain(event.code) if event.code else None
    return UnitLine(
        at, event.lane, event.verdict, plain(event.device_name or ""), plain(event.mac or ""), event.seconds, code
    )


class LastUnits(Widget):
    """Shows as many of the newest lines as it has rows."""

    lines: reactive[tuple[UnitLine, ...]] = reactive(())

    def __init__(self, texts: Texts) -> None:
        super().__init__()
        self._texts = texts

    def add(self, line: UnitLine) -> None:
        """Put a line on top; the oldest beyond the limit goes."""
        self.lines = (line, *self.lines)[:KEPT_MAX]

    def decide(self, lane: int, mac: str, disposition: Disposition | None) -> None:
        """Tell on the unit's newest line of that lane where it goes."""
        self._change(lane, mac, disposition=disposition)

    def tell_label(self, lane: int, mac: str, code: str | None) -> None:
        """Tell on the unit's newest line of that lane that its label was not printed, or (None) that it is."""
        self._change(lane, mac, unprinted=plain(code) if code else None)

    def _change(self, lane: int, mac: str, **changed: Any) -> None:
        for place, line in enumerate(self.lines):
            if (line.lane, line.mac) == (lane, mac):
                self.lines = (*self.lines[:place], replace(line, **changed), *self.lines[place + 1 :])
                return

    def render(self) -> Content:
        width, height = self.size
        if not self.lines:
            return Content.styled(fit(f" {self._texts.say('last.empty')}", width), "$quiet")
        shown = self.lines[:height]
        name_cells = max(len(line.device_name) for line in shown)
        return Content("\n").join(_row(line, self._texts, name_cells, width) for line in shown)


def _row(line: UnitLine, texts: Texts, name_cells: int, width: int) -> Content:
    reason = texts.titled(line.code)
    if line.disposition is not None:
        reason = f"→ {texts.say(f'disposition.{line.disposition}')}  {reason}"
    if line.unprinted is not None:
        reason = texts.say("print.listed", code=line.unprinted)
    head = f" {line.at:%H:%M:%S} {line.lane:>3}  "
    word = pad(f"{SYMBOLS[line.verdict]} {line.verdict}", 10)
    mac = line.mac or " " * 17
    rest = f"{pad(line.device_name, name_cells)}  {mac} {seconds_words(line.seconds, texts):>8}  {reason}"
    return Content.assemble(
        (head, "$quiet"), (word, f"bold {_COLOURS[line.verdict]}"), fit(rest, max(0, width - 10 - len(head)))
    )
