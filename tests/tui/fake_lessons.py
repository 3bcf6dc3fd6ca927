"""Lessons without a bench: a test says how far one is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from station.tui.lesson import Hand, LessonView, Stage

NAMES = ("pulled", "wrong_chip", "foreign", "platform", "last")
VALUES = {"device_name": "training-4f1c9a-000012", "lead": "Trainer", "pin": "739164"}


@dataclass
class FakeLessons:
    """Remembers what it was told; `say` speaks as the lessons' thread would."""

    names: Sequence[str] = NAMES
    done: frozenset[str] = frozenset()
    view: LessonView | None = None
    calls: list[str] = field(default_factory=list)
    _callbacks: list[Callable[[LessonView | None], None]] = field(default_factory=list)

    def subscribe(self, callback: Callable[[LessonView | None], None]) -> None:
        self._callbacks.append(callback)

    def begin(self, name: str) -> None:
        self.calls.append(f"begin {name}")

    def leave(self) -> None:
        self.calls.append("leave")

    def act(self) -> None:
        self.calls.append("act")

    def say(self, stage: Stage, hand: Hand = Hand.NOTHING, name: str = "pulled") -> None:
        self.view = LessonView(name, NAMES.index(name) + 1, len(NAMES), 1, stage, hand, VALUES)
        for callback in self._callbacks:
            callback(self.view)
