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
LATE: Final = 5
"""How many times later the rest of a burst may come once LETTERS_MIN came faster than anybody types: a busy PC is late."""
_SUFFIX_KEYS: Final = {"enter": "enter", "tab": "tab", "linefeed": "ctrl+j"}


@dataclass(slots=True)
class ScanReader:
    """Holds printable keys back until it is known what they are: at most `patience_s` after the last one."""

    scanner: Scanner
    _held: list[Key] = field(default_factory=list)
    _last_s: float = -1.0
    _just_scanned: bool = False
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
        quick = 0 <= key.time - self._last_s <= self.patience_s
        self._last_s = key.time
        is_suffix = key.key in {_SUFFIX_KEYS[name] for name in self.scanner.suffixes}
        if is_suffix and quick and self._just_scanned:
            return [], None  # the LF of a CR LF
        self._just_scanned = False
        if key.is_printable and key.character is not None:
            typed = [] if quick else self.release()
            self._held.append(key)
            if len(self._held) > LETTERS_MAX or not self._may_become_a_scan():
                typed += self.release()
            return typed, None
        if is_suffix and quick and (code := self._code()):
            self._held.clear()
            self._just_scanned = True
            return [], code
        return [*self.release(), key], None

    def release(self) -> list[Key]:
        """Give what is held back: nothing more came, so it was typed."""
        held, self._held = self._held, []
        return held

    def _text(self) -> str:
        return "".join(key.character or "" for key in self._held)

    def _may_become_a_scan(self) -> bool:
        text, prefix = self._text(), self.scanner.prefix
        return text.startswith(prefix) or prefix.startswith(text)

    def _code(self) -> str:
        """The code that is held, without its prefix; empty when it cannot be one."""
        text, prefix = self._text(), self.scanner.prefix
        if not text.startswith(prefix):
            return ""
        code = half_width(text.removeprefix(prefix))
        return code if len(code) >= LETTERS_MIN else ""
