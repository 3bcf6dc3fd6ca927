"""The readiness list: one thing per line, in words, and below it what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from station.line.readiness import Readiness, ReadinessItem
from station.texts import Texts, fill
from station.tui.blocks import Row
from station.tui.cell_text import pad, plain, wrap
from station.tui.error_words import error_words, mistake_words

_SIGNS: Final = {Readiness.READY: "✔", Readiness.WARNING: "▲", Readiness.BLOCKED: "✘"}
_COLOURS: Final = {
    Readiness.READY: "$verdict-pass-text",
    Readiness.WARNING: "$verdict-error-text",
    Readiness.BLOCKED: "$verdict-fail-text",
}


class ReadinessList(Widget):
    """Paints `items`."""

    items: reactive[tuple[ReadinessItem, ...]] = reactive((), layout=True)

    def __init__(self, texts: Texts) -> None:
        super().__init__()
        self._texts = texts

    def render(self) -> Content:
        return Content("\n").join(readiness_rows(self.items, self._texts, self.size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        del container, viewport
        return len(readiness_rows(self.items, self._texts, width))


def readiness_rows(items: Sequence[ReadinessItem], texts: Texts, width: int) -> list[Row]:
    """Give the list's rows for this width."""
    kinds = [texts.say(f"kind.{item.kind}") for item in items]
    kind_cells = max((cell_len(kind) for kind in kinds), default=0)
    rows: list[Row] = []
    for item, kind in zip(items, kinds, strict=True):
        indent = " " * (kind_cells + 6)
        room = max(2, width - len(indent) - 1)
        said, to_do = words_of(item, texts)
        words = wrap(said, room) or [""]
        head = (f"  {_SIGNS[item.state]} {pad(kind, kind_cells)}  ", f"bold {_COLOURS[item.state]}")
        rows.append(Content.assemble(head, words[0]))
        rows += [Content(indent + line) for line in words[1:]]
        arrows = ["→ ", *["  "] * 99]
        mend = wrap(to_do, room - 2)
        rows += [Content.styled(indent + arrow + line, "bold") for arrow, line in zip(arrows, mend, strict=False)]
    return rows


def words_of(item: ReadinessItem, texts: Texts) -> tuple[str, str]:
    """What is said, and what to do about it, or nothing."""
    if item.fault is not None:
        mistake = item.mistake
        words = error_words(item.fault, texts) if mistake is None else mistake_words(item.fault.code, mistake, texts)
        return words.said, words.mend
    mend = texts.sentences.get(f"mend.{item.sentence}", "")
    return plain(texts.say(f"ready.{item.sentence}", **item.values)), plain(fill(mend, item.values))
