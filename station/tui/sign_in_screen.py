"""Start of a shift: who works here, by badge or name."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from station.errors import UsageError
from station.serial_number import EntryWay
from station.texts import Texts
from station.tui.answer_input import AnswerInput
from station.tui.asking_screen import AskingScreen
from station.tui.cell_text import plain
from station.tui.station_screen import refusal

NAME_LETTERS_MAX = 64


class Stage(StrEnum):
    """How far the sign-in is."""

    ASKING = "asking"
    LOOKING = "looking"


class SignInScreen(AskingScreen):
    """Asks until the ledger knows somebody; the ledger is asked in a thread."""

    letters_max = NAME_LETTERS_MAX
    stage: reactive[Stage] = reactive(Stage.ASKING, init=False)

    class SignedIn(Message):
        """Somebody works here now."""

    def __init__(self, texts: Texts, *, training: bool, sign_in: Callable[[str], object]) -> None:
        super().__init__(texts, training=training)
        self._sign_in = sign_in
        self._asked_for = ""

    def title_words(self) -> str:
        return self.texts.say("sign_in.title")

    @property
    def is_asking(self) -> bool:
        return self.stage is Stage.ASKING

    def take_answer(self, answer: str, entry: EntryWay) -> None:
        """A badge, or a name."""
        del entry
        self.stage = Stage.LOOKING
        self._asked_for = answer
        self.look_up(lambda: self._look(answer))

    def _look(self, name_or_badge: str) -> Message:
        self._sign_in(name_or_badge)
        return self.SignedIn()

    def on_asking_screen_refused(self, message: AskingScreen.Refused) -> None:
        self.stage = Stage.ASKING
        self.error = message.error
        self.query_one(AnswerInput).clear()
        self.show()

    def key_text(self, description: str) -> str:
        return super().key_text("key.quit" if description == "key.finish" else description)

    def sentence(self) -> Content:
        if isinstance(self.error, UsageError):
            words = self.texts.say("sign_in.unknown", name=plain(self._asked_for))
            return Content.styled(f"▲ {words}", "bold $verdict-error-text")
        if self.error is not None:
            return refusal(self.error, self.texts)
        return Content(self.texts.say(f"sign_in.ask_{self.stage}"))
