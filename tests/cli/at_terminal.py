"""A person at the terminal, in tests: answers in their order, and PINs that cost nothing to hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.cli import asking, leads, operator_commands, signing_in
from station.ledger import Ledger
from tests.ledger.people import CheapPins

PIN = "804217"
OTHER_PIN = "590326"


def hash_cheaply(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every ledger of this test hash PINs at no cost."""
    monkeypatch.setattr("station.ledger.operators.Argon2Pins", CheapPins)


class Person:
    """Sits at the terminal and answers what is asked. `asked` is every question, in its order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)
        for module in (asking, leads, operator_commands, signing_in):
            monkeypatch.setattr(module, "at_terminal", lambda: True)
        monkeypatch.setattr("click.prompt", self._answer)

    def _answer(self, question: str, **how: object) -> str:
        assert how.get("err") is True, "questions go to standard error"
        assert bool(how.get("hide_input")) == ("PIN" in question), "a PIN is hidden, and nothing else"
        self.asked.append(question)
        return self._answers.pop(0)

    @property
    def has_answered_all(self) -> bool:
        return not self._answers


def pin_file(folder: Path, pin: str = PIN, name: str = "pin", mode: int = 0o600) -> str:
    """Write a PIN file and give its path."""
    path = folder / name
    path.write_text(pin + "\nsecond line\n", encoding="utf-8")
    path.chmod(mode)
    return str(path)


def kinds(data: Path) -> list[str]:
    """Give the kinds of the ledger's events."""
    with Ledger.open(data) as ledger:
        return [event.kind for event in ledger.audit_events()]
