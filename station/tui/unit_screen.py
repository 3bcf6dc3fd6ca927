"""One unit's whole story: its certificates, where it was put, its runs, everything that was recorded about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from station.errors import CodedError, UsageError
from station.ledger import SerialNumberRow, UnitStanding, UnitStory
from station.texts import Texts
from station.tui.blocks import Row, text_row, text_rows
from station.tui.cell_text import plain
from station.tui.decision_screen import DecisionScreen
from station.tui.decision_view import Subject
from station.tui.error_words import error_words
from station.tui.event_words import event_rows
from station.tui.key_bar import KeyBar
from station.tui.line_port import RecordPort
from station.tui.look_back_pages import run_row
from station.tui.printed_label import PrintedLabel, printed_words, to_do
from station.tui.shift_view import shift_view
from station.tui.station_screen import StationScreen, TitleRow
from station.unit import Mac
from station.verdict import Verdict

EVENTS_SHOWN_MAX = 300
"""The newest; the export has them all."""


class UnitScreen(StationScreen):
    """Reads the story in a thread; F6 decides about the unit."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "key.back"),
        Binding("f6", "decide", "key.decide"),
        Binding("f12", "print", "key.print"),
        Binding("up", "scroll(-1)", "key.scroll", key_display="↑↓"),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
    ]

    class Read(Message, bubble=False):
        """The ledger answered: the story, or what it could not."""

        def __init__(self, story: UnitStory | None, standing: UnitStanding, error: CodedError | None = None) -> None:
            super().__init__()
            self.story = story
            self.standing = standing
            self.error = error

    class Printed(Message, bubble=False):
        """What became of the label that was asked for."""

        def __init__(self, words: PrintedLabel) -> None:
            super().__init__()
            self.words = words

    subject: reactive[str] = reactive("", init=False, repaint=False)
    """What the unit was called by."""
    printing: reactive[bool] = reactive(False, init=False, repaint=False, bindings=True)
    """Whether its label is at the printer."""

    def __init__(
        self, record: RecordPort, texts: Texts, subject: str, *, training: bool, now: Callable[[], datetime]
    ) -> None:
        super().__init__(texts, training=training)
        self._record = record
        self._now = now
        self.set_reactive(UnitScreen.subject, subject)

    def compose(self) -> ComposeResult:
        yield TitleRow(self._title, self.texts, training=self.training)
        with VerticalScroll(id="room", can_focus=False):
            yield UnitPage(self.texts, self._now)
        yield KeyBar()

    def _title(self) -> str:
        return f"{self.texts.say('unit.title')}  {plain(self.subject)}"

    def on_mount(self) -> None:
        self._ask()

    def on_screen_resume(self) -> None:
        if self.query_one(UnitPage).story is not None:
            self._ask()

    def take_scan(self, code: str) -> None:
        """Another unit's name: its story."""
        self.subject = self._record.subject_of(code)
        self.query_one(UnitPage).printed = None
        self.query_one(TitleRow).refresh()
        self._ask()

    def _ask(self) -> None:
        self.run_worker(self._read, thread=True, group="unit")

    def _read(self) -> None:
        try:
            story = self._record.story(self.subject)
            standing = self._record.standing(Mac(story.mac)) if story.mac else UnitStanding()
        except CodedError as error:
            self.post_message(self.Read(None, UnitStanding(), error))
        else:
            self.post_message(self.Read(story, standing))

    def on_unit_screen_read(self, message: UnitScreen.Read) -> None:
        page = self.query_one(UnitPage)
        page.error, page.standing, page.story = message.error, message.standing, message.story
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "decide":
            return True if self.query_one(UnitPage).may_be_decided else None
        if action == "print":
            if self._record.prints is None:
                return False
            return True if self.query_one(UnitPage).is_good and not self.printing else None
        return super().check_action(action, parameters)

    def action_decide(self) -> None:
        story = self.query_one(UnitPage).story
        if story is not None and story.mac is not None:
            name = next((run.device_name for run in story.runs if run.device_name), "")
            code = next((run.code for run in story.runs if run.code), None)
            subject = Subject(Mac(story.mac), name, code)
            self.app.push_screen(DecisionScreen(self._record, self.texts, subject, training=self.training))

    def action_print(self) -> None:
        prints, story = self._record.prints, self.query_one(UnitPage).story
        if prints is None or story is None or story.mac is None:
            return
        self.printing, mac = True, story.mac

        def print_label() -> None:
            try:
                done = PrintedLabel.of(prints.print_again(mac))
            except CodedError as error:
                done = PrintedLabel(error.code, plain(error.cause), plain(error.mend), error.facts)
            self.post_message(self.Printed(done))

        self.run_worker(print_label, thread=True, group="print")

    def on_unit_screen_printed(self, message: UnitScreen.Printed) -> None:
        self.printing = False
        self.query_one(UnitPage).printed = message.words
        self._ask()

    def action_scroll(self, rows: int) -> None:
        self.query_one("#room", VerticalScroll).scroll_relative(y=rows, animate=False)


class UnitPage(Widget):
    """Paints the story."""

    story: reactive[UnitStory | None] = reactive(None, layout=True)
    standing: reactive[UnitStanding] = reactive(UnitStanding(), layout=True)
    error: reactive[CodedError | None] = reactive(None, layout=True)
    printed: reactive[PrintedLabel | None] = reactive(None, layout=True)
    """What became of the label that was asked for here."""

    def __init__(self, texts: Texts, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._texts = texts
        self._now = now

    @property
    def may_be_decided(self) -> bool:
        """Whether the unit's last run did not pass, or something was decided about it."""
        if self.story is None or self.story.mac is None:
            return False
        bad = bool(self.story.runs) and self.story.runs[0].verdict not in (Verdict.PASS, None)
        return bad or self.standing.disposition is not None

    @property
    def is_good(self) -> bool:
        """Whether the unit's last run passed."""
        story = self.story
        return story is not None and bool(story.runs) and story.runs[0].verdict is Verdict.PASS

    def on_resize(self, _event: Resize) -> None:
        self.refresh(layout=True)

    def render(self) -> Content:
        return Content("\n").join(self._rows(self.size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        del container, viewport
        return len(self._rows(width))

    def _rows(self, width: int) -> list[Row]:
        if self.error is not None:
            return error_rows(self.error, self._texts, width)
        if self.story is None:
            return [text_row(self._texts.say("look.reading"), width, "$quiet")]
        told: list[Row] = []
        if self.printed is not None:
            sign = "✔" if self.printed.code is None else "▲"
            words = f"{sign} {printed_words(self.printed, self._texts)} {to_do(self.printed, self._texts)}"
            told += text_rows(words.rstrip(), width, "bold")
        return told + story_rows(self.story, self.standing, self._texts, width, self._now())


def error_rows(error: CodedError, texts: Texts, width: int) -> list[Row]:
    """Why there is no story, and what to do."""
    if isinstance(error, UsageError):
        return list(text_rows(texts.say("unit.unknown"), width, "bold"))
    return list(text_rows(f"▲ {error_words(error, texts).line}", width, "bold $verdict-error-text"))


def story_rows(story: UnitStory, standing: UnitStanding, texts: Texts, width: int, now: datetime) -> list[Row]:
    """The whole story, for this width."""
    say = texts.say
    rows: list[Row] = [text_row(say("unit.mac", mac=story.mac or "-"), width, "bold")]
    for label in story.serial_numbers:
        rows.extend(_label_rows(label, texts, width))
    if standing.disposition is not None:
        place = say(f"disposition.{standing.disposition}")
        rows.extend(
            text_rows(
                say("decide.stands", place=place, reason=plain(standing.reason)), width, "bold $verdict-error-text"
            )
        )
    rows += [Content(""), _head(say("unit.certificates"))]
    for certificate in story.certificates:
        reason = f" · {plain(certificate.void_reason)}" if certificate.void_reason else ""
        words = f"{plain(certificate.identity.device_name)} · {say('header.batch', batch=plain(certificate.batch))}"
        rows.extend(text_rows(f"{words} · {say(f'state.{certificate.state}')}{reason}", width))
    if not story.certificates:
        rows.append(text_row(say("unit.none"), width, "$quiet"))
    rows += [Content(""), _head(say("unit.runs", count=len(story.runs)))]
    lines = shift_view([run for run in story.runs if run.verdict is not None], (), now, now).runs
    name_cells = max((len(line.name) for line in lines), default=0)
    rows += [run_row(line, texts, name_cells, width, dated=True) for line in lines]
    rows += [Content(""), _head(say("unit.events", count=len(story.events)))]
    for event in story.events[-EVENTS_SHOWN_MAX:]:
        rows += event_rows(event, texts, width, now)
    return rows


def _label_rows(label: SerialNumberRow, texts: Texts, width: int) -> tuple[Row, ...]:
    number = plain(label.serial_number)
    if label.released_at is not None:
        reason = plain(label.release_reason or "")
        return text_rows(texts.say("unit.label_gone", serial_number=number, reason=reason), width, "$quiet")
    words = texts.say("unit.label", serial_number=number, entry=texts.say(f"entry.{label.entry}"))
    return text_rows(words + "".join(f" · {name} {plain(text)}" for name, text in label.fields.items()), width, "bold")


def _head(words: str) -> Row:
    return Content.styled(words, "bold $lane-accent")
