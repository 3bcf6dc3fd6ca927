"""Blocks of rows stacked into a room: what matters least is shortened or left out first, spare rows become air."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.content import Content

from station.tui.cell_text import fit, wrap

Row = Content
"""One line of a tile, not wider than its room."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that stay together. The block with the highest `rank` is first to become `short` (and then of `short_rank`) or to go."""

    rows: tuple[Row, ...]
    rank: int = 0
    short: tuple[Row, ...] | None = None
    short_rank: int = 0
    air: bool = False
    """Whether a blank row stands before it when there is room."""


def text_row(text: str, width: int, style: str = "") -> Row:
    """One row, cut to the width."""
    return Content.styled(fit(text, width), style) if style else Content(fit(text, width))


def text_rows(text: str, width: int, style: str = "", indent: str = "") -> tuple[Row, ...]:
    """A paragraph, wrapped; `indent` stands before its first line, spaces of that width before the others."""
    lines = wrap(text, width - len(indent))
    return tuple(
        text_row((indent if number == 0 else " " * len(indent)) + line, width, style)
        for number, line in enumerate(lines)
    )


def stack(blocks: Sequence[Block], height: int) -> list[Row]:
    """Give at most `height` rows: blocks in their order, blank rows for air where there is room."""
    kept = [block for block in blocks if block.rows]
    while len(kept) > 1 and sum(len(block.rows) for block in kept) > height:
        worst = max(range(len(kept)), key=lambda index: (kept[index].rank, index))
        short = kept[worst].short
        if short:
            kept[worst] = replace(kept[worst], rows=short, short=None, rank=kept[worst].short_rank)
        else:
            del kept[worst]
    spare = height - sum(len(block.rows) for block in kept)
    rows: list[Row] = []
    for block in kept:
        if block.air and rows and spare > 0:
            rows.append(Content(""))
            spare -= 1
        rows.extend(block.rows)
    return rows[:height]


def middle(row: Row, room: int) -> Row:
    """Put a row in the middle of its room; a row wider than the room stays as it is."""
    return Content(" " * max(0, (room - row.cell_length) // 2)) + row


def place(rows: Sequence[Row], width: int, height: int, room: int) -> list[Row]:
    """Put a column of rows, `room` cells wide, into the middle of a tile; wider rows take the whole width."""
    above = max(0, (height - len(rows)) // 2)
    margin = Content(" " * ((width - room) // 2))
    placed = [margin + row if row.cell_length <= room else middle(row, width) for row in rows]
    return [Content("")] * above + placed
