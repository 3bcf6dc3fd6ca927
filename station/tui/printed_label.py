"""What became of a good unit's label, and how the screen says it."""

from __future__ import annotations

from dataclasses import dataclass

from station.errors import WHY, Facts, Why
from station.events import LabelPrinted
from station.texts import Texts
from station.tui.cell_text import plain
from station.tui.error_words import found_words, mend_words


@dataclass(frozen=True, slots=True)
class PrintedLabel:
    """`code` is why it was not printed, with what the station told; None: it was."""

    code: str | None
    message: str
    mend: str
    facts: Facts

    @classmethod
    def of(cls, event: LabelPrinted) -> PrintedLabel:
        """Give what a screen keeps of it."""
        return cls(event.code, plain(event.message), plain(event.mend), event.facts)


def printed_words(printed: PrintedLabel, texts: Texts) -> str:
    """Give it in one sentence."""
    if printed.code is None:
        return texts.say("print.done")
    failure = texts.failure(printed.code)
    found = found_words(printed.code, printed.message, printed.facts, texts)
    what = found or (failure.title if failure else "")
    return texts.say("print.failed", code=printed.code, what=what.rstrip(".。"))


def next_words(printed: PrintedLabel, texts: Texts) -> str:
    """Give how the label comes yet: by the key, or otherwise where the ledger's server is away."""
    by_no_key = printed.facts.get(WHY) in (Why.LABEL_WAITS, Why.LABEL_IN_DOUBT)
    return to_do(printed, texts) if by_no_key else texts.say("print.again")


def to_do(printed: PrintedLabel, texts: Texts) -> str:
    """Give what to do about a label that was not printed."""
    return mend_words(printed.code, printed.mend, printed.facts, texts) if printed.code is not None else ""
