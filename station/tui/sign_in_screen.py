"""Start of a shift: who works here, by badge or name."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input, Static

from station.errors import CodedError, UsageError
from station.texts import Texts
from station.tui.answer_input import AnswerInput
from station.tui.cell_text import half_width, plain
from station.tui.key_bar import KeyBar
from station.tui.station_screen import StationScreen, TitleRow, refusal

NAME_LETTERS_MAX = 64


class Stage(StrEnum):
    """How far the sign-in is."""

    ASKING = "asking"
    LOOKING = "looking"


class SignInScreen(StationScreen):
    """Asks until the ledger knows somebody; the ledger is asked in a thread."""

    stage: reactive[Stage] = reactive(Stage.ASKING, init=False)

    class SignedIn(Message):
        """Somebody works here now."""

    class Refused(Message, bubble=False):
        """Nobody of that name works here, or the ledger fails."""

        def __init__(self, error: CodedError) -> None:
            super().__init__()
            self.error = error

    def __init__(self, texts: Texts, *, training: bool, sign_in: Callable[[str], object]) -> None:
        super().__init__(texts, training=training)
        self._sign_in = sign_in
        self._error: CodedError | None = None
        self._asked_for = ""

    def compose(self) -> ComposeResult:
        yield TitleRow(lambda: self.texts.say("sign_in.title"), self.texts, training=self.training)
        with VerticalScroll(id="room", can_focus=False):
            yield AnswerInput(id="answer", max_length=NAME_LETTERS_MAX)
        yield Static(id="sentence")
        yield KeyBar()

    def on_mount(self) -> None:
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.take_scan(half_width(event.value))

    def take_scan(self, code: str) -> None:
        """A badge, or a name."""
        if self.stage is Stage.ASKING and code:
            self.stage = Stage.LOOKING
            self._asked_for = code
            self.run_worker(lambda: self._look(code), thread=True, group="sign-in")

    def _look(self, name_or_badge: str) -> None:
        try:
            self._sign_in(name_or_badge)
        except CodedError as error:
            self.post_message(self.Refused(error))
        else:
            self.post_message(self.SignedIn())

    def on_sign_in_screen_refused(self, message: SignInScreen.Refused) -> None:
        self.stage = Stage.ASKING
        self._error = message.error
        self.query_one(Input).clear()
        self._show()

    def key_text(self, description: str) -> str:
        return super().key_text("key.quit" if description == "key.finish" else description)

    def watch_stage(self) -> None:
        self._error = None
        self._show()
        self.refresh_bindings()

    def retell(self) -> None:
        self._show()
        super().retell()

    def _show(self) -> None:
        answer = self.query_one(Input)
        answer.display = self.stage is Stage.ASKING
        self.set_focus(answer if answer.display else None)
        self.query_one("#sentence", Static).update(self._sentence())

    def _sentence(self) -> Content:
        if isinstance(self._error, UsageError):
            words = self.texts.say("sign_in.unknown", name=plain(self._asked_for))
            return Content.styled(f" ▲ {words}", "bold $verdict-error-text")
        if self._error is not None:
            return refusal(self._error, self.texts)
        return Content(f" {self.texts.say(f'sign_in.ask_{self.stage}')}")
