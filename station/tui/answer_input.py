"""One line to type or scan into."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input


class AnswerInput(Input):
    """Textual's, with its key in the key bar and a cursor that does not blink."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "key.accept")]

    def on_mount(self) -> None:
        self.cursor_blink = False
