"""A screen that asks for one line, typed or scanned, and looks in a thread what comes of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from station.errors import CodedError
from station.serial_number import EntryWay
from station.tui.answer_input import AnswerInput
from station.tui.cell_text import half_width
from station.tui.key_bar import KeyBar
from station.tui.station_screen import StationScreen, TitleRow


class AskingStage(StrEnum):
    """How far a screen with a single question is."""

    ASKING = "asking"
    LOOKING = "looking"


class AskingScreen(StationScreen):
    """What is known, the line to answer in, and a sentence below. A subclass's frozen reactive `view` says how far it is."""

    letters_max: ClassVar[int]
    """No answer is longer."""

    class Refused(Message, bubble=False):
        """What was asked for could not be done."""

        def __init__(self, error: CodedError) -> None:
            super().__init__()
            self.error = error

    def compose(self) -> ComposeResult:
        yield TitleRow(self.title_words, self.texts, training=self.training)
        with VerticalScroll(id="room", can_focus=False):
            yield Static(id="known")
            yield from self.choices()
            yield AnswerInput(id="answer", max_length=self.letters_max)
        yield Static(id="sentence")
        yield KeyBar()

    @abstractmethod
    def title_words(self) -> str:
        """What the screen is for."""

    def known(self) -> Content | None:
        """What stands above the line; None: nothing ever does."""
        return None

    def choices(self) -> tuple[Widget, ...]:
        """What may be chosen instead of an answer."""
        return ()

    @property
    @abstractmethod
    def is_asking(self) -> bool:
        """Whether the line is open."""

    @property
    def takes_scans(self) -> bool:
        """Whether a scan is an answer now."""
        return self.is_asking

    @abstractmethod
    def take_answer(self, answer: str, entry: EntryWay) -> None:
        """Do something with a line that is not empty."""

    @abstractmethod
    def sentence(self) -> Content:
        """What is asked for, or what went wrong."""

    def read_answer(self, typed: str) -> str:
        """What was meant by a line."""
        return half_width(typed)

    def take_scan(self, code: str) -> None:
        if self.takes_scans:
            self.take_answer(code, EntryWay.SCANNED)
        else:
            self.leave_scan(code)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        answer = self.read_answer(event.value)
        if self.is_asking and answer:
            self.take_answer(answer, EntryWay.TYPED)

    def look_up(self, work: Callable[[], Message]) -> None:
        """Do something in a thread; its message, or `Refused`, comes back."""

        def look() -> None:
            try:
                done = work()
            except CodedError as error:
                done = self.Refused(error)
            self.post_message(done)

        self.run_worker(look, thread=True, group="asking")

    def watch_view(self) -> None:
        self.show()
        self.refresh_bindings()

    def on_mount(self) -> None:
        self.show()

    def retell(self) -> None:
        self.show()
        super().retell()

    def show(self) -> None:
        """Show what is asked for now."""
        known, content = self.query_one("#known", Static), self.known()
        known.display = content is not None
        known.update(content or "")
        answer = self.query_one(AnswerInput)
        answer.display = self.is_asking
        self.set_focus(answer if answer.display else None)
        self.query_one("#sentence", Static).update(self.sentence())

    def action_scroll(self, rows: int) -> None:
        self.query_one("#room", VerticalScroll).scroll_relative(y=rows, animate=False)
