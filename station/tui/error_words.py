"""A failure in the language that is spoken: by its code's own sentences, filled with what the station found.

The station's own sentences are English, for logs and commands. In another language they stand only behind the code's own, as a
report for who wrote the file or the argument that is wrong (I), and only where no sentence tells which mistake it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from station.errors import WHY, CodedError, Facts
from station.texts import LANGUAGES, FailureText, Texts
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
    sentence = texts.sentences.get(f"detail.{_name(code, facts)}")
    if facts and sentence:
        return plain(sentence.format(**facts))
    return plain(message) if code is not None and code.startswith("I") else ""


def error_words(error: CodedError, texts: Texts) -> ErrorWords:
    """Give an error as the screen says it."""
    failure = texts.failure(error.code)
    head, mend = texts.titled(error.code), mend_words(error.code, error.mend, error.facts, texts)
    if failure is None or _has_own_words(error.code, texts):
        return ErrorWords(head, plain(error.cause), mend)
    cause = found_words(error.code, "", error.facts, texts) or failure.cause
    told_apart = WHY in error.facts or cause == failure.cause
    if error.place and told_apart and error.place not in cause:
        cause = texts.say("pane.place", cause=cause, place=error.place)
    if error.code.startswith("I") and not error.facts:
        cause += texts.say("pane.detail", message=error.cause)
    return ErrorWords(head, plain(cause), mend)


def mend_words(code: str | None, mend: str, facts: Facts, texts: Texts) -> str:
    """Give what to do: the station's own word, or what the code's sentences say first."""
    failure = texts.failure(code)
    if failure is None or _has_own_words(code, texts):
        return plain(mend)
    return tries_of(failure, code, facts, texts)[0]


def tries_of(failure: FailureText, code: str | None, facts: Facts, texts: Texts) -> tuple[str, ...]:
    """Give what to try in order: by what tells the failure apart from others of its code, else by the code."""
    return texts.lists.get(f"todo.{_name(code, facts)}") or failure.tries


def _name(code: str | None, facts: Facts) -> str:
    return f"{code}.{facts[WHY]}" if WHY in facts else f"{code}"


def _has_own_words(code: str | None, texts: Texts) -> bool:
    return texts.language == _MODEL or code is None


def _ended(sentence: str) -> str:
    return f"{sentence}." if sentence and sentence[-1] not in ".。？" else sentence
