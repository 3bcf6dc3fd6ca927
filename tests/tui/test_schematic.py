"""Drawings of the failure catalogue: narrow enough, with every label whole, and aligned in each language."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from station.errors import Code
from station.texts import LANGUAGES, Texts
from station.tui.schematic import BY_CODE, DRAWINGS, LABEL, WIDTH_MAX, schematic

CASES = [(language, code) for language in LANGUAGES for code in BY_CODE]


def columns(rows: tuple[str, ...]) -> list[list[int]]:
    """Cells at which lines of a drawing stand, row by row."""
    return [[cell_len(row[:place]) for place, sign in enumerate(row) if "─" <= sign <= "╿"] for row in rows]


@pytest.mark.parametrize(("language", "code"), CASES)
def test_a_drawing_fits_and_its_labels_are_whole(language: str, code: str) -> None:
    texts, name = Texts(language), BY_CODE[code]
    rows = schematic(code, texts)

    assert max(cell_len(row) for row in rows) <= WIDTH_MAX
    for label, cells in LABEL.findall(DRAWINGS[name]):
        words = texts.say(f"schematic.{name}.{label}")
        assert cell_len(words) <= int(cells)
        assert any(words in row for row in rows)


@pytest.mark.parametrize("code", BY_CODE)
def test_the_lines_stand_in_the_same_cells_in_every_language(code: str) -> None:
    first, *others = (columns(schematic(code, Texts(language))) for language in LANGUAGES)

    assert any(first)
    assert all(other == first for other in others)


def test_only_known_codes_have_a_drawing_and_no_drawing_is_left_over() -> None:
    assert {*BY_CODE} <= {code.value for code in Code}
    assert {*BY_CODE.values()} == DRAWINGS.keys()
    assert schematic("F40", Texts("en")) == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_label_of_the_catalogue_is_drawn(language: str) -> None:
    drawn = {f"schematic.{name}.{label}" for name, art in DRAWINGS.items() for label, _ in LABEL.findall(art)}

    assert {key for key in Texts(language).sentences if key.startswith("schematic.")} == drawn
