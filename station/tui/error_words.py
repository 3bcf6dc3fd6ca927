"""A failure in the language that is spoken: by its code's own sentences, filled with what the station found.

The station's own sentences are English, for logs and commands. In another language they stand only behind the code's own, as a
report for who wrote the file or the argument that is wrong (I), and only where no sentence tells which mistake it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from station.errors import WHY, CodedError, Facts, Fault
from station.texts import LANGUAGES, FailureText, Texts, fill
from station.tui.cell_text import plain

_MODEL: Final = LANGUAGES[0]


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """What a screen says of an error: code and title, what happened, what to do. Texts from outside are harmless."""

    said: str
    """Code and title, and what happened."""
    mend: str

    @property
    def line(self) -> str:
        """All in one line."""
        return " ".join(part for part in (_ended(self.said), self.mend) if part)


def found_words(code: str | None, message: str, facts: Facts, texts: Texts) -> str:
    """Give what the station found, in one sentence; empty where the code's own sentences say all that can be said."""
    if _has_own_words(code, texts):
        return plain(message)
    sentence = texts.sentences.get(f"detail.{_name(code, facts)}")
    if facts and sentence:
        return plain(fill(sentence, facts))
    return plain(message) if code is not None and code.startswith("I") else ""


def error_words(error: CodedError, texts: Texts) -> ErrorWords:
    """Give an error as the screen says it."""
    failure = texts.failure(error.code)
    mend = mend_words(error.code, error.mend, error.facts, texts)
    if failure is None or _has_own_words(error.code, texts):
        return _worded(error.code, plain(error.cause), mend, texts)
    cause = found_words(error.code, "", error.facts, texts) or failure.cause
    told_apart = WHY in error.facts or cause == failure.cause
    if error.place and told_apart and error.place not in cause:
        cause = texts.say("pane.place", cause=cause, place=error.place)
    if error.code.startswith("I") and not error.facts:
        cause += texts.say("pane.detail", message=error.cause)
    return _worded(error.code, plain(cause), mend, texts)


def mistake_words(code: str, mistake: Fault, texts: Texts) -> ErrorWords:
    """Give one mistake of a file, with its place; `code` is that of the error that it is told with."""
    file = Path(mistake.file).name
    place = file if mistake.line is None else f"{file}:{mistake.line}"
    found = found_words(code, mistake.cause, mistake.facts, texts)
    failure = texts.failure(code)
    if failure is not None and not _has_own_words(code, texts) and not mistake.facts:
        found = texts.say("pane.titled", title=failure.title, words=texts.say("pane.detail", message=found))
    said = texts.say("pane.headed", head=f"{code} {plain(place)}", words=found)
    return ErrorWords(said, mend_words(code, mistake.mend, mistake.facts, texts))


def _worded(code: str, cause: str, mend: str, texts: Texts) -> ErrorWords:
    """Put code and title before the cause, unless it begins with the title itself."""
    failure = texts.failure(code)
    if not cause:
        return ErrorWords(texts.titled(code), mend)
    if failure is not None and cause.startswith(failure.title):
        return ErrorWords(f"{code} {cause}", mend)
    return ErrorWords(texts.say("pane.headed", head=texts.titled(code), words=cause), mend)


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
