"""What the screen knows of the training's lessons: who gives them provokes the faults, elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    """How far a lesson is: which of its sentences stands on the screen."""

    CLEARING = "clearing"
    """The lane ends what it has in hand."""
    WATCH = "watch"
    """What will happen now."""
    ACT = "act"
    """What the technician does about it."""
    THEN = "then"
    """What comes after that."""
    WAIT = "wait"
    """The lane works; nobody touches the unit."""
    DONE = "done"
    """Seen in what the lane reported: praise."""
    ASTRAY = "astray"
    """It went another way than the lesson needs."""
    USED_UP = "used_up"
    """The batch has no certificate left for this lesson."""


SHARED_STAGES = frozenset({Stage.CLEARING, Stage.WAIT, Stage.ASTRAY, Stage.USED_UP})
"""These say the same in every lesson."""


class Hand(StrEnum):
    """What F4 does now, where the technician's hands would do it on a real line."""

    NOTHING = "nothing"
    PUT_IN = "put_in"
    TAKE_OUT = "take_out"
    NEXT = "next"
    AGAIN = "again"
    END = "end"


@dataclass(frozen=True, slots=True)
class LessonView:
    """The lesson that is given now, on which lane, and how far it is; `values` fill the sentence's places."""

    name: str
    number: int
    count: int
    lane: int
    stage: Stage
    hand: Hand = Hand.NOTHING
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def sentence_key(self) -> str:
        """The catalogue's key of what stands on the screen now."""
        return f"lesson.{self.stage}" if self.stage in SHARED_STAGES else f"lesson.{self.name}.{self.stage}"


class Lessons(Protocol):
    """Gives lessons on the line of a training. All of it returns at once; what follows is told to who subscribed."""

    @property
    def names(self) -> Sequence[str]: ...
    @property
    def done(self) -> frozenset[str]: ...
    @property
    def view(self) -> LessonView | None: ...

    def subscribe(self, callback: Callable[[LessonView | None], None], /) -> None:
        """Call back with each change, from a thread of its own."""

    def begin(self, name: str, /) -> None:
        """Give this lesson; another one that is given ends."""

    def leave(self) -> None:
        """End the lesson that is given; units go on by themselves."""

    def act(self) -> None:
        """Do what the view's `hand` says."""
