"""F6: where does a unit go that did not pass, and why; scrap, and what was held, only with a line lead's PIN."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from station.certificate import Secret
from station.ledger import UnitStanding
from station.serial_number import EntryWay, lane_named
from station.texts import LANGUAGES, Texts
from station.tui.asking_screen import AskingScreen
from station.tui.cell_text import half_width, plain
from station.tui.choice_list import ChoiceList
from station.tui.decision_view import DecisionView, Stage, Subject
from station.tui.line_port import RecordPort
from station.tui.station_screen import refusal
from station.unit import Mac

REASON_LETTERS_MAX: Final = 200
_NOBODY: Final = DecisionView(Subject(Mac("00:00:00:00:00:00")))


class DecisionScreen(AskingScreen):
    """Asks one thing after the other; Esc goes one back. The ledger is asked in threads."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go", "key.choose"),
        Binding("escape", "back", "key.back"),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        *[Binding(str(number), f"pick({number})", show=False) for number in range(1, 7)],
    ]

    letters_max = REASON_LETTERS_MAX
    view: reactive[DecisionView] = reactive(_NOBODY, init=False)

    class Found(Message, bubble=False):
        """What was decided about the unit before."""

        def __init__(self, standing: UnitStanding) -> None:
            super().__init__()
            self.standing = standing

    class LeadAsked(Message, bubble=False):
        """Whether a line lead is needed for what was `asked`."""

        def __init__(self, asked: DecisionView, *, needed: bool) -> None:
            super().__init__()
            self.asked = asked
            self.needed = needed

    class Recorded(Message, bubble=False):
        """It stands in the ledger."""

    def __init__(self, record: RecordPort, texts: Texts, subject: Subject, *, training: bool) -> None:
        super().__init__(texts, training=training)
        self._record = record
        self.set_reactive(DecisionScreen.view, DecisionView(subject))

    def choices(self) -> tuple[Widget, ...]:
        return (ChoiceList(id="choices"),)

    def on_mount(self) -> None:
        self.look_up(self._look)

    def title_words(self) -> str:
        subject = self.view.subject
        name = " · ".join(word for word in (plain(subject.device_name), subject.mac) if word)
        return f"{self.texts.say('decide.title')}  {name}"

    @property
    def is_asking(self) -> bool:
        return self.view.stage in (Stage.REASON, Stage.LEAD, Stage.PIN)

    def read_answer(self, typed: str) -> str:
        """A reason stays as it was written."""
        return typed.strip() if self.view.stage is Stage.REASON else half_width(typed)

    def _look(self) -> Message:
        return self.Found(self._record.standing(self.view.subject.mac))

    def on_decision_screen_found(self, message: DecisionScreen.Found) -> None:
        found = self.view.found(message.standing)
        self._list_options(found, 0)
        self._go(found)

    def _list_options(self, view: DecisionView, highlighted: int) -> None:
        say = self.texts.say
        names = [say(f"disposition.{place or 'free'}") for place in view.options]
        about = [say(f"decide.{place or 'free'}") for place in view.options]
        lines = [
            f"{number}  {name}\n   {what}" for number, (name, what) in enumerate(zip(names, about, strict=True), 1)
        ]
        self.query_one(OptionList).set_options([Option(Content(line)) for line in lines]).highlighted = highlighted

    def action_move(self, rows: int) -> None:
        if self.view.stage is Stage.WHERE:
            options = self.query_one(OptionList)
            options.action_cursor_down() if rows > 0 else options.action_cursor_up()

    def action_pick(self, number: int) -> None:
        if self.view.stage is Stage.WHERE and number <= len(self.view.options):
            self._choose(number - 1)

    def action_go(self) -> None:
        highlighted = self.query_one(OptionList).highlighted
        if self.view.stage is Stage.WHERE and highlighted is not None:
            self._choose(highlighted)
        elif self.view.stage is Stage.LOOKING:
            self._go(self.view.at(Stage.LOOKING))
            self.look_up(self._look)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._choose(event.option_index)

    def _choose(self, place: int) -> None:
        self.query_one(OptionList).highlighted = place
        self._go(self.view.chosen(place))

    def take_scan(self, code: str) -> None:
        """A badge, or a reason that is printed as a barcode: the answer to what is asked; a label is another lane's."""
        is_for_lane = lane_named(code) is not None or self._record.is_label(code)
        if self.view.stage is not Stage.LEAD and is_for_lane:
            self.leave_scan(code)
        else:
            super().take_scan(code)

    def take_answer(self, answer: str, entry: EntryWay) -> None:
        del entry
        if self.view.stage is Stage.REASON:
            asked = self.view.because(answer)
            self._go(asked)
            self.look_up(lambda: self._ask_for_lead(asked))
        elif self.view.stage is Stage.LEAD:
            self._go(self.view.led_by(answer))
        elif self.view.stage is Stage.PIN:
            self._decide(Secret(answer))

    def _ask_for_lead(self, asked: DecisionView) -> Message:
        return self.LeadAsked(asked, needed=self._record.lead_needed(asked.subject.mac, asked.place, asked.carried))

    def on_decision_screen_lead_asked(self, message: DecisionScreen.LeadAsked) -> None:
        if self.view != message.asked:
            return  # Enter was pressed twice, or Esc and another answer meanwhile
        if message.needed:
            self._go(self.view.at(Stage.LEAD))
        else:
            self._decide(Secret(""))

    def _decide(self, pin: Secret) -> None:
        decision = self.view.decision(pin)
        self._go(self.view.at(Stage.RECORDING))

        def write() -> Message:
            self._record.decide(decision)
            return self.Recorded()

        self.look_up(write)

    def on_decision_screen_recorded(self) -> None:
        self.dismiss()

    def on_asking_screen_refused(self, message: AskingScreen.Refused) -> None:
        self._go(self.view.refused(message.error))

    def action_back(self) -> None:
        before = self.view.back()
        if before is None:
            self.dismiss()
        else:
            self._go(before)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in {"go", "back"} and self.view.stage is Stage.RECORDING:
            return None
        return super().check_action(action, parameters)

    def retell(self) -> None:
        self._list_options(self.view, self.query_one(OptionList).highlighted or 0)
        proposed = {self.view.likely_reason(Texts(language)) for language in LANGUAGES}
        if self.view.stage is Stage.REASON and self.query_one(Input).value in proposed:
            self._fill(self.view)
        super().retell()

    def show(self) -> None:
        super().show()
        self.query_one(OptionList).display = self.view.stage is Stage.WHERE

    def _go(self, view: DecisionView) -> None:
        """Take a step; a new question finds its line filled."""
        is_new = view.stage is not self.view.stage
        self.view = view
        if is_new:
            self._fill(view)

    def _fill(self, view: DecisionView) -> None:
        """Put into the line what was said before, or what is likely."""
        answer = self.query_one(Input)
        answer.password = view.stage is Stage.PIN
        reason = view.reason or view.likely_reason(self.texts)
        answer.value = {Stage.REASON: reason, Stage.LEAD: view.lead}.get(view.stage, "")
        answer.cursor_position = len(answer.value)

    def known(self) -> Content:
        say, view = self.texts.say, self.view
        lines = []
        if view.standing.disposition is not None:
            place = say(f"disposition.{view.standing.disposition}")
            lines.append(say("decide.stands", place=place, reason=plain(view.standing.reason)))
        if view.stage not in (Stage.LOOKING, Stage.WHERE):
            lines.append("→ " + say(f"disposition.{view.choice or 'free'}"))
        if view.stage in (Stage.LEAD, Stage.PIN):
            lines.append(plain(view.reason))
        return Content("\n".join([*lines, ""])) if lines else Content("")

    def sentence(self) -> Content:
        if self.view.error is None:
            return Content(self.texts.say(f"decide.ask_{self.view.stage}"))
        return refusal(self.view.error, self.texts)
