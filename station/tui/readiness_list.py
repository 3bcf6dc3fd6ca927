"""The readiness list: one thing per line, in words, and below it what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from station.texts import Texts
from station.tui.blocks import Row
from station.tui.cell_text import pad, plain, wrap
from station.tui.line_port import ReadinessLine

READY: Final = "ready"
WARNING: Final = "warning"
BLOCKED: Final = "blocked"
_SIGNS: Final = {READY: "✔", WARNING: "▲", BLOCKED: "✘"}
_COLOURS: Final = {READY: "$verdict-pass-text", WARNING: "$verdict-error-text", BLOCKED: "$verdict-fail-text"}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A line that the screen itself adds: what a CodedError said."""

    text: str
    mend: str
    kind: str = "station"
    state: str = BLOCKED


class ReadinessList(Widget):
    """Paints `items`."""

    items: reactive[tuple[ReadinessLine, ...]] = reactive((), layout=True)

    def __init__(self, texts: Texts) -> None:
        super().__init__()
        self._texts = texts

    def render(self) -> Content:
        return Content("\n").join(readiness_rows(self.items, self._texts, self.size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        del container, viewport
        return len(readiness_rows(self.items, self._texts, width))


def readiness_rows(items: Sequence[ReadinessLine], texts: Texts, width: int) -> list[Row]:
    """Give the list's rows for this width."""
    kinds = [texts.sentences.get(f"kind.{item.kind}", plain(item.kind)) for item in items]
    kind_cells = max((cell_len(kind) for kind in kinds), default=0)
    rows: list[Row] = []
    for item, kind in zip(items, kinds, strict=True):
        indent = " " * (kind_cells + 6)
        room = max(2, width - len(indent) - 1)
        words = wrap(plain(item.text), room) or [""]
        head = (f"  {_SIGNS[item.state]} {pad(kind, kind_cells)}  ", f"bold {_COLOURS[item.state]}")
        rows.append(Content.assemble(head, words[0]))
        rows += [Content(indent + line) for line in words[1:]]
        arrows = ["→ ", *["  "] * 99]
        mend = wrap(plain(item.mend), room - 2)
        rows += [Content.styled(indent + arrow + line, "bold") for arrow, line in zip(arrows, mend, strict=False)]
    return rows
