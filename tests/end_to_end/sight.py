"""What somebody sees before the screen: rows of cells, and in them the lanes' tiles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from rich.cells import cell_len

_HEAD = re.compile(r"[━─═] (▶ )?(\d+)  ")
_SIDES = {"╭": ("│", "╮", "╰"), "┏": ("┃", "┓", "┗"), "╔": ("║", "╗", "╚")}
"""By the upper left corner: a round frame's, a heavy one's, a double one's; side, and the corners to the right and below."""
_ANSWER = re.compile(r"\s*│\s*(.*?)\s*│\s*")


@dataclass(frozen=True)
class Tile:
    """One lane's tile: its rows without the frame, and the frame's lower edge, which may name the unit."""

    is_chosen: bool
    is_double: bool
    """The frame of a tile that takes the next scan, and is not the chosen one."""
    text: str


@dataclass(frozen=True)
class Sight:
    """A screen at one moment."""

    rows: tuple[str, ...]

    def says(self, words: str) -> bool:
        return any(words in row for row in self.rows)

    def bar_says(self, words: str) -> bool:
        """Whether the key bar, or what else stands in the last row, has these words."""
        return words in self.rows[-1]

    @property
    def answer(self) -> str | None:
        """What stands in the line that is asked for; None where none is asked for."""
        written = [match for row in self.rows if (match := _ANSWER.fullmatch(row))]
        return written[0][1] if len(written) == 1 else None

    @cached_property
    def tiles(self) -> dict[int, Tile]:
        """The tiles with a whole frame, by lane."""
        found: dict[int, Tile] = {}
        grid = [_cells(row) for row in self.rows]
        for y, row in enumerate(grid):
            for left, cell in enumerate(row):
                if cell in _SIDES:
                    _add_tile(found, grid, y, left)
        return found


def _add_tile(found: dict[int, Tile], grid: list[list[str]], top: int, left: int) -> None:
    corner = grid[top][left]
    side, end, below = _SIDES[corner]
    right = next((x for x in range(left + 1, len(grid[top])) if grid[top][x] == end), None)
    head = _HEAD.match("".join(grid[top][left + 1 : right]))
    if right is None or head is None:
        return
    lines = []
    for row in grid[top + 1 :]:
        if len(row) <= right:
            return
        lines.append("".join(row[left + 1 : right]).strip())
        if row[left] == below:
            found[int(head[2])] = Tile(head[1] is not None, corner == "╔", "\n".join(lines))
            return
        if row[left] != side or row[right] != side:
            return


def _cells(row: str) -> list[str]:
    """The row cell by cell; the second cell of a wide letter is empty."""
    return [cell for letter in row for cell in (letter, "")[: cell_len(letter)]]
