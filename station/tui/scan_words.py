"""Why a scan was not taken, in the language that is spoken."""

from __future__ import annotations

from station.serial_number import SERIAL_NUMBER
from station.texts import Texts
from station.tui.cell_text import plain
from station.tui.lane_view import RefusedScan


def refused_words(refused: RefusedScan, texts: Texts) -> str:
    """Give one sentence; a fault of the station is told by its code."""
    if refused.why is not None:
        words = dict(refused.words)
        for key in words.keys() & {"field", "names"}:
            words[key] = ", ".join(_field_name(name, texts) for name in str(words[key]).split(", "))
        return plain(texts.say(f"label.{refused.why}", **words))
    failure = texts.failure(refused.code)
    return f"{refused.code} {failure.title}" if failure else f"{refused.code} {refused.message}"


def _field_name(name: str, texts: Texts) -> str:
    """The serial number is everybody's; the others have the names that the profile gives them."""
    return texts.say("label.serial_number") if name == SERIAL_NUMBER else name
