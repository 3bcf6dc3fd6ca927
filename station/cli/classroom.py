"""What a lesson can do at the bench: put units in and pull them out, say a sentence on the screen, hear the lane."""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from station.certificate import Certificate, CertificateState, Identity, Secret
from station.cli.bench_operator import BenchOperator
from station.errors import Code
from station.events import Event, LaneWaiting, RunStarted, StepReported, UnitDisposed, VerdictReached, WaitReason
from station.ledger import Ledger, Role
from station.line.shift import Shift
from station.tui.lesson import Hand, Stage
from station.unit import Mac
from station.verdict import Step
from station.virtual.bench import Bench

if TYPE_CHECKING:
    from station.cli.training_cloud import TrainingCloud

TRAINER: Final = "Trainer"
TRAINER_PIN: Final = "739164"
"""No secret: it stands on the screen, and only the training's ledger knows it."""
_DESK_NAME: Final = "desk-000001"

Heard = TypeVar("Heard", LaneWaiting, RunStarted, StepReported, UnitDisposed, VerdictReached)


class HandLent:
    """F4 was pressed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Another lesson is wanted, or (None) none any more."""

    name: str | None


class Astray(Exception):
    """The lane's verdict is not the one that the lesson needs."""


class Interrupted(Exception):
    """The lesson ends before its end; another one is wanted, or none."""

    def __init__(self, name: str | None) -> None:
        super().__init__()
        self.name = name


class TrainingEnded(Exception):
    """The line is being stopped."""


class Classroom:
    """One lane of the bench, for one lesson after the other. Only the lessons' thread calls it."""

    def __init__(
        self,
        shift: Shift,
        bench: Bench,
        operator: BenchOperator,
        cloud: TrainingCloud | None,
        say: Callable[[Stage, Hand, dict[str, str]], None],
        *,
        lane: int = 1,
    ) -> None:
        self.lane = lane
        self.cloud = cloud
        self._shift = shift
        self._bench = bench
        self._operator = operator
        self._say = say
        self._heard: queue.SimpleQueue[Event | HandLent | Wanted | None] = queue.SimpleQueue()
        self._runs = self._is_empty = self._unit_in = False

    @property
    def ledger(self) -> Ledger:
        return self._shift.ledger

    def hear(self, said: Event | HandLent | Wanted | None) -> None:
        """Take what the line, or the screen, says; from any thread. None: the training ends."""
        if said is None or isinstance(said, HandLent | Wanted) or said.lane in (self.lane, 0):
            self._heard.put(said)

    def say(self, stage: Stage, hand: Hand = Hand.NOTHING, **values: str) -> None:
        """Put a sentence on the screen."""
        self._say(stage, hand, values)

    def next(self, timeout_s: float | None = None) -> Event | HandLent:
        """Wait for what comes next. Interrupted, TrainingEnded; queue.Empty after the time."""
        match self._heard.get(timeout=timeout_s):
            case None:
                raise TrainingEnded
            case Wanted(name=name):
                raise Interrupted(name)
            case said:
                self._note(said)
                return said

    def _note(self, said: Event | HandLent) -> None:
        match said:
            case RunStarted():
                self._runs, self._is_empty = True, False
            case VerdictReached():
                self._runs = False
            case LaneWaiting(reason=reason):
                self._is_empty = reason is WaitReason.INSERT_UNIT

    def until(self, kind: type[Heard], holds: Callable[[Heard], bool] = lambda _event: True) -> Heard:
        """Wait for an event of this kind for which it holds."""
        while True:
            said = self.next()
            if isinstance(said, kind) and holds(said):
                return said

    def verdict(self, *codes: Code | None) -> VerdictReached:
        """Wait for the lane's verdict; Astray when its code is none of these (None: PASS)."""
        verdict = self.until(VerdictReached)
        if verdict.code not in codes:
            raise Astray
        return verdict

    def pause(self, seconds: float) -> None:
        """Let time go by, and hear meanwhile. Interrupted, TrainingEnded."""
        deadline = time.monotonic() + seconds
        while (left_s := deadline - time.monotonic()) > 0:
            with suppress(queue.Empty):
                self.next(left_s)

    def until_written(self, share: float) -> None:
        """Wait until this share (0 to 1) of the bytes is written."""
        self.until(
            StepReported,
            lambda event: (
                event.step is Step.WRITE
                and event.done_bytes is not None
                and event.done_bytes >= share * (event.total_bytes or 0)
            ),
        )

    def ask_for_hand(self, stage: Stage, hand: Hand, **values: str) -> None:
        """Say a sentence that asks for F4, and wait for it."""
        self.say(stage, hand, **values)
        while not isinstance(self.next(), HandLent):
            pass

    def insert(self, mac: str | None = None, chip: str | None = None) -> Mac:
        """Put a unit into the lane; None: a new one."""
        self._unit_in = True
        return Mac(self._bench.insert(self.lane, mac, chip=chip))

    def remove(self) -> None:
        """Pull the unit out."""
        self._bench.remove(self.lane)
        self._unit_in = False

    def clear(self) -> None:
        """Have the lane without a unit, and no other hands at the bench."""
        self._operator.hold()
        while self._operator.has_unit(self.lane) or self._runs:
            self.next()
        if self._unit_in:
            self.remove()
        self.until_empty()

    def until_empty(self) -> None:
        """Wait until the lane has seen that no unit is in; one that comes back sooner counts as not pulled out."""
        while not self._is_empty:
            self.next()

    def insert_from_desk(self) -> Mac:
        """Put a unit in that carries a certificate of nobody's, as one that was flashed at somebody's desk."""
        recipe = self._shift.recipe
        identity = Identity(recipe.profile.product_key, _DESK_NAME)
        certificate = Certificate(identity, {"DeviceSecret": Secret(secrets.token_hex(16))})
        mac = self._bench.new_unit()
        with self._bench.flash_file(mac).open("wb") as flash:
            for region in recipe.unit_plan(certificate).regions:
                if region.secret:
                    flash.write(b"\xff" * (region.offset - flash.tell()))
                    flash.write(region.data)
        return self.insert(mac)

    def have_line_lead(self) -> None:
        """Let the training's ledger have a line lead, whose PIN the screen tells."""
        people = self.ledger.operators
        if not people.has_line_lead():
            people.add(TRAINER, by=TRAINER, role=Role.LINE_LEAD, pin=Secret(TRAINER_PIN))

    @property
    def certificates_left(self) -> int:
        """How many the batch has."""
        return self.ledger.left(self._shift.batch)

    def leave_one_certificate(self) -> None:
        """Void all available certificates of the batch but one."""
        total = self.ledger.batch(self._shift.batch).total
        rows = self.ledger.certificates(self._shift.batch, limit=total)
        names = [row.identity.device_name for row in rows if row.state is CertificateState.AVAILABLE]
        for name in names[1:]:
            self.ledger.void(name, reason="training: the last certificate of a batch", operator=TRAINER)
