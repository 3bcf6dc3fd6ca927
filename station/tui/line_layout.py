"""How many columns and rows of tiles give every lane the most room, and how many last units fit below."""

from __future__ import annotations

from station.tui import big_word

BORDER_CELLS = 2
_CELLS_PER_ROW = 4
"""A row of a tile is worth this many cells of its width: sentences need width before they need rows."""
_LETTERS_ROWS_MAX = 8
"""Block letters higher than this do not tell more; the room is better spent on words."""


def grid_size(lanes: int, width: int, height: int) -> tuple[int, int]:
    """Give (columns, rows): the largest block letters win, then the roomiest tile, then fewer empty places."""

    def merit(columns: int) -> tuple[int, float, int]:
        rows = -(-lanes // columns)
        inner_width, inner_height = width // columns - BORDER_CELLS, height // rows - BORDER_CELLS
        letters = len(big_word.largest("PASS", "✔", inner_width, max(0, inner_height - 2)))
        return (
            min(letters, _LETTERS_ROWS_MAX),
            min(inner_width / _CELLS_PER_ROW, inner_height),
            -(columns * rows - lanes),
        )

    columns = max(range(1, lanes + 1), key=merit) if lanes else 1
    return columns, -(-max(1, lanes) // columns)


def last_units_rows(lanes: int, height: int) -> int:
    """Give how many rows the list of last units takes on a screen of this height."""
    fewest = 3 if lanes <= 2 else 1
    return max(fewest, min(8, (height - 24) // 4 + fewest))
