"""Verdicts are told apart by everybody: in every kind of colour blindness, without colours, and in poor light."""

from __future__ import annotations

from itertools import combinations, starmap

import pytest
from rich.color import Color as RichColor
from textual.color import Color, Lab, rgb_to_lab
from textual.theme import Theme

from station.tui.colours import CONTRAST, THEMES

SEEN = {
    "all colours": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
"""What an eye makes of linear red, green and blue: Machado, Oliveira, Fernandes 2009, severity 1."""
APART = 20.0
"""CIE 1976 distance; about 2.3 is just seen side by side."""
READABLE, HIGHLY_READABLE = 4.5, 7.0
"""Contrast of text, WCAG 2 AA and AAA."""
FILLS = ("verdict-pass", "verdict-fail", "verdict-error", "verdict-aborted")


def seen(colour: Color, matrix: tuple[tuple[float, ...], ...]) -> Lab:
    linear = [_linear(part) for part in colour.normalized]
    mixed = [min(1.0, max(0.0, sum(a * b for a, b in zip(row, linear, strict=True)))) for row in matrix]
    return rgb_to_lab(Color.from_rich_color(RichColor.from_rgb(*(255 * _shown(part) for part in mixed))))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _shown(part: float) -> float:
    return part * 12.92 if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def _distance(one: Lab, other: Lab) -> float:
    return float(((one.L - other.L) ** 2 + (one.a - other.a) ** 2 + (one.b - other.b) ** 2) ** 0.5)


def contrast(one: Color, other: Color) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    return sum(share * _linear(part) for share, part in zip((0.2126, 0.7152, 0.0722), colour.normalized, strict=True))


@pytest.mark.parametrize("eye", SEEN)
@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_every_eye_tells_the_verdicts_fills_apart(theme: Theme, eye: str) -> None:
    fills = [seen(Color.parse(theme.variables[name]), SEEN[eye]) for name in FILLS]

    assert min(starmap(_distance, combinations(fills, 2))) >= APART


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_every_word_is_readable_on_its_ground(theme: Theme) -> None:
    least = HIGHLY_READABLE if theme is CONTRAST else READABLE
    variables = theme.variables
    grounds = [(variables[f"{fill}-ink"], variables[fill]) for fill in FILLS]
    for name in ("verdict-pass-text", "verdict-fail-text", "verdict-error-text", "lane-accent", "quiet"):
        grounds += [(variables[name], str(theme.background)), (variables[name], str(theme.surface))]
    grounds.append((variables["footer-key-foreground"], str(theme.panel)))

    assert [(ink, ground) for ink, ground in grounds if contrast(Color.parse(ink), Color.parse(ground)) < least] == []
