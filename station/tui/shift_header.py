"""The two rows above the lanes: what is being made, how far it is, how many certificates are left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from rich.cells import cell_len
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from station.errors import Code, CodedError
from station.line.shift_numbers import ShiftNumbers
from station.texts import Texts
from station.tui.cell_text import fit, plain
from station.tui.forecast import done_about, runs_out
from station.tui.lane_picture import bar
from station.tui.line_port import LinePort

ASK_AGAIN_S: Final = 30.0
"""The rate per hour falls while nothing happens, so the numbers are read again now and then."""
LIGHT_LOOK_PERIOD_S: Final = 1.0
_BAR_CELLS: Final = 16


class _Part(NamedTuple):
    words: str
    rank: int


class ShiftHeader(Widget):
    """Reads the line's numbers in a thread and paints them."""

    numbers: reactive[ShiftNumbers | None] = reactive(None)
    fault: reactive[CodedError | None] = reactive(None)
    """Why the numbers cannot be read."""
    light_is_lost: reactive[bool] = reactive(False)

    class NumbersRead(Message, bubble=False):
        """The ledger answered; or why it could not."""

        def __init__(self, answer: ShiftNumbers | CodedError) -> None:
            super().__init__()
            self.answer = answer

    def __init__(self, line: LinePort, texts: Texts, now: Callable[[], datetime], *, periodic: bool, few: int) -> None:
        """At `few` certificates left, or one hour's worth of the last quarter, the header warns, unless the order needs no more."""
        super().__init__()
        self._line = line
        self._texts = texts
        self._now = now
        self._periodic = periodic
        self._few = few
        self._reading = False
        self._read_again = False

    def on_mount(self) -> None:
        self.ask()
        if self._periodic:
            self.set_interval(ASK_AGAIN_S, self.ask)
            self.set_interval(LIGHT_LOOK_PERIOD_S, self.look_at_light)

    def ask(self) -> None:
        """Read the numbers soon; asking while they are being read reads them once more afterwards."""
        if self._reading:
            self._read_again = True
            return
        self._reading = True
        self.run_worker(self._read, thread=True, group="summary")

    def look_at_light(self) -> None:
        """Say at once whether the stack light is lost or back."""
        self.light_is_lost = self._line.light_is_lost

    def _read(self) -> None:
        answer: ShiftNumbers | CodedError
        try:
            answer = self._line.summary()
        except CodedError as fault:
            # The header says that the numbers cannot be read; the lanes go on and tell the fault where it matters.
            answer = fault
        self.post_message(self.NumbersRead(answer))

    def on_shift_header_numbers_read(self, message: ShiftHeader.NumbersRead) -> None:
        self._reading = False
        if isinstance(message.answer, CodedError):
            self.fault = message.answer
        else:
            self.fault, self.numbers = None, message.answer
        if self._read_again:
            self._read_again = False
            self.ask()

    def render(self) -> Content:
        width = self.size.width
        first = _spread(self._making(), self._progress(), width)
        return Content("\n").join([first, self._counts(width)])

    def _making(self) -> Content:
        numbers = self.numbers
        order = plain(numbers.work_order) if numbers and numbers.work_order else ""
        name = f" {plain(self._line.profile_name)} {plain(self._line.firmware_version)}"
        batch = self._texts.say("header.batch", batch=plain(self._line.batch))
        return Content.assemble(
            (name, "bold"), "".join(f" · {part}" for part in (order, batch, plain(self._line.operator)) if part)
        )

    def _progress(self) -> Content:
        numbers = self.numbers
        parts: list[Content] = []
        if numbers and numbers.quantity:
            share = min(1.0, numbers.passed / numbers.quantity)
            parts += [Content.styled(f"{numbers.passed} / {numbers.quantity} ", "bold"), bar(share, _BAR_CELLS)]
        if self._line.training:
            parts += [Content("  ") if parts else Content(""), training_mark(self._texts)]
        return Content("").join(parts)

    def _counts(self, width: int) -> Content:
        numbers, say = self.numbers, self._texts.say
        if numbers is None:
            return Content.styled(f" {self._unreadable(self.fault)}" if self.fault else "", "$quiet")
        if self.fault is not None and self._server_is_away(self.fault):
            return Content.styled(fit(f" {self._unreadable(self.fault)}", width), "bold $verdict-error-text")
        parts = self._figures(numbers) if self.fault is None else [_Part(self._unreadable(self.fault), 0)]
        if self.light_is_lost:
            parts.insert(0, _Part(say("header.light_lost"), 0))
        if not runs_out(numbers, self._few):
            left = say("header.left", count=numbers.left)
            return Content(_joined(left, _fitting(left, parts, width)))
        short = say("header.left" if numbers.left else "header.left_none_short", count=numbers.left)
        long = say("header.left_few" if numbers.left else "header.left_none", count=numbers.left)
        is_roomy = cell_len(_joined(f"▲ {long}", parts)) < width
        warning = f"▲ {long if is_roomy else short}"
        others = "".join(f" · {part.words}" for part in _fitting(warning, parts, width))
        return Content.assemble((f" {warning}", "bold $verdict-error-text"), others)

    def _figures(self, numbers: ShiftNumbers) -> list[_Part]:
        """What stands behind the certificates left, in this order; of a higher rank is what goes first where room is short."""
        say = self._texts.say
        parts = [_Part(say("header.failed", count=numbers.failed), 4)]
        if not numbers.quantity:
            parts.insert(0, _Part(say("header.passed", count=numbers.passed_in_shift), 4))
        if numbers.errors:
            parts.append(_Part(say("header.errors", count=numbers.errors), 5))
        if numbers.first_pass_yield is not None:
            parts.append(_Part(say("header.first_pass", percent=f"{numbers.first_pass_yield * 100:.1f}"), 1))
        if numbers.units_per_hour is not None:
            parts.append(_Part(say("header.units_per_hour", count=round(numbers.units_per_hour)), 2))
        if done := done_about(numbers, self._now()):
            parts.append(_Part(say("header.done_about", time=f"{done:%H:%M}"), 3))
        return parts

    def _server_is_away(self, fault: CodedError) -> bool:
        return fault.code is Code.LEDGER_UNREACHABLE and "kept" in fault.facts

    def _unreadable(self, fault: CodedError) -> str:
        if self._server_is_away(fault):
            return "▲ " + self._texts.say("header.server_away", count=fault.facts["kept"])
        return self._texts.say("header.no_numbers")


def _fitting(left: str, parts: Sequence[_Part], width: int) -> Sequence[_Part]:
    """Give the parts that have room behind what is left, without those of the highest ranks where it is short."""
    if not parts or cell_len(_joined(left, parts)) < width:
        return parts
    least = max(reversed(parts), key=lambda part: part.rank)
    return _fitting(left, [part for part in parts if part is not least], width)


def _joined(left: str, parts: Sequence[_Part]) -> str:
    return f" {' · '.join([left, *(part.words for part in parts)])}"


def training_mark(texts: Texts) -> Content:
    """The badge that stands on every screen of a training bench."""
    return Content.styled(f" {texts.say('training')} ", "bold $training-text on $training")


def _spread(left: Content, right: Content, width: int) -> Content:
    """Left words, right words, air between; the left gives way."""
    room = max(0, width - right.cell_length - 2)
    kept = left if left.cell_length <= room else Content.styled(fit(left.plain, room), "bold")
    return kept + " " * max(1, width - kept.cell_length - right.cell_length - 1) + right


def title_row(text: str, texts: Texts, width: int, *, training: bool) -> Content:
    """The first row of the other screens: a title, and the training badge on the right."""
    mark = training_mark(texts) if training else Content("")
    return _spread(Content.styled(f" {text}", "bold"), mark, max(width, cell_len(text) + 2))
