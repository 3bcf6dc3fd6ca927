"""Tells a barcode scanner's burst of keys from typing, so that a scan goes to the right place whatever has the focus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from textual.events import Key

from station.tui.cell_text import half_width
from station.tui.settings import Scanner

LETTERS_MIN: Final = 4
"""Nothing that is scanned here is shorter; what is, was typed."""
LETTERS_MAX: Final = 256
LATE: Final = 10
"""How many times later the rest of a burst may come once LETTERS_MIN came faster than anybody types: a busy PC is late."""
APART: Final = 5
"""Signs that many times the pace before a burst are its first ones, which a busy PC handed over too early to know: nobody types
and scans in the same moment."""
_SUFFIX_KEYS: Final = {"enter": "enter", "tab": "tab", "linefeed": "ctrl+j"}


@dataclass(slots=True)
class ScanReader:
    """Holds printable keys back until it is known what they are: at most `patience_s` after the last one."""

    scanner: Scanner
    _held: list[Key] = field(default_factory=list)
    _last_s: float = -1.0
    _just_scanned: bool = False
    _given: str = ""
    """Signs given as typed that may turn out to be the first of a burst."""
    keys_taken: int = 0
    """Tells whether another key came since."""

    @property
    def is_holding(self) -> bool:
        return bool(self._held)

    @property
    def patience_s(self) -> float:
        """How long the next key of a burst may take."""
        return self.scanner.between_keys_ms / 1000 * (LATE if len(self._held) >= LETTERS_MIN else 1)

    def take(self, key: Key) -> tuple[list[Key], str | None]:
        """Give the keys that were typed, in order, and the scan that this key has ended."""
        self.keys_taken += 1
        gap_s, self._last_s = key.time - self._last_s, key.time
        quick = 0 <= gap_s <= self.patience_s
        is_suffix = key.key in {_SUFFIX_KEYS[name] for name in self.scanner.suffixes}
        if is_suffix and quick and self._just_scanned:
            return [], None  # the LF of a CR LF
        self._just_scanned = False
        if key.is_printable and key.character is not None:
            typed = [] if quick else self.release()
            if not 0 <= gap_s <= self.scanner.between_keys_ms / 1000 * APART:
                self._given = ""
            self._held.append(key)
            if len(self._held) > LETTERS_MAX or not self._may_become_a_scan():
                typed += self.release()
            return typed, None
        if is_suffix and quick and (code := self._code()):
            self._held.clear()
            self._given = ""
            self._just_scanned = True
            return [], code
        typed, self._given = [*self.release(), key], ""
        return typed, None

    def release(self) -> list[Key]:
        """Give what is held back: nothing more came, so it was typed."""
        self._given = (self._given + self._signs())[-LETTERS_MAX:]
        held, self._held = self._held, []
        return held

    def _signs(self) -> str:
        return "".join(key.character or "" for key in self._held)

    def _text(self) -> str:
        """What is held, after what was given away of it, unless it begins as the prefix does."""
        held, prefix = self._signs(), self.scanner.prefix
        begins = prefix and (held.startswith(prefix) or prefix.startswith(held))
        return held if begins else self._given + held

    def _may_become_a_scan(self) -> bool:
        text, prefix = self._text(), self.scanner.prefix
        return text.startswith(prefix) or prefix.startswith(text)

    def _code(self) -> str:
        """The code that is held, without its prefix; empty when it cannot be one."""
        text, prefix = self._text(), self.scanner.prefix
        if not text.startswith(prefix) or len(self._held) < LETTERS_MIN:
            return ""
        code = half_width(text.removeprefix(prefix))
        return code if len(code) >= LETTERS_MIN else ""
