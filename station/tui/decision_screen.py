"""F6: where does a unit go that did not pass, and why; scrap, and what was held, only with a line lead's PIN."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from station.certificate import Secret
from station.errors import Code, CodedError, NotAllowed
from station.ledger import UnitStanding
from station.line.passage import CarriedChoice
from station.line.shift_record import Decision
from station.serial_number import lane_named
from station.texts import Texts
from station.tui.answer_input import AnswerInput
from station.tui.cell_text import half_width, plain
from station.tui.choice_list import ChoiceList
from station.tui.key_bar import KeyBar
from station.tui.line_port import RecordPort
from station.tui.station_screen import StationScreen, TitleRow, refusal
from station.unit import Disposition, Mac

_PLACES: Final = (Disposition.REWORK, Disposition.HOLD, Disposition.SCRAP)
REASON_LETTERS_MAX: Final = 200


class Stage(StrEnum):
    """How far the decision is."""

    LOOKING = "looking"
    WHERE = "where"
    REASON = "reason"
    LEAD = "lead"
    PIN = "pin"
    RECORDING = "recording"


_BEFORE: Final = {Stage.REASON: Stage.WHERE, Stage.LEAD: Stage.REASON, Stage.PIN: Stage.LEAD}


@dataclass(frozen=True, slots=True)
class Subject:
    """The unit to decide about, and what was wrong with it. Lane 0: at none."""

    mac: Mac
    device_name: str = ""
    code: str | None = None
    lane: int = 0


class DecisionScreen(StationScreen):
    """Asks one thing after the other; Esc goes one back. The ledger is asked in threads."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go", "key.choose"),
        Binding("escape", "back", "key.back"),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        *[Binding(str(number), f"pick({number})", show=False) for number in range(1, 7)],
    ]

    stage: reactive[Stage] = reactive(Stage.LOOKING, init=False)

    class Found(Message, bubble=False):
        """What was decided about the unit before."""

        def __init__(self, standing: UnitStanding) -> None:
            super().__init__()
            self.standing = standing

    class LeadAsked(Message, bubble=False):
        """Whether a line lead is needed for this choice."""

        def __init__(self, *, needed: bool) -> None:
            super().__init__()
            self.needed = needed

    class Recorded(Message, bubble=False):
        """It stands in the ledger."""

    class Refused(Message, bubble=False):
        """It does not."""

        def __init__(self, error: CodedError) -> None:
            super().__init__()
            self.error = error

    def __init__(self, record: RecordPort, texts: Texts, subject: Subject, *, training: bool) -> None:
        super().__init__(texts, training=training)
        self._record = record
        self._subject = subject
        self._standing = UnitStanding()
        self._options = self._offered()
        self._choice: Disposition | CarriedChoice | None = None
        self._proposed = ""
        self._reason = ""
        self._lead = ""
        self._error: CodedError | None = None

    def compose(self) -> ComposeResult:
        yield TitleRow(self._title, self.texts, training=self.training)
        with VerticalScroll(id="room", can_focus=False):
            yield Static(id="known")
            yield ChoiceList(id="choices")
            yield AnswerInput(id="answer", max_length=REASON_LETTERS_MAX)
        yield Static(id="sentence")
        yield KeyBar()

    def on_mount(self) -> None:
        self._show_stage()
        self.run_worker(self._look, thread=True, group="decision")

    def _title(self) -> str:
        name = " · ".join(word for word in (plain(self._subject.device_name), self._subject.mac) if word)
        return f"{self.texts.say('decide.title')}  {name}"

    def _look(self) -> None:
        try:
            self.post_message(self.Found(self._record.standing(self._subject.mac)))
        except CodedError as error:
            self.post_message(self.Refused(error))

    def on_decision_screen_found(self, message: DecisionScreen.Found) -> None:
        self._standing = message.standing
        self._options = self._offered()
        self._list_options(0)
        self.stage = Stage.WHERE

    def _offered(self) -> tuple[Disposition | CarriedChoice | None, ...]:
        """Where the unit can go; what becomes of a foreign certificate, while the unit stands in its lane."""
        foreign = self._subject.code == Code.FOREIGN_CERTIFICATE and self._subject.lane
        carried = tuple(CarriedChoice) if foreign else ()
        return (*carried, *_PLACES, None) if self._standing.disposition else (*carried, *_PLACES)

    def _list_options(self, highlighted: int) -> None:
        say = self.texts.say
        names = [say(f"disposition.{place or 'free'}") for place in self._options]
        about = [say(f"decide.{place or 'free'}") for place in self._options]
        lines = [
            f"{number}  {name}\n   {what}" for number, (name, what) in enumerate(zip(names, about, strict=True), 1)
        ]
        self.query_one(OptionList).set_options([Option(Content(line)) for line in lines]).highlighted = highlighted

    def action_move(self, rows: int) -> None:
        if self.stage is Stage.WHERE:
            options = self.query_one(OptionList)
            options.action_cursor_down() if rows > 0 else options.action_cursor_up()

    def action_pick(self, number: int) -> None:
        if self.stage is Stage.WHERE and number <= len(self._options):
            self._choose(number - 1)

    def action_go(self) -> None:
        highlighted = self.query_one(OptionList).highlighted
        if self.stage is Stage.WHERE and highlighted is not None:
            self._choose(highlighted)
        elif self.stage is Stage.LOOKING:
            self._error = None
            self._show_stage()
            self.run_worker(self._look, thread=True, group="decision")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._choose(event.option_index)

    def _choose(self, place: int) -> None:
        self.query_one(OptionList).highlighted = place
        self._choice = self._options[place]
        self._proposed = self._proposal()
        self.stage = Stage.REASON

    def _proposal(self) -> str:
        """The likely reason to put the unit aside: what was wrong with it."""
        failure = self.texts.failure(self._subject.code) if self._choice is not None else None
        return f"{self._subject.code} {failure.title}" if failure else ""

    def take_scan(self, code: str) -> None:
        """A badge, or a reason that is printed as a barcode: the answer to what is asked; a label is another lane's."""
        is_for_lane = lane_named(code) is not None or self._record.is_label(code)
        if self.stage is Stage.LEAD or (self.stage in (Stage.REASON, Stage.PIN) and not is_for_lane):
            self._take_answer(code)
        else:
            super().take_scan(code)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._take_answer(event.value)

    def _take_answer(self, words: str) -> None:
        answer = words.strip()
        if not answer:
            return
        if self.stage is Stage.REASON:
            self._reason = answer
            self.run_worker(self._ask_for_lead, thread=True, group="decision")
        elif self.stage is Stage.LEAD:
            self._lead = half_width(answer)
            self.stage = Stage.PIN
        elif self.stage is Stage.PIN:
            self._decide(Secret(half_width(answer)))

    @property
    def _place(self) -> Disposition | None:
        return self._choice if isinstance(self._choice, Disposition) else None

    @property
    def _carried(self) -> CarriedChoice | None:
        return self._choice if isinstance(self._choice, CarriedChoice) else None

    def _ask_for_lead(self) -> None:
        try:
            needed = self._record.lead_needed(self._subject.mac, self._place, self._carried)
        except CodedError as error:
            self.post_message(self.Refused(error))
        else:
            self.post_message(self.LeadAsked(needed=needed))

    def on_decision_screen_lead_asked(self, message: DecisionScreen.LeadAsked) -> None:
        if message.needed:
            self.stage = Stage.LEAD
        else:
            self._decide(Secret(""))

    def _decide(self, pin: Secret) -> None:
        subject = self._subject
        decision = Decision(
            subject.mac, self._place, self._reason, subject.lane, self._lead, pin, carried=self._carried
        )
        self.stage = Stage.RECORDING
        self.run_worker(lambda: self._write(decision), thread=True, group="decision")

    def _write(self, decision: Decision) -> None:
        try:
            self._record.decide(decision)
        except CodedError as error:
            self.post_message(self.Refused(error))
        else:
            self.post_message(self.Recorded())

    def on_decision_screen_recorded(self) -> None:
        self.dismiss()

    def on_decision_screen_refused(self, message: DecisionScreen.Refused) -> None:
        if self.stage is Stage.RECORDING:
            again = Stage.LEAD if self._lead else Stage.REASON
            self.stage = Stage.PIN if isinstance(message.error, NotAllowed) else again
        self._error = message.error
        self._show_stage()

    def action_back(self) -> None:
        if self.stage in _BEFORE:
            self.stage = _BEFORE[self.stage]
        elif self.stage is not Stage.RECORDING:
            self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in {"go", "back"} and self.stage is Stage.RECORDING:
            return None
        return super().check_action(action, parameters)

    def retell(self) -> None:
        self._list_options(self.query_one(OptionList).highlighted or 0)
        untouched = self.stage is Stage.REASON and self.query_one(Input).value == self._proposed
        self._proposed = self._proposal()
        self._show_stage(keep=not untouched)
        super().retell()

    def watch_stage(self) -> None:
        self._error = None
        self._show_stage()
        self.refresh_bindings()

    def _show_stage(self, *, keep: bool = False) -> None:
        """Show what is asked now; `keep` leaves what was typed."""
        answer = self.query_one(Input)
        self.query_one(OptionList).display = self.stage is Stage.WHERE
        answer.display = self.stage in (Stage.REASON, Stage.LEAD, Stage.PIN)
        answer.password = self.stage is Stage.PIN
        if not keep:
            answer.value = {Stage.REASON: self._reason or self._proposed, Stage.LEAD: self._lead}.get(self.stage, "")
            answer.cursor_position = len(answer.value)
        self.set_focus(answer if answer.display else None)
        self.query_one("#known", Static).update(self._known())
        self.query_one("#sentence", Static).update(self._sentence())

    def _known(self) -> Content:
        say, standing = self.texts.say, self._standing
        lines = []
        if standing.disposition is not None:
            place = say(f"disposition.{standing.disposition}")
            lines.append(say("decide.stands", place=place, reason=plain(standing.reason)))
        if self.stage not in (Stage.LOOKING, Stage.WHERE):
            lines.append("→ " + say(f"disposition.{self._choice or 'free'}"))
        if self.stage in (Stage.LEAD, Stage.PIN):
            lines.append(plain(self._reason))
        return Content("\n".join([*lines, ""])) if lines else Content("")

    def _sentence(self) -> Content:
        if self._error is None:
            return Content(self.texts.say(f"decide.ask_{self.stage}"))
        return refusal(self._error, self.texts)
