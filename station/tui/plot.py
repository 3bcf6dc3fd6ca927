"""Plots of block letters: bars that lie, columns that stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from station.tui.blocks import Row
from station.tui.cell_text import fit

_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_AXIS_CELLS: Final = 7
_COLUMN_CELLS_MAX: Final = 6


def lying_bar(share: float, width: int, style: str) -> Row:
    """A bar of `share` (0 to 1) of the width, in eighths of a cell; what is more than nothing is seen."""
    eighths = max(1 if share > 0 else 0, round(min(1.0, share) * width * 8))
    full, rest = divmod(eighths, 8)
    words = "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    return Content.styled(words, style) + " " * (width - len(words))


def columns(
    values: Sequence[float | None], width: int, height: int, *, top: float, unit: str, style: str
) -> tuple[Row, ...]:
    """Columns from 0 to `top`, oldest left, with an axis; None is a gap. `height` rows; the newest that fit are kept."""
    room = max(0, width - _AXIS_CELLS)
    cells = max(1, min(_COLUMN_CELLS_MAX, room // max(1, len(values))))
    gap = cells > 2
    shown = values[-(room // cells) :] if room else []
    rows = []
    for floor in reversed(range(height)):
        letters = "".join(_cell(value, top, height, floor) * (cells - gap) + " " * gap for value in shown)
        label = f"{top:.0f}{unit}" if floor == height - 1 else ("0" if floor == 0 else "")
        axis = f"{fit(label, _AXIS_CELLS - 2):>{_AXIS_CELLS - 2}} │"
        rows.append(Content.assemble((axis, "$quiet"), (letters, style)))
    return tuple(rows)


def _cell(value: float | None, top: float, height: int, floor: int) -> str:
    if value is None:
        return " "
    eighths = round(min(1.0, value / top) * height * 8) if top else 0
    if floor == 0:
        eighths = max(1, eighths)
    return _EIGHTHS[max(0, min(8, eighths - floor * 8))]
