"""Pictures of a screen, kept beside the tests and compared; UPDATE_SNAPSHOTS=1 in the environment writes them anew."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from station.tui.screen_app import ScreenApp

_TEXT = re.compile(r'(?P<before><text [^>]*)textLength="(?P<length>[\d.]+)"(?P<behind>[^>]*>)(?P<words>[^<]+)</text>')
FOLDER = Path(__file__).parent / "snapshots"


def screen_text(app: ScreenApp) -> str:
    """The screen's letters, row by row, without colours."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips).rstrip() + "\n"


def screen_svg(app: ScreenApp) -> str:
    """The screen with its colours; fonts are the reader's own, so that the picture needs no network."""
    svg = app.export_screenshot(title="flashing-station")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "DejaVu Sans Mono")
    svg = _TEXT.sub(_in_cells, svg)
    # Some viewers swallow leading blanks without this.
    svg = svg.replace("<text ", '<text xml:space="preserve" ')
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def _in_cells(text: re.Match[str]) -> str:
    """Give a wide sign two cells: the exporter counts signs, and squeezes Chinese into half its room."""
    words = html.unescape(text["words"])
    length = float(text["length"]) / len(words) * cell_len(words)
    return f'{text["before"]}textLength="{length:g}"{text["behind"]}{text["words"]}</text>'


def expect_picture(name: str, now: str) -> None:
    """Fail when the picture differs from the kept one."""
    path = FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(now, encoding="utf-8", newline="\n")
        return
    if not path.exists():
        pytest.fail(f"{path} is missing: look at the screen, then run with UPDATE_SNAPSHOTS=1")
    kept = path.read_text(encoding="utf-8")
    if name.endswith(".txt"):
        assert now == kept
    elif now != kept:
        pytest.fail(f"{path} no longer shows the screen: look at both, then run with UPDATE_SNAPSHOTS=1")
