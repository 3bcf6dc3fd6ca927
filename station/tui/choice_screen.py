"""Start of a shift: which product and batch, whether everything is ready, and off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from station.errors import CodedError
from station.line.readiness import Readiness, ReadinessItem, lines_of
from station.texts import Texts
from station.tui.cell_text import pad, plain
from station.tui.choice import Choice
from station.tui.choice_list import ChoiceList
from station.tui.key_bar import KeyBar
from station.tui.line_port import LinePort
from station.tui.readiness_list import ReadinessList, words_of
from station.tui.station_screen import StationScreen, TitleRow


class Stage(StrEnum):
    """How far the start is."""

    LOOKING = "looking"
    CHOOSING = "choosing"
    CHECKING = "checking"
    CHECKED = "checked"
    OPENING = "opening"


class ChoiceScreen(StationScreen):
    """Everything that may wait (folders, hashes, the ledger, ports) runs in thread workers, one at a time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go", "key.choose"),
        Binding("escape", "back", "key.back"),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
    ]

    stage: reactive[Stage] = reactive(Stage.LOOKING, init=False)

    class LineOpened(Message):
        """The chosen line stands ready to be started."""

        def __init__(self, line: LinePort) -> None:
            super().__init__()
            self.line = line

    offered: reactive[tuple[Choice, ...]] = reactive((), init=False, repaint=False)
    chosen: reactive[Choice | None] = reactive(None, init=False, repaint=False)
    sought: reactive[str] = reactive("", init=False, repaint=False)
    """What no choice bore the name of; it is looked for once more, among what the ledger has now."""
    scanned_meanwhile: reactive[str] = reactive("", init=False, repaint=False)
    starts_at_once: reactive[bool] = reactive(False, init=False, repaint=False)
    """Until a line could not be opened."""

    class ChoicesFound(Message, bubble=False):
        """What can be chosen."""

        def __init__(self, choices: Sequence[Choice], error: CodedError | None = None) -> None:
            super().__init__()
            self.choices = tuple(choices)
            self.error = error

    class Checked(Message, bubble=False):
        """The readiness list of the chosen one."""

        def __init__(self, items: Sequence[ReadinessItem]) -> None:
            super().__init__()
            self.items = tuple(items)

    def __init__(
        self,
        texts: Texts,
        *,
        training: bool,
        choices: Callable[[], Sequence[Choice]],
        readiness: Callable[[Choice], Sequence[ReadinessItem]],
        open_line: Callable[[Choice], LinePort],
        start_at_once: bool,
    ) -> None:
        super().__init__(texts, training=training)
        self._find_choices = choices
        self._check_readiness = readiness
        self._open_line = open_line
        self.set_reactive(ChoiceScreen.starts_at_once, start_at_once)

    def compose(self) -> ComposeResult:
        yield TitleRow(self._title, self.texts, training=self.training)
        with VerticalScroll(id="room", can_focus=False):
            yield ChoiceList(id="choices")
            yield ReadinessList(self.texts)
        yield Static(id="sentence")
        yield KeyBar()

    def on_mount(self) -> None:
        self._show_stage()
        self.run_worker(self._look, thread=True, group="start")

    def _title(self) -> str:
        if self.chosen is None:
            return self.texts.say("choice.title")
        batch = self.texts.say("header.batch", batch=plain(self.chosen.batch)) if self.chosen.batch else ""
        names = (plain(self.chosen.profile_name), plain(self.chosen.work_order or ""), batch)
        return f"{self.texts.say('choice.ready')}  {' · '.join(name for name in names if name)}"

    def _look(self) -> None:
        try:
            self.post_message(self.ChoicesFound(self._find_choices()))
        except CodedError as error:
            self.post_message(self.ChoicesFound((), error))

    def on_choice_screen_choices_found(self, message: ChoiceScreen.ChoicesFound) -> None:
        scanned, self.sought = self.sought, ""
        self.offered = message.choices
        if message.error is not None:
            self.chosen = None
            self.query_one(ReadinessList).items = lines_of(message.error)
            self.stage = Stage.CHECKED
        elif scanned and self._check_named(scanned):
            pass
        elif len(self.offered) == 1 and not scanned:
            self._check(self.offered[0])
        elif not scanned and (same := self._of_same_profile()):
            self._check(same[0]) if len(same) == 1 else self._offer(self.offered.index(same[0]))
        else:
            self._offer(0)
            if scanned:
                unknown = self.texts.say("choice.unknown", code=plain(scanned))
                self.query_one("#sentence", Static).update(Content(unknown))

    def take_scan(self, code: str) -> None:
        """A work order, a batch or a product: what it names is chosen, also when it is new since the screen came up.

        While something else is looked at it waits for that.
        """
        if self.stage in (Stage.LOOKING, Stage.CHECKING):
            self.scanned_meanwhile = code
        elif self.stage is not Stage.OPENING and not self._check_named(code):
            self.sought = code
            self._look_again()

    def _check_named(self, code: str) -> bool:
        named = [one for one in self.offered if code in (one.work_order, one.batch, one.profile_name)]
        if len(named) == 1:
            self._check(named[0])
        elif named:
            self._offer(self.offered.index(named[0]))
        return bool(named)

    def _of_same_profile(self) -> list[Choice]:
        """What there is now of the profile that was looked at, and had mistakes."""
        return [one for one in self.offered if self.chosen and one.profile_path == self.chosen.profile_path]

    def _offer(self, highlighted: int) -> None:
        self.chosen = None
        self._list_choices(highlighted)
        self.stage = Stage.CHOOSING

    def _look_again(self) -> None:
        self.stage = Stage.LOOKING
        self.query_one(ReadinessList).items = ()
        self.run_worker(self._look, thread=True, group="start")

    def _list_choices(self, highlighted: int | None) -> None:
        rows = [_cells(choice, self.texts) for choice in self.offered]
        widths = [max(cell_len(row[column]) for row in rows) for column in range(3)] if rows else []
        wrong = [_why_wrong(choice, self.texts) for choice in self.offered]
        options = [Option(_option(row, widths, why)) for row, why in zip(rows, wrong, strict=True)]
        self.query_one(OptionList).set_options(options).highlighted = highlighted if options else None

    def retell(self) -> None:
        self._list_choices(self.query_one(OptionList).highlighted)
        self.query_one(ReadinessList).refresh(layout=True)
        self._show_stage()
        super().retell()

    def _check(self, choice: Choice) -> None:
        self.chosen = choice
        if choice.fault is not None:
            self.query_one(ReadinessList).items = lines_of(choice.fault)
            self.stage = Stage.CHECKED
            return
        self.query_one(ReadinessList).items = ()
        self.stage = Stage.CHECKING
        self.run_worker(lambda: self._read_readiness(choice), thread=True, group="start")

    def _read_readiness(self, choice: Choice) -> None:
        try:
            items: Sequence[ReadinessItem] = self._check_readiness(choice)
        except CodedError as error:
            items = lines_of(error)
        self.post_message(self.Checked(items))

    def on_choice_screen_checked(self, message: ChoiceScreen.Checked) -> None:
        self.query_one(ReadinessList).items = message.items
        self.stage = Stage.CHECKED
        if self.starts_at_once and not self.is_blocked:
            self.action_go()

    @property
    def is_blocked(self) -> bool:
        return any(item.state is Readiness.BLOCKED for item in self.query_one(ReadinessList).items)

    def _open(self, choice: Choice) -> None:
        try:
            line = self._open_line(choice)
        except CodedError as error:
            self.starts_at_once = False
            self.post_message(self.Checked(lines_of(error)))
        else:
            self.post_message(self.LineOpened(line))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._check(self.offered[event.option_index])

    def action_go(self) -> None:
        """Enter: choose, check again, or start, as the stage is."""
        options = self.query_one(OptionList)
        if self.stage is Stage.CHOOSING and options.highlighted is not None:
            self._check(self.offered[options.highlighted])
        elif self.stage is Stage.CHECKED and (self.chosen is None or self.chosen.fault is not None):
            self._look_again()
        elif self.stage is Stage.CHECKED and self.chosen is not None:
            if self.is_blocked:
                self._check(self.chosen)
            else:
                choice = self.chosen
                self.stage = Stage.OPENING
                self.run_worker(lambda: self._open(choice), thread=True, group="start")

    def action_back(self) -> None:
        if self.stage is Stage.CHECKED and len(self.offered) > 1:
            self.chosen = None
            self.stage = Stage.CHOOSING

    def action_move(self, rows: int) -> None:
        options = self.query_one(OptionList)
        if self.stage is Stage.CHOOSING:
            options.action_cursor_down() if rows > 0 else options.action_cursor_up()
        else:
            self.query_one("#room", VerticalScroll).scroll_relative(y=rows, animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "back":
            return self.stage is Stage.CHECKED and len(self.offered) > 1
        if action == "go":
            return True if self.stage in (Stage.CHOOSING, Stage.CHECKED) else None
        return super().check_action(action, parameters)

    def key_text(self, description: str) -> str:
        if description == "key.finish":
            description = "key.quit"
        if description == "key.choose" and self.stage is not Stage.CHOOSING:
            description = "key.check" if self.stage is Stage.CHECKED and self.is_blocked else "key.begin"
        return super().key_text(description)

    def watch_stage(self) -> None:
        self._show_stage()
        self.refresh_bindings()
        if self.scanned_meanwhile and self.stage in (Stage.CHOOSING, Stage.CHECKED):
            code, self.scanned_meanwhile = self.scanned_meanwhile, ""
            self.call_later(self.take_scan, code)

    def _show_stage(self) -> None:
        self.query_one(OptionList).display = self.stage is Stage.CHOOSING and bool(self.offered)
        self.query_one(ReadinessList).display = self.stage is not Stage.CHOOSING
        self.query_one(TitleRow).refresh()
        self.query_one("#sentence", Static).update(Content(self.texts.say(self._sentence_key())))

    def _sentence_key(self) -> str:
        if self.stage is Stage.CHOOSING:
            return "choice.pick" if self.offered else "choice.none"
        if self.stage is Stage.CHECKED:
            if self.is_blocked:
                return "choice.blocked"
            warned = any(item.state is Readiness.WARNING for item in self.query_one(ReadinessList).items)
            return "choice.with_warnings" if warned else "choice.all_ready"
        return f"choice.{self.stage}"


def _cells(choice: Choice, texts: Texts) -> tuple[str, str, str, str]:
    """Give profile, work order with its progress, batch and certificates left."""
    wanted = f" {choice.passed}/{choice.quantity}" if choice.quantity is not None else ""
    return (
        plain(choice.profile_name),
        f"{plain(choice.work_order)}{wanted}" if choice.work_order else "",
        texts.say("header.batch", batch=plain(choice.batch)),
        texts.say("choice.left", count=choice.left) if choice.left is not None else "",
    )


def _why_wrong(choice: Choice, texts: Texts) -> str:
    """Give the first mistake of a profile that cannot be worked on."""
    return "" if choice.fault is None else words_of(lines_of(choice.fault)[0], texts)[0]


def _option(cells: Sequence[str], widths: Sequence[int], why_wrong: str) -> Content:
    """Put the cells of a row below those of the others; a column that is empty everywhere takes no room."""
    if why_wrong:
        return Content.assemble(cells[0], "\n", (f"✘ {why_wrong}", "$verdict-fail-text"))
    columns = [pad(cell, width) for cell, width in zip(cells, widths, strict=False) if width]
    return Content("   ".join([*columns, cells[-1]]))
