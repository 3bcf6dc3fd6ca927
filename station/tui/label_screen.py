"""F7: one lane's label, scanned or typed; what was given before is replaced, or taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from station.events import LabelRefused
from station.serial_number import EntryWay
from station.texts import Texts
from station.tui.answer_input import AnswerInput
from station.tui.asking_screen import AskingScreen, AskingStage
from station.tui.lane_view import Label, RefusedScan
from station.tui.line_port import LabelPort
from station.tui.scan_reader import LETTERS_MAX
from station.tui.scan_words import refused_words


@dataclass(frozen=True, slots=True)
class LabelView:
    """Whether a label is looked at, and why the last one was refused."""

    stage: AskingStage = AskingStage.ASKING
    refused: RefusedScan | None = None


class LabelScreen(AskingScreen):
    """What is scanned or typed here is this lane's, whichever waits."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f8", "take_back", "key.take_back"),
        Binding("escape", "dismiss", "key.back"),
    ]

    letters_max = LETTERS_MAX
    view: reactive[LabelView] = reactive(LabelView(), init=False)

    class Done(Message, bubble=False):
        """The label was taken, or taken back; or it was refused."""

        def __init__(self, refused: LabelRefused | None) -> None:
            super().__init__()
            self.refused = refused

    def __init__(self, labels: LabelPort, texts: Texts, lane: int, held: Label | None, *, training: bool) -> None:
        super().__init__(texts, training=training)
        self._labels = labels
        self._lane = lane
        self._held = held

    def title_words(self) -> str:
        return self.texts.say("label.title", lane=self._lane)

    @property
    def is_asking(self) -> bool:
        return self.view.stage is AskingStage.ASKING

    def take_answer(self, answer: str, entry: EntryWay) -> None:
        self.view = LabelView(AskingStage.LOOKING)
        self.look_up(lambda: self.Done(self._labels.give(self._lane, answer, entry, replace=True)))

    def action_take_back(self) -> None:
        self.view = LabelView(AskingStage.LOOKING)
        self.look_up(self._take_back)

    def _take_back(self) -> Message:
        self._labels.take_back(self._lane)
        return self.Done(None)

    def on_label_screen_done(self, message: LabelScreen.Done) -> None:
        if message.refused is None:
            self.dismiss()
            return
        self.view = LabelView(refused=RefusedScan.of(message.refused))
        self.query_one(AnswerInput).clear()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "take_back":
            return True if self._held is not None and self.is_asking else None
        return super().check_action(action, parameters)

    def known(self) -> Content:
        return Content(
            "" if self._held is None else self.texts.say("label.held", serial_number=self._held.serial_number)
        )

    def sentence(self) -> Content:
        if self.view.refused is not None:
            return Content.styled(f"▲ {refused_words(self.view.refused, self.texts)}", "bold $verdict-error-text")
        return Content(self.texts.say(f"label.ask_{self.view.stage}"))
