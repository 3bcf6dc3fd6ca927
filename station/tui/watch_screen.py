"""The overview on a big screen: it reads the ledger again and again, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from station.errors import CodedError
from station.texts import Texts
from station.tui.key_bar import KeyBar
from station.tui.overview import Overview
from station.tui.overview_picture import overview_rows
from station.tui.station_screen import StationScreen, TitleRow, refusal

READ_APART_S: Final = 2.0
TICK_S: Final = 1.0
"""How often clock and seconds are painted."""


class OverviewPicture(Widget):
    """Paints one frozen view."""

    view: reactive[Overview | None] = reactive(None)

    def __init__(self, texts: Texts, few: int) -> None:
        super().__init__()
        self._texts = texts
        self._few = few

    def render(self) -> Content:
        if self.view is None:
            return Content(f" {self._texts.say('look.reading')}")
        return Content("\n").join(overview_rows(self.view, self._texts, self._few, self.size.width, self.size.height))


class WatchScreen(StationScreen):
    """`read` waits for the ledger, so it is called in a thread."""

    class Read(Message, bubble=False):
        """The ledger answered."""

        def __init__(self, view: Overview) -> None:
            super().__init__()
            self.view = view

    class Unreadable(Message, bubble=False):
        """It did not."""

        def __init__(self, error: CodedError) -> None:
            super().__init__()
            self.error = error

    def __init__(
        self,
        read: Callable[[], Overview],
        texts: Texts,
        *,
        training: bool,
        now: Callable[[], datetime],
        few: int,
        is_periodic: bool,
    ) -> None:
        """At `few` certificates left it warns. Without `is_periodic` it reads once and its clock stands."""
        super().__init__(texts, training=training)
        self._read = read
        self._now = now
        self._is_periodic = is_periodic
        self._is_reading = False
        self._picture = OverviewPicture(texts, few)
        self._title = TitleRow(self._title_words, texts, training=training)
        self._trouble = TroubleRow(texts)

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._trouble
        yield self._picture
        yield KeyBar()

    def on_mount(self) -> None:
        self.ask()
        if self._is_periodic:
            self.set_interval(READ_APART_S, self.ask)
            self.set_interval(TICK_S, self.tick)

    def ask(self) -> None:
        """Read soon, unless it is being read."""
        if not self._is_reading:
            self._is_reading = True
            self.run_worker(self._look, thread=True, group="watch")

    def _look(self) -> None:
        try:
            view = self._read()
        except CodedError as error:
            self.post_message(self.Unreadable(error))
        else:
            self.post_message(self.Read(view))

    def on_watch_screen_read(self, message: WatchScreen.Read) -> None:
        self._is_reading = False
        self._picture.view = message.view
        self._trouble.error = None
        self._title.refresh()

    def on_watch_screen_unreadable(self, message: WatchScreen.Unreadable) -> None:
        self._is_reading = False
        self._trouble.error = message.error
        self._title.refresh()

    def tick(self) -> None:
        """Let the clock go on; while the ledger cannot be read, what is shown keeps its own time."""
        if self._picture.view is not None and self._trouble.error is None:
            self._picture.view = replace(self._picture.view, at=self._now())
            self._title.refresh()

    def _title_words(self) -> str:
        view, say = self._picture.view, self.texts.say
        if view is None:
            return say("watch.title")
        return f"{say('watch.title')}  {view.at:%H:%M:%S}  {say('watch.period', hours=f'{view.hours:g}')}"


class TroubleRow(Widget):
    """Says that the ledger cannot be read; no row while it can."""

    error: reactive[CodedError | None] = reactive(None, layout=True)

    def __init__(self, texts: Texts) -> None:
        super().__init__()
        self._texts = texts

    def watch_error(self) -> None:
        self.display = self.error is not None

    def render(self) -> Content:
        return Content("") if self.error is None else refusal(self.error, self._texts)
