"""F3 of a training: the lessons, what will happen in each, which are done; Enter gives one on the line."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from station.texts import Texts
from station.tui.choice_list import ChoiceList
from station.tui.key_bar import KeyBar
from station.tui.lesson import Lessons
from station.tui.station_screen import StationScreen, TitleRow


class LessonScreen(StationScreen):
    """A list to choose from; the line goes on behind it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "key.lesson_begin"),
        Binding("f4", "leave_lesson", "key.lesson_leave"),
        Binding("escape", "app.pop_screen", "key.back"),
        Binding("f3", "app.pop_screen", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        *[Binding(str(number), f"pick({number})", show=False) for number in range(1, 10)],
    ]

    def __init__(self, lessons: Lessons, texts: Texts, *, training: bool) -> None:
        super().__init__(texts, training=training)
        self._lessons = lessons

    def compose(self) -> ComposeResult:
        yield TitleRow(lambda: self.texts.say("lesson.list"), self.texts, training=self.training)
        with VerticalScroll(id="room", can_focus=False):
            yield ChoiceList(id="choices")
        yield Static(id="sentence")
        yield KeyBar()

    def on_mount(self) -> None:
        view, names = self._lessons.view, list(self._lessons.names)
        undone = [number for number, name in enumerate(names) if name not in self._lessons.done]
        self._list_lessons(names.index(view.name) if view else next(iter(undone), 0))

    def _list_lessons(self, highlighted: int) -> None:
        say, done = self.texts.say, self._lessons.done
        options = []
        for number, name in enumerate(self._lessons.names, 1):
            mark = "✔" if name in done else " "
            title = Content.styled(f"{number} {mark} {say(f'lesson.{name}.title')}", "bold")
            options.append(Option(Content("\n").join([title, Content(f"    {say(f'lesson.{name}.about')}")])))
        self.query_one(OptionList).set_options(options).highlighted = highlighted
        self.query_one("#sentence", Static).update(say("lesson.ask"))

    def action_move(self, rows: int) -> None:
        options = self.query_one(OptionList)
        options.action_cursor_down() if rows > 0 else options.action_cursor_up()

    def action_pick(self, number: int) -> None:
        if number <= len(self._lessons.names):
            self._begin(number - 1)

    def action_begin(self) -> None:
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None:
            self._begin(highlighted)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._begin(event.option_index)

    def _begin(self, place: int) -> None:
        self._lessons.begin(self._lessons.names[place])
        self.dismiss()

    def action_leave_lesson(self) -> None:
        self._lessons.leave()
        self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "leave_lesson":
            return True if self._lessons.view else None
        return super().check_action(action, parameters)

    def retell(self) -> None:
        self._list_lessons(self.query_one(OptionList).highlighted or 0)
        super().retell()
