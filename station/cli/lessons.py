"""The lessons of a training, one after the other, in a thread of their own beside the lanes."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from station.cli.bench_operator import BenchOperator
from station.cli.classroom import Astray, Classroom, HandLent, Interrupted, TrainingEnded, Wanted
from station.cli.lesson_names import LessonName
from station.cli.lesson_scripts import SCRIPTS, Praise
from station.errors import CodedError
from station.line.line import Line
from station.line.shift import Shift
from station.tui.lesson import Hand, LessonView, Stage
from station.virtual.bench import Bench, BenchFault

if TYPE_CHECKING:
    from station.cli.training_cloud import TrainingCloud

_logger = logging.getLogger(__name__)

LANE: Final = 1
"""Where lessons are given."""


class TrainingLessons:
    """What the screen sees of the lessons (`station.tui.lesson.Lessons`); `at` gives them on a line."""

    def __init__(self, cloud: TrainingCloud | None, first: str | None = None) -> None:
        """`first` is given at once. Without a platform there is no lesson about it."""
        self._cloud = cloud
        self.names: Sequence[str] = [name for name in SCRIPTS if cloud is not None or name != LessonName.PLATFORM]
        self.done: frozenset[str] = frozenset()
        self.view: LessonView | None = None
        self._wanted = first
        self._has_bench = first is not None
        """Whether the hands that change units by themselves rest."""
        self._room: Classroom | None = None
        self._callbacks: list[Callable[[LessonView | None], None]] = []

    def subscribe(self, callback: Callable[[LessonView | None], None]) -> None:
        self._callbacks.append(callback)

    def begin(self, name: str) -> None:
        self._tell_room(Wanted(name))

    def leave(self) -> None:
        self._tell_room(Wanted(None))

    def act(self) -> None:
        self._tell_room(HandLent())

    def _tell_room(self, said: HandLent | Wanted) -> None:
        if self._room is not None:
            self._room.hear(said)

    @contextlib.contextmanager
    def at(self, shift: Shift, line: Line, bench: Bench, operator: BenchOperator) -> Iterator[None]:
        """Give lessons on this line, until the block ends."""
        room = Classroom(shift, bench, operator, self._cloud, self._say, lane=LANE)
        self._room = room
        line.subscribe(room.hear)
        if self._wanted is not None:
            operator.hold()
        thread = threading.Thread(target=self._teach_all, args=(room, operator), name="lessons", daemon=True)
        thread.start()
        try:
            yield
        finally:
            room.hear(None)
            thread.join()
            self._room = None

    def _say(self, stage: Stage, hand: Hand, values: dict[str, str]) -> None:
        if self._wanted is None:
            return
        number = list(self.names).index(self._wanted) + 1
        self._show(LessonView(self._wanted, number, len(self.names), LANE, stage, hand, values))

    def _show(self, view: LessonView | None) -> None:
        self.view = view
        for callback in self._callbacks:
            callback(view)

    def _teach_all(self, room: Classroom, operator: BenchOperator) -> None:
        """Give the lesson that is wanted, then the next; without one, let units go on by themselves."""
        with contextlib.suppress(TrainingEnded):
            while True:
                try:
                    if self._wanted is None:
                        self._rest(room, operator)
                    else:
                        self._teach(room)
                except Interrupted as interrupted:
                    self._wanted = interrupted.name
                except BenchFault:
                    _logger.exception("the bench failed")
                    break
                except (CodedError, OSError):
                    _logger.exception("lesson %s broke off", self._wanted)
                    self._wanted = None
        self._show(None)

    def _rest(self, room: Classroom, operator: BenchOperator) -> None:
        self._show(None)
        if self._has_bench:
            room.clear()
            self._has_bench = False
            operator.go_on()
        while True:
            room.next()

    def _teach(self, room: Classroom) -> None:
        """Give one lesson to its end; the next one is wanted after it."""
        name = self._wanted or ""
        self._has_bench = True
        room.say(Stage.CLEARING)
        room.clear()
        if room.certificates_left == 0:
            room.ask_for_hand(Stage.USED_UP, Hand.END)
            self._wanted = None
            return
        try:
            praise: Praise = SCRIPTS[name](room)
        except Astray:
            room.ask_for_hand(Stage.ASTRAY, Hand.AGAIN)
            return
        self.done |= {name}
        names = list(self.names)
        behind = names[names.index(name) + 1 :]
        room.ask_for_hand(Stage.DONE, Hand.NEXT if behind else Hand.END, **praise)
        self._wanted = behind[0] if behind else None
