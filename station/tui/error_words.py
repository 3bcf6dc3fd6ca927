"""A failure in the language that is spoken: by its code's own sentences, filled with what the station found.

The station's own sentences are English, for logs and commands. In another language they stand only where the codes say nothing of
their own: what a file or an argument lacks (I) is for who wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from station.errors import CodedError, Facts
from station.texts import LANGUAGES, Texts
from station.tui.cell_text import plain

_MODEL: Final = LANGUAGES[0]


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """What a screen says of an error: code and title, what happened, what to do. Texts from outside are harmless."""

    head: str
    cause: str
    mend: str

    @property
    def line(self) -> str:
        """All in one line."""
        said = " ".join(part for part in (_ended(self.cause), self.mend) if part)
        return f"{self.head}: {said}" if said else self.head


def found_words(code: str | None, message: str, facts: Facts, texts: Texts) -> str:
    """Give what the station found, in one sentence; empty where the code's own sentences say all that can be said."""
    if _has_own_words(code, texts):
        return plain(message)
    key = f"detail.{code}"
    return plain(texts.say(key, **facts)) if facts and key in texts.sentences else ""


def error_words(error: CodedError, texts: Texts) -> ErrorWords:
    """Give an error as the screen says it."""
    failure = texts.failure(error.code)
    head, mend = texts.titled(error.code), mend_words(error.code, error.mend, texts)
    if failure is None or _has_own_words(error.code, texts):
        return ErrorWords(head, plain(error.cause), mend)
    found = found_words(error.code, "", error.facts, texts)
    if not found and error.place:
        found = plain(texts.say("pane.place", cause=failure.cause, place=error.place))
    return ErrorWords(head, found or failure.cause, mend)


def mend_words(code: str | None, mend: str, texts: Texts) -> str:
    """Give what to do: the station's own word, or the first that the code's sentences say."""
    failure = texts.failure(code)
    return plain(mend) if failure is None or _has_own_words(code, texts) else failure.tries[0]


def _has_own_words(code: str | None, texts: Texts) -> bool:
    return texts.language == _MODEL or code is None or code.startswith("I")


def _ended(sentence: str) -> str:
    return f"{sentence}." if sentence and sentence[-1] not in ".。？" else sentence
