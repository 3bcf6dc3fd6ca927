"""Somebody at the keyboard and the scanner, who looks at the screen after each key."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Final

from station.texts import LANGUAGES, Texts
from tests.end_to_end.sight import Sight
from tests.end_to_end.terminals import Size, Terminal
from tests.waiting import wait_until

Seen = Callable[[Sight], bool]
SIGHT_LIMIT_S: Final = 30.0
REST_S: Final = 0.2
"""Painting that is under way goes on sooner."""
_OF_THE_CLOCK: Final = re.compile(r" · (\d+/h|每小时 \d+ 件)")


class Technician:
    """Each key must be seen to do something. `keys` counts them. What must `never` be seen ends the shift."""

    def __init__(self, terminal: Terminal, never: Sequence[str]) -> None:
        self.terminal = terminal
        self._never = tuple(never)
        self._seen = Sight(())
        self.texts = Texts(LANGUAGES[0])
        self.keys = 0

    def look(self) -> Sight:
        rows = self.terminal.rows()
        if rows != self._seen.rows:
            self._seen = Sight(rows)
            text = "\n".join(rows)
            assert not any(words in text for words in self._never), text
        return self._seen

    def see(self, seen: Seen, awaited: str = "what was awaited") -> Sight:
        """Look until it is seen."""
        last = Sight(())

        def holds() -> bool:
            nonlocal last
            last = self.look()
            return seen(last)

        try:
            wait_until(holds, SIGHT_LIMIT_S)
        except AssertionError:
            shown = "\n".join(last.rows)
            raise AssertionError(f"{awaited}: not seen in {SIGHT_LIMIT_S:.0f} s on\n{shown}") from None
        return last

    def say(self, key: str, **values: object) -> str:
        return self.texts.say(key, **values)

    def press(self, key: str, seen: Seen) -> Sight:
        """Press one key; what it does must not be seen before, and must be seen after."""
        return self.press_fast((key,), seen)

    def press_fast(self, keys: Sequence[str], seen: Seen) -> Sight:
        """Press keys without a look between them; what is seen needs all of them."""
        return self._do(lambda: self.terminal.press(*keys), seen, " ".join(keys), len(keys))

    def scan(self, code: str, seen: Seen, *, may_be_so: bool = False) -> Sight:
        """Send a code as a scanner does: in one burst, Enter behind it. `may_be_so`: what is to be seen may come by itself too."""
        name, keys = f"the scan {code}", len(code) + 1
        return self._do(lambda: self.terminal.send(code + "\r"), seen, name, keys, may_be_so=may_be_so)

    def type(self, text: str) -> None:
        """Type letter by letter, and see each."""
        for end in range(1, len(text) + 1):
            self._type_last(text[:end])

    def _type_last(self, text: str) -> None:
        self._do(lambda: self.terminal.send(text[-1]), lambda sight: sight.answer == text, text, 1)

    def _do(self, act: Callable[[], None], seen: Seen, name: str, keys: int, *, may_be_so: bool = False) -> Sight:
        before = self.look()
        assert may_be_so or not seen(before), f"{name} could not be seen to do anything on\n" + "\n".join(before.rows)
        act()
        self.keys += keys
        return self.see(seen, name)

    def speak_next_language(self) -> None:
        """Press F9: the key bar offers the language that was spoken."""
        before = self.say("key.help")
        self.texts.speak(self.texts.next_language)
        assert before != self.say("key.help")
        self.press("F9", lambda sight: sight.bar_says(f"F1 {self.say('key.help')}"))

    def resize(self, size: Size) -> None:
        """Give the window another size, and see the line on it, its key bar at the end."""
        self.terminal.resize(size)
        self.see(lambda sight: len(sight.rows) == size[1] and self.is_line(sight), f"the line on {size}")

    def is_line(self, sight: Sight) -> bool:
        """Whether the line's screen is shown, with all of its lanes."""
        return sight.bar_says("F2 ") and sight.bar_says("F10 ") and sorted(sight.tiles) == [1, 2, 3, 4]

    def find_no_leftovers(self) -> None:
        """Compare the line's screen, which must rest, with the same painted anew on a terminal that was wiped."""
        before = self._at_rest()
        self.press("F1", lambda sight: not self.is_line(sight) and sight.bar_says("Esc "))
        self.see(self._is_wiped, "a blank terminal")
        self.press("Escape", self.is_line)
        shown = "\n".join(before.rows)
        self.see(lambda sight: _lasting(sight) == _lasting(before), f"painted anew the same as\n{shown}\nbut it was\n")

    def _is_wiped(self, sight: Sight) -> bool:
        """Wipe the terminal, again where something was painted just then."""
        if any(sight.rows):
            self.terminal.blank()
        return not any(sight.rows)

    def _at_rest(self) -> Sight:
        """Look until nothing has changed for a while."""
        last, since = self.look(), time.monotonic()

        def rests() -> bool:
            nonlocal last, since
            now = self.look()
            if now != last:
                last, since = now, time.monotonic()
            return time.monotonic() - since >= REST_S

        wait_until(rests, SIGHT_LIMIT_S)
        return last


def _lasting(sight: Sight) -> tuple[str, ...]:
    """The rows without the rate per hour, which is read again now and then."""
    return tuple(_OF_THE_CLOCK.sub("", row) for row in sight.rows)
