"""F1: what happened on the chosen lane, how a unit is made, what the tiles say, which keys there are."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.geometry import Size
from textual.widget import Widget

from station.texts import Texts
from station.tui.blocks import Row, text_rows
from station.tui.error_words import found_words, tries_of
from station.tui.key_bar import KeyBar
from station.tui.lane_view import LaneView
from station.tui.schematic import schematic
from station.tui.station_screen import StationScreen, TitleRow

LINE_PARTS: Final = ("work", "colours", "keys")
WATCH_PARTS: Final = ("watch", "colours", "watch_keys")
"""What the page tells: titles and lists of the catalogue."""
_NUMBERED: Final = frozenset({"work"})


class HelpScreen(StationScreen):
    """One page of words; the lanes go on behind it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "key.back"),
        Binding("f1,enter", "app.pop_screen", show=False),
        Binding("down", "scroll(1)", "key.scroll", key_display="↑↓"),
        Binding("up", "scroll(-1)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
    ]

    def __init__(
        self, texts: Texts, *, training: bool, explained: LaneView | None, parts: tuple[str, ...] = LINE_PARTS
    ) -> None:
        super().__init__(texts, training=training)
        self._explained = explained
        self._parts = parts

    def compose(self) -> ComposeResult:
        yield TitleRow(lambda: self.texts.say("help.title"), self.texts, training=self.training)
        with VerticalScroll(id="room", can_focus=False):
            yield HelpPage(self.texts, self._explained, self._parts)
        yield KeyBar()

    def action_scroll(self, rows: int) -> None:
        self.query_one("#room", VerticalScroll).scroll_relative(y=rows, animate=False)


class HelpPage(Widget):
    """The page's words, wrapped to the width."""

    def __init__(self, texts: Texts, explained: LaneView | None, parts: tuple[str, ...]) -> None:
        super().__init__()
        self._texts = texts
        self._explained = explained
        self._parts = parts

    def on_resize(self, _event: Resize) -> None:
        self.refresh(layout=True)

    def render(self) -> Content:
        return Content("\n").join(help_rows(self._texts, self._explained, self.size.width, self._parts))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        del container, viewport
        return len(help_rows(self._texts, self._explained, width, self._parts))


def help_rows(texts: Texts, explained: LaneView | None, width: int, parts: tuple[str, ...] = LINE_PARTS) -> list[Row]:
    """Give the page's rows; a lane's failure comes first, because that is why somebody asks."""
    rows = _failure_rows(texts, explained, width) if explained is not None else []
    for part in parts:
        lines = texts.lists[f"help.{part}_lines"]
        indents = [f"{number}  " if part in _NUMBERED else "   " for number in range(1, len(lines) + 1)]
        rows.append(Content.styled(texts.say(f"help.{part}"), "bold $lane-accent"))
        for indent, line in zip(indents, lines, strict=True):
            rows.extend(text_rows(line, width, indent=indent))
        rows.append(Content(""))
    rows.extend(text_rows(texts.say("help.phone"), width))
    return rows


def _failure_rows(texts: Texts, view: LaneView, width: int) -> list[Row]:
    failure = texts.failure(view.code)
    rows = [Content.styled(texts.say("help.failure", lane=view.lane), "bold $lane-accent")]
    rows.extend(text_rows(f"{view.code}  {failure.title if failure else ''}", width, "bold"))
    if failure:
        rows.extend(text_rows(failure.cause, width))
        for number, sentence in enumerate(tries_of(failure, view.code, view.facts, texts), 1):
            rows.extend(text_rows(sentence, width, indent=f"{number}  "))
        drawn = schematic(view.code, texts)
        rows.extend(Content(row) for row in ("", *drawn, "") if drawn)
    rows.extend(text_rows(found_words(view.code, view.message, view.facts, texts), width, "$quiet"))
    return [*rows, Content("")]
