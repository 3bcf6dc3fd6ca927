"""Text measured in terminal cells: made harmless, cut, padded and wrapped; Chinese signs take two cells each."""

from __future__ import annotations

import unicodedata
from typing import Final

from rich.cells import cell_len, chop_cells, set_cell_size

ELLIPSIS: Final = "…"
_HARMFUL: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that could move the cursor, turn the writing direction or hide text."""


def plain(text: str) -> str:
    """Give text from outside as it may stand on a screen: every control or invisible sign becomes a middle dot."""
    return "".join("·" if unicodedata.category(sign) in _HARMFUL else sign for sign in text)


def half_width(text: str) -> str:
    """Give what was meant where a Chinese input method wrote full-width letters and digits."""
    return unicodedata.normalize("NFKC", text).strip()


def fit(text: str, width: int) -> str:
    """Cut to at most `width` cells; an ellipsis shows that something is missing."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS


def first_fit(width: int, *texts: str) -> str:
    """Give the first of these that is not wider than `width` cells, else the last."""
    return next((text for text in texts if cell_len(text) <= width), texts[-1])


def pad(text: str, width: int) -> str:
    """Give exactly `width` cells, cut or filled with spaces on the right."""
    return set_cell_size(fit(text, width), width)


def wrap(text: str, width: int) -> list[str]:
    """Break into lines of at most `width` cells: between words, and anywhere between Chinese signs."""
    if width < 2:
        return []
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if cell_len(line + piece.rstrip()) <= width:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        *full, line = chop_cells(piece.lstrip(), width) or [""]
        lines.extend(full)
    if line.strip():
        lines.append(line.rstrip())
    return lines


_NO_LINE_BEGINS_WITH: Final = "，。、；：？！）》」』”’%"


def _pieces(text: str) -> list[str]:
    """The parts between which a line may break; closing punctuation stays with what it closes."""
    pieces: list[str] = []
    open_word = False
    for sign in text:
        wide = cell_len(sign) == 2
        if pieces and (sign in _NO_LINE_BEGINS_WITH or (open_word and not wide)):
            pieces[-1] += sign
        else:
            pieces.append(sign)
        open_word = not wide and sign != " "
    return pieces
