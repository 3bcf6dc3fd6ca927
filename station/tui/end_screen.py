"""F10: the end of a shift. Its numbers; hand over to the next technician, or stop the lanes and see the signed head of the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from station.errors import CodedError
from station.line.shift_numbers import ShiftNumbers
from station.serial_number import EntryWay
from station.texts import Texts
from station.tui.asking_screen import AskingScreen
from station.tui.blocks import Row, text_row, text_rows
from station.tui.cell_text import plain
from station.tui.leaving_screen import STOP_TIMEOUT_S
from station.tui.line_port import LinePort
from station.tui.look_back_pages import failure_rows, number_lines
from station.tui.shift_view import ShiftView, shift_view
from station.tui.sign_in_screen import NAME_LETTERS_MAX, not_signed_in


class Stage(StrEnum):
    """How far the end is."""

    ASKING = "asking"
    HANDING_OVER = "handing_over"
    SIGNING_IN = "signing_in"
    STOPPING = "stopping"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class EndView:
    """How far the end is, the numbers once they are read, whether every port was closed, who was to take over, and why not."""

    stage: Stage = Stage.ASKING
    shift: ShiftView | None = None
    numbers: ShiftNumbers | None = None
    all_closed: bool = False
    asked_for: str = ""
    error: CodedError | None = None

    def at(self, stage: Stage) -> EndView:
        """Go to a stage; what was refused before is over."""
        return replace(self, stage=stage, error=None)

    def refused(self, error: CodedError) -> EndView:
        """It could not be done; who takes over is asked again."""
        stage = Stage.HANDING_OVER if self.stage is Stage.SIGNING_IN else self.stage
        return replace(self, stage=stage, error=error)


class EndScreen(AskingScreen):
    """Nothing ends before Enter; everything that waits runs in threads."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go", "key.end"),
        Binding("f10", "go", show=False),
        Binding("f7", "hand_over", "key.hand_over"),
        Binding("escape", "back", "key.back"),
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
    ]

    letters_max = NAME_LETTERS_MAX
    view: reactive[EndView] = reactive(EndView(), init=False)

    class Read(Message, bubble=False):
        """The ledger answered."""

        def __init__(self, view: ShiftView, numbers: ShiftNumbers) -> None:
            super().__init__()
            self.view = view
            self.numbers = numbers

    class HandedOver(Message):
        """Somebody else works here from now on."""

    class Stopped(Message):
        """The lanes are stopped, or the limit has passed."""

        def __init__(self, *, all_closed: bool) -> None:
            super().__init__()
            self.all_closed = all_closed

    def __init__(
        self, line: LinePort, texts: Texts, *, training: bool, working: Sequence[int], now: Callable[[], datetime]
    ) -> None:
        super().__init__(texts, training=training)
        self._line = line
        self._working = tuple(working)
        self._now = now

    def title_words(self) -> str:
        return f"{self.texts.say('end.title')}  {plain(self._line.operator)}"

    def on_mount(self) -> None:
        self.look_up(self._read)

    def on_resize(self) -> None:
        self.show()

    def _read(self) -> Message:
        record = self._line.record
        return self.Read(shift_view(record.runs(), (), record.began, self._now()), self._line.summary())

    def on_end_screen_read(self, message: EndScreen.Read) -> None:
        self.view = replace(self.view, shift=message.view, numbers=message.numbers)

    def on_asking_screen_refused(self, message: AskingScreen.Refused) -> None:
        self.view = self.view.refused(message.error)

    def action_go(self) -> None:
        """Enter or F10: end the shift; once it has ended, close."""
        if self.view.stage is Stage.ASKING:
            self.view = self.view.at(Stage.STOPPING)
            self.look_up(self._stop)
        elif self.view.stage is Stage.ENDED:
            self.app.exit(self.view.all_closed)

    def _stop(self) -> Message:
        return self.Stopped(all_closed=self._line.stop(STOP_TIMEOUT_S))

    def on_end_screen_stopped(self, message: EndScreen.Stopped) -> None:
        self.view = replace(self.view.at(Stage.ENDED), all_closed=message.all_closed)
        self.look_up(self._read)

    def action_hand_over(self) -> None:
        self.view = self.view.at(Stage.HANDING_OVER)

    @property
    def is_asking(self) -> bool:
        return self.view.stage is Stage.HANDING_OVER

    @property
    def takes_scans(self) -> bool:
        """A badge hands over to whom it belongs, before anything was asked."""
        return self.view.stage in (Stage.ASKING, Stage.HANDING_OVER)

    def take_answer(self, answer: str, entry: EntryWay) -> None:
        del entry
        self.view = replace(self.view.at(Stage.SIGNING_IN), asked_for=answer)
        self.look_up(lambda: self._hand_over(answer))

    def _hand_over(self, name_or_badge: str) -> Message:
        self._line.hand_over(name_or_badge)
        return self.HandedOver()

    def action_back(self) -> None:
        if self.view.stage is Stage.HANDING_OVER:
            self.view = self.view.at(Stage.ASKING)
        elif self.view.stage is Stage.ASKING:
            self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        stage = self.view.stage
        if action == "hand_over":
            return stage is Stage.ASKING
        if action == "back":
            return stage in (Stage.ASKING, Stage.HANDING_OVER)
        if action == "go":
            return True if stage in (Stage.ASKING, Stage.ENDED) else None
        return super().check_action(action, parameters)

    def key_text(self, description: str) -> str:
        if description == "key.end" and self.view.stage is Stage.ENDED:
            description = "key.close"
        return super().key_text(description)

    def known(self) -> Content:
        return Content("\n").join(self._rows(max(20, self.size.width - 4)))

    def _rows(self, width: int) -> list[Row]:
        return [*self._ended_rows(width), *self._number_rows(width)]

    def _ended_rows(self, width: int) -> list[Row]:
        """What counts once the shift has ended, whether or not the ledger can still give the numbers."""
        record, say = self._line.record, self.texts.say
        if self.view.stage is not Stage.ENDED:
            return []
        rows: list[Row] = []
        if (head := record.signed_head) is not None:
            words = say("end.head", number=head.number, hash=head.hash[:16])
            rows += [*text_rows(words, width, "bold"), text_row("", width)]
        if record.prints is not None and record.prints.is_incomplete:
            rows += text_rows(f"▲ {say('end.labels_left')}", width, "bold")
        return rows

    def _number_rows(self, width: int) -> list[Row]:
        shift, numbers = self.view.shift, self.view.numbers
        if shift is None or numbers is None:
            return []
        say = self.texts.say
        lines = number_lines(shift, self.texts)
        lines.append(say("header.left", count=numbers.left))
        if numbers.quantity:
            lines.append(say("end.order", passed=numbers.passed, quantity=numbers.quantity))
        rows = [row for line in lines for row in text_rows(line, width)]
        if shift.numbers.codes:
            rows += [text_row("", width), *failure_rows(shift, self.texts, width)]
        return rows

    def sentence(self) -> Content:
        view = self.view
        if view.error is not None:
            return not_signed_in(view.error, view.asked_for, self.texts)
        if view.stage is Stage.ENDED and not view.all_closed:
            return Content(self.texts.say("leave.stuck", seconds=round(STOP_TIMEOUT_S)))
        if view.stage is Stage.ASKING and self._working:
            lanes = ", ".join(str(number) for number in self._working)
            return Content(self.texts.say("end.working", lanes=lanes))
        return Content(self.texts.say(f"end.ask_{view.stage}"))
