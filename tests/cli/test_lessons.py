"""Each lesson of the training once on the real bench, with the platform: the technician does what the screen says."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import Mock

import pytest

from station.certificate import CertificateState, Secret
from station.cli import lesson_scripts
from station.cli.bench_operator import BenchOperator
from station.cli.classroom import TRAINER, TRAINER_PIN
from station.cli.lanes import plan_lanes
from station.cli.lesson_scripts import SCRIPTS
from station.cli.lessons import TrainingLessons
from station.cli.training import set_up_training
from station.cli.training_cloud import TrainingCloud
from station.errors import Code
from station.events import Event, LaneWaiting, VerdictReached, WaitReason
from station.ledger import Ledger
from station.line.decision import CarriedChoice, Decision
from station.line.line import Line
from station.line.shift import open_shift
from station.texts import LANGUAGES, Texts
from station.tui.lesson import Hand, LessonView, Stage
from station.unit import Disposition
from station.verdict import Verdict
from station.virtual.bench import Bench

LIMIT_S = 60.0


@dataclass
class Technician:
    """Follows the lesson's sentences, and writes down what was seen and what the lane said."""

    lessons: TrainingLessons
    line: Line
    seen: dict[str, list[tuple[Stage, Hand]]] = field(default_factory=dict)
    verdicts: dict[str, list[VerdictReached]] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    _heard: queue.SimpleQueue[LessonView | Event | None] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self.lessons.subscribe(self._heard.put)
        self.line.subscribe(lambda event: self._heard.put(event) if isinstance(event, VerdictReached) else None)

    def learn(self) -> None:
        """Do all lessons, to the end of the last."""
        name = ""
        while len(self.lessons.done) < len(SCRIPTS):
            match self._heard.get(timeout=LIMIT_S):
                case LessonView() as view:
                    name = view.name
                    self.seen.setdefault(name, []).append((view.stage, view.hand))
                    self.sentences += [Texts(one).say(view.sentence_key, **view.values) for one in LANGUAGES]
                    self._do(view)
                case VerdictReached() as verdict:
                    self.verdicts.setdefault(name, []).append(verdict)
                case _:
                    pass

    def _do(self, view: LessonView) -> None:
        if view.hand is not Hand.NOTHING:
            self.lessons.act()
        elif (view.name, view.stage) == ("wrong_chip", Stage.ACT):
            self._decide(Disposition.HOLD)
        elif (view.name, view.stage) == ("foreign", Stage.ACT):
            kept = len(self.seen[view.name]) > 3
            self._decide(None, CarriedChoice.REPLACE if kept else CarriedChoice.KEEP)
        elif (view.name, view.stage) == ("platform", Stage.ACT):
            self.line.retry(view.lane)

    def _decide(self, place: Disposition | None, carried: CarriedChoice | None = None) -> None:
        (mac,) = {verdict.mac for verdict in self.verdicts[list(self.seen)[-1]]}
        assert mac is not None
        lead = {"lead": TRAINER, "pin": Secret(TRAINER_PIN)} if carried else {}
        self.line.record.decide(Decision(mac, place, "lesson", 1, carried=carried, **lead))  # type: ignore[arg-type]


@contextmanager
def training(folder: Path) -> Iterator[tuple[Technician, Ledger]]:
    room = set_up_training(folder, "smart-plug")
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(room.data))
        bench = stack.enter_context(Bench(room.units, 2))
        cloud = stack.enter_context(TrainingCloud(room.profile))
        shift = open_shift(room.profile, ledger, cloud.stock(ledger, 8))
        plans = plan_lanes(shift, dict(enumerate(bench.ports, start=1)))
        line = Line(shift, plans, operator="Li W.", training=True, platform=cloud.status_link())
        operator = BenchOperator(bench, line, None, leave_after_s=0.0)
        lessons = TrainingLessons(cloud, next(iter(SCRIPTS)))
        technician = Technician(lessons, line)
        stack.enter_context(lessons.at(shift, line, bench, operator))
        stack.enter_context(operator)
        line.start()
        try:
            yield technician, ledger
        finally:
            assert line.stop(10.0)


@dataclass(frozen=True)
class Learnt:
    technician: Technician
    states: dict[CertificateState, int]
    kinds: list[str]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    with pytest.MonkeyPatch.context() as patched, training(tmp_path_factory.mktemp("lessons")) as (technician, ledger):
        patched.setattr(lesson_scripts, "AWAY_S", 0.1)
        technician.learn()
        (batch,) = ledger.batches()
        return Learnt(technician, dict(batch.counts), [event.kind for event in ledger.audit_events()])


CODES = {
    "pulled": ["F21", None],
    "wrong_chip": ["F12"],
    "foreign": ["F50", "F50", None],
    "platform": ["E30", None],
    "last": [None, "E40"],
}


def test_every_lesson_has_its_fault() -> None:
    assert CODES.keys() == SCRIPTS.keys()


@pytest.mark.parametrize("name", CODES)
def test_a_lesson_provokes_its_fault_and_ends_with_praise_once_the_lane_reports_it_done(
    learnt: Learnt, name: str
) -> None:
    assert [verdict.code for verdict in learnt.technician.verdicts[name]] == CODES[name]
    stages = [stage for stage, _ in learnt.technician.seen[name]]
    assert (stages[0], stages[-1]) == (Stage.CLEARING, Stage.DONE)
    assert Stage.ASTRAY not in stages


def test_a_unit_that_was_pulled_out_and_the_one_without_a_platform_keep_mac_and_certificate(learnt: Learnt) -> None:
    for name in ("pulled", "platform"):
        first, second = learnt.technician.verdicts[name]
        assert (first.mac, first.device_name) == (second.mac, second.device_name)
        assert second.verdict is Verdict.PASS


def test_the_lessons_stand_in_the_record_like_any_work(learnt: Learnt) -> None:
    assert learnt.kinds.count("unit_disposed") == 3
    assert learnt.kinds.count("line_lead_confirmed") == 2
    assert learnt.states[CertificateState.ACTIVATED] == 4
    assert learnt.states[CertificateState.AVAILABLE] == 0


@pytest.mark.parametrize(("units", "inserted"), [(None, 1), (2, 2)])
def test_the_hands_put_no_unit_in_once_the_certificates_are_used_up_unless_they_have_units_to_count(
    units: int | None, inserted: int
) -> None:
    bench, line = Mock(), Mock()
    with BenchOperator(bench, line, units, leave_after_s=0.0):
        hear = line.subscribe.call_args.args[0]
        hear(LaneWaiting(1, WaitReason.INSERT_UNIT))
        hear(VerdictReached(1, 7, Verdict.ERROR, None, None, 0.4, Code.NO_CERTIFICATE_LEFT))
        hear(LaneWaiting(1, WaitReason.INSERT_UNIT))

    assert bench.insert.call_count == inserted


def test_no_sentence_of_a_lesson_has_an_open_place(learnt: Learnt) -> None:
    assert [sentence for sentence in learnt.technician.sentences if "{" in sentence] == []
