"""Words, numbers and signs in block letters, as large as the room allows, for reading from two metres."""

from __future__ import annotations

from typing import Final

_GLYPHS: Final = {
    "A": ("###", "#.#", "###", "#.#", "#.#"),
    "B": ("##.", "#.#", "##.", "#.#", "##."),
    "D": ("##.", "#.#", "#.#", "#.#", "##."),
    "E": ("###", "#..", "##.", "#..", "###"),
    "F": ("###", "#..", "##.", "#..", "#.."),
    "I": ("#", "#", "#", "#", "#"),
    "L": ("#..", "#..", "#..", "#..", "###"),
    "O": ("###", "#.#", "#.#", "#.#", "###"),
    "P": ("###", "#.#", "###", "#..", "#.."),
    "R": ("###", "#.#", "##.", "#.#", "#.#"),
    "S": ("###", "#..", "###", "..#", "###"),
    "T": ("###", ".#.", ".#.", ".#.", ".#."),
    "0": ("###", "#.#", "#.#", "#.#", "###"),
    "1": (".#", "##", ".#", ".#", ".#"),
    "2": ("###", "..#", "###", "#..", "###"),
    "3": ("###", "..#", ".##", "..#", "###"),
    "4": ("#.#", "#.#", "###", "..#", "..#"),
    "5": ("###", "#..", "###", "..#", "###"),
    "6": ("###", "#..", "###", "#.#", "###"),
    "7": ("###", "..#", ".#.", ".#.", ".#."),
    "8": ("###", "#.#", "###", "#.#", "###"),
    "9": ("###", "#.#", "###", "..#", "###"),
    ".": (".", ".", ".", ".", "#"),
    ":": (".", "#", ".", "#", "."),
    "–": ("..", "..", "##", "..", ".."),
    "✔": ("...#", "..##", "#.#.", "###.", ".#.."),
    "✘": ("#...#", ".#.#.", "..#..", ".#.#.", "#...#"),
    "▲": ("..#..", "..#..", ".###.", ".###.", "#####"),
    "■": ("####", "####", "####", "####", "####"),
    "▼": ("..#..", "..#..", "#.#.#", ".###.", "..#.."),
}
"""Five pixels high. A pixel at scale s is s cells wide and s half cells high, which is a square on most screens."""

HEIGHT_PIXELS: Final = 5
LARGEST_SCALE: Final = 6
_WORTH_THE_SYMBOL: Final = 1.5
"""The symbol stays unless the word alone would be more than this much larger."""
_HALVES: Final = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def draw(word: str, symbol: str = "", *, scale: int, gap: int) -> list[str]:
    """Draw `symbol word` with `gap` cells between letters; lines of equal width, in half blocks."""
    glyphs = [_GLYPHS[sign] for sign in word]
    rows = [("." * gap).join(_stretched(glyph[row], scale) for glyph in glyphs) for row in range(HEIGHT_PIXELS)]
    if symbol:
        space = "." * _symbol_gap(scale, gap)
        rows = [_stretched(_GLYPHS[symbol][row], scale) + space + rows[row] for row in range(HEIGHT_PIXELS)]
    half_rows = [row for row in rows for _ in range(scale)]
    if len(half_rows) % 2:
        half_rows.append("." * len(half_rows[0]))
    pairs = zip(half_rows[::2], half_rows[1::2], strict=True)
    return ["".join(_HALVES[a == "#", b == "#"] for a, b in zip(up, down, strict=True)) for up, down in pairs]


def width_cells(word: str, symbol: str, scale: int, gap: int) -> int:
    """How wide `draw` would be."""
    letters = sum(len(_GLYPHS[sign][0]) for sign in word) * scale + gap * (len(word) - 1)
    return letters + (len(_GLYPHS[symbol][0]) * scale + _symbol_gap(scale, gap) if symbol else 0)


def largest(word: str, symbol: str, width: int, height: int) -> list[str]:
    """Draw `symbol word` as large as fits into the room; without the symbol where that makes the word much larger.

    Gives no lines when not even the smallest fits; the caller then writes plain letters.
    """
    with_symbol, gap = _largest_scale(word, symbol, width, height)
    alone, gap_alone = _largest_scale(word, "", width, height)
    if with_symbol and with_symbol * _WORTH_THE_SYMBOL >= alone:
        return draw(word, symbol, scale=with_symbol, gap=gap)
    return draw(word, scale=alone, gap=gap_alone) if alone else []


def _largest_scale(word: str, symbol: str, width: int, height: int) -> tuple[int, int]:
    """Give the largest scale that fits and its gap; scale 0 when none does."""
    for scale in range(LARGEST_SCALE, 0, -1):
        if (HEIGHT_PIXELS * scale + 1) // 2 > height:
            continue
        for gap, margin in ((scale, 2), (1, 0)):
            if width_cells(word, symbol, scale, gap) + margin <= width:
                return scale, gap
    return 0, 1


def _stretched(pixels: str, scale: int) -> str:
    return "".join(pixel * scale for pixel in pixels)


def _symbol_gap(scale: int, gap: int) -> int:
    """The sign is no letter: it stands a little apart."""
    return max(2, scale) + (gap if gap > 1 else 0)
