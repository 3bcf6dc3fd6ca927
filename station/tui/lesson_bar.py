"""The training's row above the key bar: which lesson is given, one sentence on what to do now, and its keys."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from station.texts import Texts
from station.tui.key_bar import KeyBar
from station.tui.lesson import Lessons, LessonView, Stage

LESSON_KEYS = frozenset({"f3", "f4"})
IDLE_ROWS = 1
ROWS = 3


class LessonBar(Container):
    """Paints the lesson's view; it knows nothing of how the fault comes about."""

    view: reactive[LessonView | None] = reactive(None, init=False)

    class Told(Message, bubble=False):
        """The lesson went on; posted from its thread."""

        def __init__(self, view: LessonView | None) -> None:
            super().__init__()
            self.view = view

    class Changed(Message):
        """The keys, or the rows that the bar takes, are others now."""

    def __init__(self, lessons: Lessons, texts: Texts) -> None:
        super().__init__()
        self._lessons = lessons
        self._texts = texts

    @property
    def rows(self) -> int:
        """How many rows it takes."""
        return IDLE_ROWS if self.view is None else ROWS

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(id="lesson_title")
            yield KeyBar(LESSON_KEYS)
        yield Static(id="lesson_sentence")

    def on_mount(self) -> None:
        self._lessons.subscribe(self._hear)
        self.view = self._lessons.view
        self.retell()

    def _hear(self, view: LessonView | None) -> None:
        if self.is_running:
            self.post_message(self.Told(view))

    def on_lesson_bar_told(self, message: LessonBar.Told) -> None:
        self.view = message.view

    def watch_view(self) -> None:
        self.retell()
        self.post_message(self.Changed())

    def retell(self) -> None:
        """Say it in the language that is spoken now."""
        view, say = self.view, self._texts.say
        self.styles.height = self.rows
        title, sentence = Content.styled(f" {say('lesson.none')}", "$quiet"), Content("")
        if view is not None:
            name = say(f"lesson.{view.name}.title")
            words = say("lesson.heading", number=view.number, count=view.count, name=name, lane=view.lane)
            mark = "✔" if view.stage is Stage.DONE else "▸"
            title = Content.styled(
                f" {mark} {words}", "bold $verdict-pass-text" if mark == "✔" else "bold $lane-accent"
            )
            sentence = Content.styled(say(view.sentence_key, **view.values), "bold")
        self.query_one("#lesson_title", Static).update(title)
        self.query_one("#lesson_sentence", Static).update(sentence)
