"""How many columns and rows of tiles give every lane the most room, and how many last units fit below."""

from __future__ import annotations

from station.tui import big_word

BORDER_CELLS = 2
_CELL_RATIO = 2.2
"""A terminal's cell is about this many times as high as it is wide."""


def grid_size(lanes: int, width: int, height: int) -> tuple[int, int]:
    """Give (columns, rows): the largest block letters win, then the tile nearest to a square, then fewer empty places."""

    def merit(columns: int) -> tuple[int, float, int]:
        rows = -(-lanes // columns)
        inner_width, inner_height = width // columns - BORDER_CELLS, height // rows - BORDER_CELLS
        letters = len(big_word.largest("PASS", "✔", inner_width, max(0, inner_height - 2)))
        return min(letters, 5), min(inner_width / _CELL_RATIO, inner_height), -(columns * rows - lanes)

    columns = max(range(1, lanes + 1), key=merit) if lanes else 1
    return columns, -(-max(1, lanes) // columns)


def last_units_rows(lanes: int, height: int) -> int:
    """Give how many rows the list of last units takes on a screen of this height."""
    most = 3 if lanes <= 2 else 1
    return max(most, min(8, (height - 24) // 2 + most))
