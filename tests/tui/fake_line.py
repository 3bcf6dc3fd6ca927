"""A line without threads, ports or clock: a test says what happens on which lane."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from station.errors import Code, CodedError, NotAllowed, UsageError
from station.events import (
    CertificateAllocated,
    Event,
    LabelPrinted,
    LabelRefused,
    LabelTaken,
    LaneWaiting,
    RunStarted,
    StepReported,
    UnitDisposed,
    UnitIdentified,
    VerdictReached,
    WaitReason,
)
from station.ledger import AuditEvent, RunRow, SignedHead, UnitStanding, UnitStory
from station.line.decision import CarriedChoice, Decision
from station.line.readiness import Readiness, ReadinessItem, Sentence
from station.line.shift_numbers import ShiftNumbers
from station.serial_number import EntryWay
from station.tui.app import StationApp
from station.tui.choice import Choice
from station.tui.lesson import Lessons
from station.tui.settings import DEFAULTS, Settings
from station.unit import Disposition, Mac
from station.verdict import Step, StepState, Verdict

NOW = datetime(2026, 11, 24, 15, 2, 11, tzinfo=UTC)
TOTAL_BYTES = 912_384
NUMBERS = ShiftNumbers(
    batch="2026-11",
    work_order="WO-4711",
    quantity=500,
    passed=312,
    passed_in_shift=296,
    failed=5,
    errors=0,
    left=188,
    wanted=188,
    certificates=500,
    first_pass_yield=0.984,
    units_per_hour=114.0,
)
CHOICE = Choice(Path("profiles/smart-plug.yaml"), "smart-plug", "2026-11", 188)


ALL_READY = (
    ReadinessItem(
        "images",
        Readiness.READY,
        Sentence.IMAGES_LOCKED,
        {"profile": "smart-plug", "version": "1.4.2", "files": 3, "size_kb": 1391},
    ),
    ReadinessItem(
        "certificates",
        Readiness.READY,
        Sentence.CERTIFICATES_ENOUGH,
        {"left": 188, "batch": "2026-11", "quantity": 500},
    ),
    ReadinessItem("lanes", Readiness.READY, Sentence.LANES, {"ports": "1 /dev/ttyUSB0   2 /dev/ttyUSB1"}),
)


@dataclass(frozen=True, slots=True)
class FakeLane:
    number: int
    port: str


@dataclass
class FakeRecord:
    """What the ledger would say; a decision comes back as an event, as the real one's does."""

    line: FakeLine
    lead_pin: str | None = None
    began: datetime = NOW - timedelta(hours=3, minutes=20)
    shift_runs: tuple[RunRow, ...] = ()
    runs_before: tuple[RunRow, ...] = ()
    audit: tuple[AuditEvent, ...] = ()
    stories: dict[str, UnitStory] = field(default_factory=dict)
    signed_head: SignedHead | None = None
    standings: dict[Mac, UnitStanding] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    prints: FakePrinter | None = None
    label_form: str = ""

    def is_label(self, code: str) -> bool:
        return re.fullmatch(self.label_form, code) is not None

    def subject_of(self, code: str) -> str:
        return code.partition(";")[0] if self.is_label(code) else code

    def runs(self) -> tuple[RunRow, ...]:
        return self.shift_runs

    def earlier_runs(self) -> tuple[RunRow, ...]:
        return self.runs_before

    def events(self) -> tuple[AuditEvent, ...]:
        return self.audit

    def story(self, subject: str) -> UnitStory:
        if subject not in self.stories:
            raise UsageError(f"no unit and no certificate is known as {subject!r}", "Give the MAC")
        return self.stories[subject]

    def standing(self, mac: Mac) -> UnitStanding:
        return self.standings.get(mac, UnitStanding())

    def lead_needed(self, mac: Mac, disposition: Disposition | None, carried: CarriedChoice | None = None) -> bool:
        held = self.standing(mac).disposition in (Disposition.HOLD, Disposition.SCRAP)
        return self.lead_pin is not None and (carried is not None or disposition is Disposition.SCRAP or held)

    def decide(self, decision: Decision) -> None:
        needed = self.lead_needed(decision.mac, decision.disposition, decision.carried)
        if needed and decision.pin.reveal() != self.lead_pin:
            raise NotAllowed(Code.PIN_WRONG, "this is not the PIN", "Try again")
        self.decisions.append(decision)
        self.standings[decision.mac] = UnitStanding(decision.disposition, decision.reason)
        self.line.say(UnitDisposed(decision.lane, decision.mac, decision.disposition))


@dataclass
class FakeLabels:
    """Takes every label but those in `refused`; the answer comes back as an event, as the real one's does."""

    line: FakeLine
    refused: dict[str, LabelRefused] = field(default_factory=dict)
    given: list[tuple[int, str, EntryWay, bool]] = field(default_factory=list)

    def give(self, lane: int, code: str, entry: EntryWay, *, replace: bool = False) -> LabelRefused | None:
        self.given.append((lane, code, entry, replace))
        refused = self.refused.get(code)
        self.line.say(LabelTaken(lane, code, entry) if refused is None else refused)
        return refused

    def take_back(self, lane: int) -> bool:
        self.line.calls.append(f"take back {lane}")
        self.line.say(waiting(lane, WaitReason.SCAN_LABEL))
        return True


@dataclass
class FakePrinter:
    """Prints every label, unless `refusal` says why not; the answer comes back as an event, as the real one's does."""

    line: FakeLine
    refusal: CodedError | None = None
    asked: list[str] = field(default_factory=list)
    is_incomplete: bool = False

    def print_again(self, subject: str) -> LabelPrinted:
        self.asked.append(subject)
        if self.refusal is not None and self.refusal.exit_code == UsageError.exit_code:
            raise self.refusal
        lane = next((lane.number for lane in self.line.lanes if mac_of(lane.number) == subject), 1)
        done = LabelPrinted(lane, 100 + lane, Mac(subject), "plug-000312")
        if (fault := self.refusal) is not None:
            done = replace(done, code=fault.code, message=fault.cause, mend=fault.mend)
        self.line.say(done)
        return done


@dataclass
class FakeLine:
    """Remembers what it was told; `say` delivers events as a lane's thread would."""

    lanes: tuple[FakeLane, ...]
    training: bool = False
    profile_name: str = "smart-plug"
    firmware_version: str = "1.4.2"
    batch: str = "2026-11"
    numbers: ShiftNumbers = NUMBERS
    calls: list[str] = field(default_factory=list)
    stops_in_time: bool = True
    operator: str = "Li W."
    people: tuple[str, ...] = ("Li W.", "Wang")
    now: datetime = NOW
    """The wall clock of the app on this line."""
    callbacks: list[Callable[[Event], None]] = field(default_factory=list)
    labels: FakeLabels | None = None
    light_is_lost: bool = False
    without_adapter: tuple[int, ...] = ()

    @property
    def places(self) -> list[FakeLane]:
        empty = [FakeLane(number, "") for number in self.without_adapter]
        return sorted([*self.lanes, *empty], key=lambda lane: lane.number)

    def __post_init__(self) -> None:
        self.record = FakeRecord(self)

    def subscribe(self, callback: Callable[[Event], None]) -> None:
        self.callbacks.append(callback)

    def start(self) -> None:
        self.calls.append("start")

    def abort(self, lane: int) -> None:
        self.calls.append(f"abort {lane}")

    def retry(self, lane: int) -> None:
        self.calls.append(f"retry {lane}")

    def sign_in(self, name_or_badge: str) -> None:
        """What the ledger would do before there is a line."""
        if name_or_badge not in self.people:
            raise UsageError(f"nobody is known as {name_or_badge!r}", "Scan again")
        self.operator = name_or_badge

    def hand_over(self, name_or_badge: str) -> None:
        self.sign_in(name_or_badge)
        self.calls.append(f"hand over to {name_or_badge}")

    def stop(self, timeout_s: float) -> bool:
        self.calls.append("stop")
        self.record.signed_head = SignedHead("line-1", 306, "4f1c9a22" * 8, NOW.isoformat(), "shift_end", "", "")
        return self.stops_in_time

    def summary(self) -> ShiftNumbers:
        return self.numbers

    def say(self, *events: Event) -> None:
        for event in events:
            for callback in self.callbacks:
                callback(event)


class StandingLine(FakeLine):
    """A line whose lanes do not stop at once."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.may_stop = threading.Event()

    def stop(self, timeout_s: float) -> bool:
        return self.may_stop.wait(timeout_s) and super().stop(timeout_s)


def fake_line(lanes: int = 2, *, training: bool = False) -> FakeLine:
    return FakeLine(tuple(FakeLane(n, f"/dev/ttyUSB{n - 1}") for n in range(1, lanes + 1)), training=training)


def fake_app(
    line: FakeLine,
    *,
    settings: Settings = DEFAULTS,
    keep_settings: Callable[[Settings], None] = lambda _settings: None,
    choices: tuple[Choice, ...] = (CHOICE,),
    readiness: Callable[[Choice], tuple[ReadinessItem, ...]] = lambda _choice: ALL_READY,
    start_at_once: bool = True,
    signs_in: bool = False,
    lessons: Lessons | None = None,
    tick_s: float | None = None,
) -> StationApp:
    return StationApp(
        choices=lambda: choices,
        readiness=readiness,
        open_line=lambda _choice: line,
        sign_in=line.sign_in if signs_in else None,
        training=line.training,
        lessons=lambda: lessons,
        settings=settings,
        keep_settings=keep_settings,
        start_at_once=start_at_once,
        now=lambda: line.now,
        tick_s=tick_s,
    )


def mac_of(lane: int, number: int = 0) -> Mac:
    return Mac(f"24:0a:c4:5e:{number:02x}:{0x90 + lane:02x}")


def done(lane: int, step: Step, seconds: float) -> StepReported:
    return StepReported(lane, step, StepState.DONE, seconds)


def waiting(lane: int, reason: WaitReason = WaitReason.INSERT_UNIT) -> LaneWaiting:
    return LaneWaiting(lane, reason)


def progress(lane: int, seconds: float, share: float) -> StepReported:
    written = int(TOTAL_BYTES * share)
    return StepReported(lane, Step.WRITE, StepState.PROGRESS, seconds, written, TOTAL_BYTES)


def until_write(lane: int, name: str = "plug-000313") -> list[Event]:
    """A unit is in and known; its write begins."""
    return [
        waiting(lane),
        RunStarted(lane, 100 + lane),
        done(lane, Step.DETECT, 0.2),
        StepReported(lane, Step.IDENTIFY, StepState.BEGUN),
        UnitIdentified(lane, mac_of(lane), "esp32", 4 << 20),
        done(lane, Step.IDENTIFY, 0.1),
        StepReported(lane, Step.ALLOCATE, StepState.BEGUN),
        CertificateAllocated(lane, mac_of(lane), "a1B2c3D4e5F", name, False, 187),
        done(lane, Step.ALLOCATE, 0.3),
        StepReported(lane, Step.WRITE, StepState.BEGUN, 0.0, 0, TOTAL_BYTES),
    ]


def writing(lane: int, name: str = "plug-000313", share: float = 0.71) -> list[Event]:
    """The write is under way at an even 91.2 kB/s."""
    end_s = TOTAL_BYTES * share / 91_238.4
    steps = [end_s - 1.5, end_s - 1.0, end_s - 0.5, end_s]
    return [*until_write(lane, name), *(progress(lane, at, share * at / end_s) for at in steps)]


def starting_by_hand(lane: int) -> list[Event]:
    """Written and checked; the port cannot reset the unit."""
    begun = StepReported(lane, Step.START, StepState.BEGUN, message="Let BOOT go and press EN")
    return [*writing(lane), done(lane, Step.WRITE, 10.0), done(lane, Step.VERIFY, 0.6), begun]


def passed(lane: int, name: str = "plug-000312", seconds: float = 14.2, number: int = 0) -> list[Event]:
    """A good unit from insertion to its verdict; it still stands in the fixture."""
    verdict = VerdictReached(lane, 100 + lane, Verdict.PASS, mac_of(lane, number), name, seconds, left=188)
    return [
        *writing(lane, name),
        done(lane, Step.WRITE, 10.0),
        done(lane, Step.VERIFY, 0.6),
        done(lane, Step.START, 1.9),
        done(lane, Step.ONLINE, 1.1),
        done(lane, Step.RECORD, 0.1),
        verdict,
        waiting(lane, WaitReason.REMOVE_UNIT),
    ]


def failed(
    lane: int,
    code: str = "F31",
    verdict: Verdict = Verdict.FAIL,
    name: str = "plug-000310",
    message: str = "no line matched 'station-app ready' within 20 s",
    failed_in_row: int = 1,
    tries_max: int | None = None,
) -> list[Event]:
    """A unit that does not pass; it still stands in the fixture."""
    mend = "Take the unit out and put it in again"
    reached = VerdictReached(lane, 100 + lane, verdict, mac_of(lane), name, 33.8, code, message, mend, 188)
    facts = {"within_s": "20", "words": "-"} if code == "F31" else {}
    reached = replace(reached, failed_in_row=failed_in_row, tries_max=tries_max, facts=facts)
    return [
        *writing(lane, name),
        done(lane, Step.WRITE, 10.0),
        done(lane, Step.VERIFY, 0.6),
        StepReported(lane, Step.START, StepState.FAILED, 20.0, code=code, message=message),
        reached,
        waiting(lane, WaitReason.REMOVE_UNIT),
    ]


def station_fault(lane: int, code: str = "E10") -> list[Event]:
    port = f"/dev/ttyUSB{lane - 1}"
    return [LaneWaiting(lane, WaitReason.STATION_FAULT, f"{port} does not exist", code, {"port": port})]
