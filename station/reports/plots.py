"""Plots as inline SVG: columns that stand, bars that lie. Every text is escaped; colours are the page's classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

_COLUMNS_WIDTH: Final = 500
_BARS_WIDTH: Final = 800
_AXIS: Final = 44
_PLOT_HEIGHT: Final = 150
_TOP: Final = 10
_ROW: Final = 26
_LABEL: Final = 260
_NUMBER: Final = 140
_SIGN: Final = 6
"""Room for one sign of a label on an axis."""
_ROUND: Final = (1, 2, 4, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """A lying bar: `share` of the width (0 to 1), what stands before and behind it; `marked` where it stands out."""

    label: str
    share: float
    words: str
    marked: bool = False
    tick: float | None = None
    """A second value, as a stroke."""


def round_top(value: float) -> float:
    """Give the end of an axis that has room for a value: a round number, whose half is round too."""
    size = 10.0 ** math.floor(math.log10(max(value, 1.0)))
    return next(part * size for part in _ROUND if part * size >= value)


def columns(title: str, values: Sequence[float | None], labels: Sequence[str], *, top: float, unit: str) -> Markup:
    """Columns from 0 to `top`, oldest left; None is a gap. `labels` stand below, as many as have room."""
    step = (_COLUMNS_WIDTH - _AXIS) / max(1, len(values))
    parts = [_grid(top, unit)]
    for place, value in enumerate(values):
        if value is None:
            continue
        height = max(1.0 if value else 0.0, min(1.0, value / top) * _PLOT_HEIGHT) if top else 0.0
        parts.append(
            f'<rect class="column" x="{_AXIS + place * step + step * 0.1:.1f}" y="{_TOP + _PLOT_HEIGHT - height:.1f}" '
            f'width="{step * 0.8:.1f}" height="{height:.1f}"><title>{escape(labels[place])}: '
            f"{value:.1f}{escape(unit)}</title></rect>"
        )
    every = -(-len(labels) // 5) or 1
    for place in range(0, len(labels), every):
        x = _AXIS + place * step + step * 0.1
        if x + len(labels[place]) * _SIGN <= _COLUMNS_WIDTH:  # else its end would be cut off
            parts.append(
                f'<text class="axis" x="{x:.1f}" y="{_TOP + _PLOT_HEIGHT + 16}">{escape(labels[place])}</text>'
            )
    return _svg(title, _COLUMNS_WIDTH, _TOP + _PLOT_HEIGHT + 24, parts)


def bars(title: str, entries: Sequence[Bar]) -> Markup:
    """Lying bars, one below the other."""
    room = _BARS_WIDTH - _LABEL - _NUMBER
    parts = []
    for place, bar in enumerate(entries):
        y = place * _ROW
        kind = "bar marked" if bar.marked else "bar"
        parts.append(
            f'<text class="label" x="0" y="{y + 17}">{escape(_short(bar.label))}<title>{escape(bar.label)}</title></text>'
            f'<rect class="track" x="{_LABEL}" y="{y + 5}" width="{room}" height="16"/>'
            f'<rect class="{kind}" x="{_LABEL}" y="{y + 5}" width="{min(1.0, bar.share) * room:.1f}" height="16"/>'
        )
        if bar.tick is not None:
            x = _LABEL + min(1.0, bar.tick) * room
            parts.append(f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{y + 2}" y2="{y + 24}"/>')
        parts.append(f'<text class="label" x="{_LABEL + room + 10}" y="{y + 17}">{escape(bar.words)}</text>')
    return _svg(title, _BARS_WIDTH, max(1, len(entries)) * _ROW, parts)


def _grid(top: float, unit: str) -> str:
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = _TOP + _PLOT_HEIGHT * (1 - share)
        lines.append(
            f'<line class="grid" x1="{_AXIS}" x2="{_COLUMNS_WIDTH}" y1="{y}" y2="{y}"/>'
            f'<text class="axis end" x="{_AXIS - 6}" y="{y + 4}">{top * share:.0f}{escape(unit)}</text>'
        )
    return "".join(lines)


def _short(text: str) -> str:
    """Fit a label into its room; a wide sign takes two places."""
    cells, kept = 0, ""
    for sign in text:
        cells += 2 if ord(sign) > 0x2E80 else 1
        if cells > 38:
            return kept + "…"
        kept += sign
    return kept


def _svg(title: str, width: int, height: int, parts: Sequence[str]) -> Markup:
    head = f'<svg viewBox="0 0 {width} {height}" style="max-width:{width}px" role="img" aria-label="{escape(title)}">'
    return Markup(f"{head}{''.join(parts)}</svg>")  # noqa: S704  each text in it went through `escape`
