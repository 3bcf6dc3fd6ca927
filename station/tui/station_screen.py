"""What all our screens share: texts of the chosen language, also in the footer, and the training mark."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from textual.app import SystemCommand
from textual.binding import ActiveBinding
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from station.errors import CodedError
from station.texts import Texts
from station.tui.error_words import error_words
from station.tui.key_bar import key_place
from station.tui.shift_header import title_row


class StationScreen(Screen[None]):
    """A screen whose bindings carry catalogue keys (`key.help`) as their descriptions."""

    AUTO_FOCUS = ""
    """Nothing takes the focus: every key belongs to the screen."""

    def __init__(self, texts: Texts, *, training: bool) -> None:
        super().__init__()
        self.texts = texts
        self.training = training

    def key_text(self, description: str) -> str:
        """Give the catalogue's key of what a binding does just now; a screen may have another word for it."""
        return description

    def _key_words(self, description: str) -> str:
        """Give the key bar's word for a binding, with a short one behind a bar where the language has it."""
        description = self.key_text(description)
        word = self.texts.sentences.get(description, description)
        short = self.texts.sentences.get(description.replace("key.", "key_short."))
        return f"{word}|{short}" if short else word

    def commands(self) -> Iterable[SystemCommand]:
        """Give each action of the screen by its name, for the palette: what the keys do, and no more than they do now.

        In the order of the key bar; what cannot be done now comes last.
        """
        told = set()
        bindings = super().active_bindings.values()
        for active in sorted(bindings, key=lambda one: (not one.enabled, key_place(one.binding.key))):
            binding, key = active.binding, self.key_text(active.binding.description)
            is_ours = binding.description.startswith("key.") and key != "key.palette"  # Textual's own move the focus
            if not is_ours or key in told:
                continue
            told.add(key)
            what = self.texts.say(f"action.{binding.description.removeprefix('key.')}")
            if not active.enabled:
                what = self.texts.say("palette.not_now", what=what)
            act = partial(self.app.call_later, self.app.run_action, binding.action, active.node)
            yield SystemCommand(self.texts.say(key), f"{self.app.get_key_display(binding)}  {what}", act)

    class ScanLeft(Message):
        """Something was scanned that this screen has no use for."""

        def __init__(self, code: str) -> None:
            super().__init__()
            self.code = code

    def take_scan(self, code: str) -> None:
        """Something was scanned while this screen was open; one that wants none leaves it."""
        self.leave_scan(code)

    def leave_scan(self, code: str) -> None:
        """What was scanned is for the lane that waits for a label."""
        self.post_message(self.ScanLeft(code))

    def retell(self) -> None:
        """Say everything again, in the language that is spoken now."""
        for widget in self.walk_children(Widget):
            widget.refresh(layout=True)
        self.refresh_bindings()

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        return {
            key: active._replace(
                binding=replace(active.binding, description=self._key_words(active.binding.description))
            )
            for key, active in super().active_bindings.items()
        }


def refusal(error: CodedError, texts: Texts) -> Content:
    """What the station refused, in the sentence's row: the code with its words, the cause, the mend."""
    return Content.styled(f"▲ {error_words(error, texts).line}", "bold $verdict-error-text")


class TitleRow(Widget):
    """One row: a title, and the training badge where it belongs."""

    def __init__(self, words: Callable[[], str], texts: Texts, *, training: bool) -> None:
        super().__init__()
        self._words = words
        self._texts = texts
        self._training = training

    def render(self) -> Content:
        return title_row(self._words(), self._texts, self.size.width, training=self._training)
