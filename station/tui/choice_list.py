"""A list to choose from, whose cursor the screen moves."""

from __future__ import annotations

from typing import Final

from rich.segment import Segment
from textual.strip import Strip
from textual.widgets import OptionList

_MARK: Final = "▸ "


class ChoiceList(OptionList, can_focus=False):
    """Takes no focus: every key belongs to the screen. A click chooses. A sign marks the cursor where there are no colours."""

    def _get_left_gutter_width(self) -> int:
        return len(_MARK)

    def render_line(self, y: int) -> Strip:
        """Put the sign before the first row of the option with the cursor; blanks before the others."""
        strip = super().render_line(y)
        row = self.scroll_offset.y + y
        option, offset = self._lines[row] if row < len(self._lines) else (-1, 0)
        style = next((segment.style for segment in strip), None)
        mark = _MARK if (option, offset) == (self.highlighted, 0) else " " * len(_MARK)
        return Strip([Segment(mark, style), *strip])
