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
from station.tui.cell_text import fit, plain
from station.tui.look_back_pages import run_row
from station.tui.shift_view import RunLine
from station.unit import Disposition

KEPT_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class UnitLine(RunLine):
    """A run that finished on this line, and what became of its unit since."""

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
        name_cells = max(len(line.name) for line in shown)
        return Content("\n").join(_row(line, self._texts, name_cells, width) for line in shown)


def _row(line: UnitLine, texts: Texts, name_cells: int, width: int) -> Content:
    reason = texts.titled(line.code)
    if line.disposition is not None:
        reason = f"→ {texts.say(f'disposition.{line.disposition}')}  {reason}"
    if line.unprinted is not None:
        reason = texts.say("print.listed", code=line.unprinted)
    return run_row(line, texts, name_cells, width, reason=reason)
