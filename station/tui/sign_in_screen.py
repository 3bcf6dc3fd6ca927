"""Start of a shift: who works here, by badge or name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from station.errors import CodedError, UsageError
from station.serial_number import EntryWay
from station.texts import Texts
from station.tui.answer_input import AnswerInput
from station.tui.asking_screen import AskingScreen, AskingStage
from station.tui.cell_text import plain
from station.tui.station_screen import refusal

NAME_LETTERS_MAX = 64


@dataclass(frozen=True, slots=True)
class SignInView:
    """Whether somebody is looked up, who was, and why nobody was found."""

    stage: AskingStage = AskingStage.ASKING
    asked_for: str = ""
    error: CodedError | None = None


class SignInScreen(AskingScreen):
    """Asks until the ledger knows somebody; the ledger is asked in a thread."""

    letters_max = NAME_LETTERS_MAX
    view: reactive[SignInView] = reactive(SignInView(), init=False)

    class SignedIn(Message):
        """Somebody works here now."""

    def __init__(self, texts: Texts, *, training: bool, sign_in: Callable[[str], object]) -> None:
        super().__init__(texts, training=training)
        self._sign_in = sign_in

    def title_words(self) -> str:
        return self.texts.say("sign_in.title")

    @property
    def is_asking(self) -> bool:
        return self.view.stage is AskingStage.ASKING

    def take_answer(self, answer: str, entry: EntryWay) -> None:
        """A badge, or a name."""
        del entry
        self.view = SignInView(AskingStage.LOOKING, answer)
        self.look_up(lambda: self._look(answer))

    def _look(self, name_or_badge: str) -> Message:
        self._sign_in(name_or_badge)
        return self.SignedIn()

    def on_asking_screen_refused(self, message: AskingScreen.Refused) -> None:
        self.view = replace(self.view, stage=AskingStage.ASKING, error=message.error)
        self.query_one(AnswerInput).clear()

    def key_text(self, description: str) -> str:
        return super().key_text("key.quit" if description == "key.finish" else description)

    def sentence(self) -> Content:
        view = self.view
        if view.error is not None:
            return not_signed_in(view.error, view.asked_for, self.texts)
        return Content(self.texts.say(f"sign_in.ask_{view.stage}"))


def not_signed_in(error: CodedError, asked_for: str, texts: Texts) -> Content:
    """Why somebody does not work here now: nobody is known by that name or badge, or what else the station met."""
    if isinstance(error, UsageError):
        return Content.styled(f"▲ {texts.say('sign_in.unknown', name=plain(asked_for))}", "bold $verdict-error-text")
    return refusal(error, texts)
