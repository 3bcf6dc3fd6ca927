"""F2: the shift so far. Its units with a search, its failures, its yield over time, the audit log; read once, in a thread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Static

from station.errors import CodedError
from station.ledger import AuditEvent
from station.texts import Texts
from station.tui.answer_input import AnswerInput
from station.tui.cell_text import half_width, plain
from station.tui.error_words import error_words
from station.tui.key_bar import KeyBar
from station.tui.line_port import RecordPort
from station.tui.look_back_pages import (
    Page,
    audit_rows,
    failure_rows,
    page_at,
    page_titles,
    places_shown,
    shift_rows,
    unit_rows,
)
from station.tui.shift_view import RunLine, ShiftView, shift_view
from station.tui.station_screen import StationScreen, TitleRow
from station.tui.unit_screen import UnitScreen

SEARCH_LETTERS_MAX: Final = 64
_ALL_ROWS: Final = 10_000


class LookBackScreen(StationScreen):
    """Tab turns the pages; typing or scanning searches; Enter opens a unit's story."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "turn(1)", "key.turn", key_display="Tab"),
        Binding("shift+tab", "turn(-1)", show=False),
        Binding("escape", "back", "key.back"),
        Binding("f5", "read", "key.read"),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
    ]

    page: reactive[Page] = reactive(Page.UNITS, init=False)

    class Read(Message, bubble=False):
        """The ledger answered."""

        def __init__(self, view: ShiftView, events: tuple[AuditEvent, ...]) -> None:
            super().__init__()
            self.view = view
            self.events = events

    class Refused(Message, bubble=False):
        """It did not."""

        def __init__(self, error: CodedError) -> None:
            super().__init__()
            self.error = error

    def __init__(self, record: RecordPort, texts: Texts, *, training: bool, now: Callable[[], datetime]) -> None:
        super().__init__(texts, training=training)
        self._record = record
        self._now = now

    def compose(self) -> ComposeResult:
        yield TitleRow(lambda: self.texts.say("look.title"), self.texts, training=self.training)
        yield Static(id="pages")
        yield AnswerInput(id="search", max_length=SEARCH_LETTERS_MAX, compact=True)
        yield LookBackPage(self.texts, self._now)
        yield Static(id="sentence")
        yield KeyBar()

    def on_mount(self) -> None:
        self._show_page()
        self.action_read()

    def action_read(self) -> None:
        """Read the ledger; F5 reads it again."""
        self._say("look.reading")
        self.run_worker(self._read, thread=True, group="look")

    def _read(self) -> None:
        try:
            runs, earlier, events = self._record.runs(), self._record.earlier_runs(), self._record.events()
        except CodedError as error:
            self.post_message(self.Refused(error))
        else:
            self.post_message(self.Read(shift_view(runs, earlier, self._record.began, self._now()), events))

    def on_look_back_screen_read(self, message: LookBackScreen.Read) -> None:
        page = self.query_one(LookBackPage)
        page.view, page.events = message.view, message.events
        self._say(None)
        self.refresh_bindings()

    def on_look_back_screen_refused(self, message: LookBackScreen.Refused) -> None:
        self._say(None, f"▲ {error_words(message.error, self.texts).line}")

    def _say(self, key: str | None, words: str = "") -> None:
        text = self.texts.say(key) if key else words or self.texts.say(f"look.ask_{self.page}")
        self.query_one("#sentence", Static).update(Content(plain(text)))

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one(LookBackPage).search = event.value
        self.refresh_bindings()

    def take_scan(self, code: str) -> None:
        """A unit's name: found, and opened."""
        self.page = Page.UNITS
        subject = self._record.subject_of(code)
        self.query_one(Input).value = subject
        self._open(subject)

    def on_look_back_page_opened(self) -> None:
        self._open_chosen()

    def on_click(self, event: Click) -> None:
        """A click on a page's name turns to it."""
        if event.widget is self.query_one("#pages"):
            self.page = page_at(event.x, self.texts) or self.page

    def on_input_submitted(self) -> None:
        self._open_chosen()

    def _open_chosen(self) -> None:
        """The chosen unit's story; what is in no list is looked for in the ledger, whole."""
        page = self.query_one(LookBackPage)
        run = page.chosen_run
        subject = (run.mac or run.device_name) if run is not None else half_width(page.search)
        if subject:
            self._open(subject)

    def _open(self, subject: str) -> None:
        self.app.push_screen(UnitScreen(self._record, self.texts, subject, training=self.training, now=self._now))

    def action_turn(self, pages: int) -> None:
        order = list(Page)
        self.page = order[(order.index(self.page) + pages) % len(order)]

    def action_move(self, rows: int) -> None:
        self.query_one(LookBackPage).move(rows)
        self.refresh_bindings()

    def action_back(self) -> None:
        """Esc: the search goes first, then the screen."""
        search = self.query_one(Input)
        if self.page is Page.UNITS and search.value:
            search.value = ""
        else:
            self.dismiss()

    def watch_page(self) -> None:
        self._show_page()
        self.refresh_bindings()

    def _show_page(self) -> None:
        search = self.query_one(Input)
        search.display = self.page is Page.UNITS
        search.placeholder = self.texts.say("look.search")
        self.set_focus(search if search.display else None)
        self.query_one("#pages", Static).update(page_titles(self.page, self.texts))
        self.query_one(LookBackPage).page = self.page
        self._say(None)

    def retell(self) -> None:
        self._show_page()
        super().retell()

    def key_text(self, description: str) -> str:
        return super().key_text("key.open" if description == "key.accept" else description)


class LookBackPage(Widget, can_focus=False):
    """Paints one page of the view; only the rows that are seen."""

    page: reactive[Page] = reactive(Page.UNITS)
    view: reactive[ShiftView | None] = reactive(None)
    events: reactive[tuple[AuditEvent, ...]] = reactive(())
    search: reactive[str] = reactive("")
    place: reactive[int] = reactive(0)
    """The chosen unit, or the first row that is shown."""

    class Opened(Message):
        """The chosen unit's story is wanted."""

    def __init__(self, texts: Texts, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._texts = texts
        self._now = now

    @property
    def found(self) -> tuple[tuple[RunLine, ...], tuple[RunLine, ...]]:
        """The shift's runs and the earlier ones that the search means; all without a search."""
        if self.view is None:
            return (), ()
        if not half_width(self.search):
            return self.view.runs, self.view.earlier
        return (
            tuple(run for run in self.view.runs if run.is_meant_by(self.search)),
            tuple(run for run in self.view.earlier if run.is_meant_by(self.search)),
        )

    @property
    def chosen_run(self) -> RunLine | None:
        runs = [run for part in self.found for run in part]
        return runs[self.place] if self.page is Page.UNITS and self.place < len(runs) else None

    def watch_page(self) -> None:
        self.place = 0

    def watch_search(self) -> None:
        self.place = 0

    def move(self, rows: int) -> None:
        """Go down so many rows, or up."""
        units = sum(len(part) for part in self.found)
        last = units - 1 if self.page is Page.UNITS else len(self._rows(_ALL_ROWS)) - self.size.height
        self.place = max(0, min(self.place + rows, last))

    def on_click(self, event: Click) -> None:
        """A click on a unit chooses it, a click on the chosen one opens it."""
        event.stop()
        offset = event.get_content_offset(self)
        if self.page is not Page.UNITS or offset is None:
            return
        shift, earlier = self.found
        places = places_shown(len(shift), len(earlier), self.place, self.size.height)
        place = places[offset.y] if offset.y < len(places) else None
        if place is not None and place != self.place:
            self.place = place
        elif place is not None:
            self.post_message(self.Opened())

    def on_mouse_scroll_down(self, _event: MouseScrollDown) -> None:
        self.move(1)

    def on_mouse_scroll_up(self, _event: MouseScrollUp) -> None:
        self.move(-1)

    def render(self) -> Content:
        if self.view is None:
            return Content("")
        if self.page in (Page.UNITS, Page.AUDIT):
            return Content("\n").join(self._rows(self.size.height))
        return Content("\n").join(self._rows(self.size.height)[self.place : self.place + self.size.height])

    def _rows(self, height: int) -> list[Content]:
        if self.view is None:
            return []
        width = self.size.width
        match self.page:
            case Page.UNITS:
                shift, earlier = self.found
                return unit_rows(shift, earlier, self.place, self._texts, width, height)
            case Page.FAILURES:
                return failure_rows(self.view, self._texts, width)
            case Page.SHIFT:
                return shift_rows(self.view, self._texts, width, self.size.height)
            case Page.AUDIT:
                first = self.place if height == self.size.height else 0
                return audit_rows(self.events, first, self._texts, width, height, self._now())
