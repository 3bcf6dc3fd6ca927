"""The last row: every key of the screen with its word, in one order that never changes; keys that do nothing now are dim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from rich.cells import cell_len
from textual.binding import ActiveBinding
from textual.content import Content
from textual.events import Click
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget


class Wording(Enum):
    """How much is said of each key."""

    FULL = auto()
    SHORT = auto()
    FEW = auto()
    """Short words, and none for the keys that everybody knows."""
    LEAST = auto()
    """None either for keys that do nothing now."""


_LAYOUTS: Final = (
    *((Wording.FULL, gap) for gap in (3, 2)),
    *((Wording.SHORT, gap) for gap in (3, 2, 1)),
    (Wording.FEW, 1),
    (Wording.LEAST, 1),
)
"""What is said, and the cells between two keys: roomy first."""
_KNOWN: Final = frozenset({"f1", "ctrl+p"})
_MIDDLE: Final = 50
_ORDER: Final = {
    **{f"f{number}": number for number in range(1, 9)},
    "f12": 9,
    "f9": 91,
    "f10": 92,
    "ctrl+c": 93,
    "ctrl+q": 93,
    "ctrl+p": 99,
}
"""Function keys from the left, the screen's own keys in the middle, what every screen has at the right."""


def key_place(key: str) -> int:
    """Give where a key stands among others: lower is further to the left."""
    return _ORDER.get(key, _MIDDLE)


@dataclass(frozen=True, slots=True)
class KeyWord:
    """One key of the bar: as it is pressed, as it stands on the keyboard, its word, and a shorter one."""

    key: str
    shown: str
    word: str
    short: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """A key and the cells that it takes, the last not included."""

    key: KeyWord
    words: str
    start: int
    end: int


def place_keys(keys: Sequence[KeyWord], width: int) -> tuple[Placed, ...]:
    """Lay the keys out in one row: with their full words where they fit, else with the short ones, closer and closer, or fewer."""
    placed: tuple[Placed, ...] = ()
    for wording, gap in _LAYOUTS:
        placed = _placed(keys, gap, wording)
        if not placed or placed[-1].end <= width:
            return placed
    return placed


def _placed(keys: Sequence[KeyWord], gap: int, wording: Wording) -> tuple[Placed, ...]:
    placed: list[Placed] = []
    column = 1
    for key in keys:
        words = _said(key, wording)
        end = column + cell_len(f"{key.shown} {words}".rstrip())
        placed.append(Placed(key, words, column, end))
        column = end + gap
    return tuple(placed)


def _said(key: KeyWord, wording: Wording) -> str:
    if wording is Wording.FULL:
        return key.word
    known = key.key in _KNOWN and wording in (Wording.FEW, Wording.LEAST)
    idle = not key.enabled and wording is Wording.LEAST
    return "" if known or idle else key.short


class KeyBar(Widget, can_focus=False):
    """Paints the screen's bindings; a click on a key is that key. Keys that stand in a bar of their own are not in the others."""

    keys: reactive[tuple[KeyWord, ...]] = reactive(())

    def __init__(self, only: frozenset[str] = frozenset()) -> None:
        """`only` these keys; none: all but those of the screen's other bars."""
        super().__init__()
        self.only = only

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)
        self._bindings_changed(self.screen)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if screen is self.screen and self.is_attached:
            elsewhere = frozenset[str]().union(*(bar.only for bar in screen.query(KeyBar)))
            active_bindings = [active for active in screen.active_bindings.values() if active.binding.show]
            shown = [one for one in active_bindings if (one.binding.key in (self.only or elsewhere)) is bool(self.only)]
            shown.sort(key=lambda active: key_place(active.binding.key))
            self.keys = tuple(self._key_word(active) for active in shown)

    def _key_word(self, active: ActiveBinding) -> KeyWord:
        word, _, short = active.binding.description.partition("|")
        shown = self.app.get_key_display(active.binding)
        return KeyWord(active.binding.key, shown, word, short or word, active.enabled)

    def render(self) -> Content:
        row = Content("")
        for placed in place_keys(self.keys, self.size.width):
            row += " " * (placed.start - row.cell_length)
            style = "" if placed.key.enabled else "$quiet dim"
            row += Content.assemble(
                (placed.key.shown, "bold $footer-key-foreground" if placed.key.enabled else style),
                (f" {placed.words}", style),
            )
        return row

    def on_click(self, event: Click) -> None:
        event.stop()
        for placed in place_keys(self.keys, self.size.width):
            if placed.start <= event.x < placed.end and placed.key.enabled:
                self.app.simulate_key(placed.key.key)
