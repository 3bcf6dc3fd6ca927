"""What one lane's tile shows, as one frozen value made from the lane's events by a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from station.errors import NO_FACTS, Facts
from station.events import (
    CertificateAllocated,
    Event,
    LabelEvent,
    LabelPrinted,
    LabelRefused,
    LabelTaken,
    LabelWanted,
    LaneAppeared,
    LaneClosed,
    LaneWaiting,
    RunStarted,
    SerialNumberBound,
    StepReported,
    UnitDisposed,
    UnitIdentified,
    VerdictReached,
    WaitReason,
    WorkEvent,
)
from station.serial_number import ScanRefusal
from station.tui.cell_text import plain
from station.tui.printed_label import PrintedLabel
from station.unit import Disposition
from station.verdict import Step, StepState, Verdict

RATE_WINDOW_S: Final = 2.0
"""The rate is the mean of this many seconds: calm enough to read, quick enough to show a stall."""


class Phase(StrEnum):
    """What the lane is doing."""

    OPENING = "opening"
    """It has said nothing yet."""
    WAITING = "waiting"
    WORKING = "working"
    FINISHED = "finished"
    """The verdict stands; the unit may still be in."""
    FAULT = "fault"
    """Nothing can start until the station's fault is mended."""
    CLOSED = "closed"


_WITH_A_LABEL: Final = frozenset({WaitReason.INSERT_UNIT, WaitReason.HOLD_BOOT, WaitReason.PRESS_START})
"""What a lane waits for that has the label of its next unit already."""
_BEFORE_A_RUN: Final = frozenset({Phase.OPENING, Phase.WAITING})


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of the walk; `state` is None before it begins, `seconds` count from its begin."""

    step: Step
    state: StepState | None = None
    seconds: float = 0.0
    needs_hand: bool = False
    """It goes on only when the technician does something."""


NO_STEPS: Final = tuple(StepLine(step) for step in Step)


@dataclass(frozen=True, slots=True)
class Sample:
    """How many bytes were written at a moment of the write step."""

    seconds: float
    done_bytes: int


@dataclass(frozen=True, slots=True)
class Label:
    """The label of a unit. `bearer` is the unit that bears it in the ledger: that one comes back."""

    serial_number: str
    bearer: str | None = None
    is_bound: bool = False
    """It is this unit's for good; before, it may be replaced."""


@dataclass(frozen=True, slots=True)
class RefusedScan:
    """Why a scan was not taken: `why` with what fills its sentence, else the station's own words."""

    code: str
    why: ScanRefusal | None
    words: Mapping[str, str | int]
    message: str

    @classmethod
    def of(cls, event: LabelRefused) -> RefusedScan:
        """Give what a tile keeps of it."""
        return cls(event.code, event.why, event.words, plain(event.message))


@dataclass(frozen=True, slots=True)
class LaneView:
    """Everything that a tile shows of one lane. Texts from outside are already harmless."""

    lane: int
    port: str
    phase: Phase = Phase.OPENING
    wait: WaitReason | None = None
    run_id: int | None = None
    steps: tuple[StepLine, ...] = NO_STEPS
    mac: str | None = None
    device_name: str | None = None
    label: Label | None = None
    """What the unit's label says, as far as it is known; of the next unit, while the lane waits for it."""
    wants_label: bool = False
    """The lane waits for a label: before its next unit, or before the verdict of the one in hand."""
    takes_scan: bool = False
    """What is scanned next goes to this lane."""
    refused_scan: RefusedScan | None = None
    """What was scanned last for this lane was not taken."""
    resumed: bool = False
    samples: tuple[Sample, ...] = ()
    """Progress of the write step within the rate's window, oldest first."""
    total_bytes: int | None = None
    verdict: Verdict | None = None
    code: str | None = None
    message: str = ""
    mend: str = ""
    facts: Facts = field(default_factory=lambda: NO_FACTS)
    """What fills the code's own sentence."""
    seconds: float = 0.0
    """Of the whole run, once the verdict stands."""
    failed_in_row: int = 0
    tries_max: int | None = None
    disposition: Disposition | None = None
    """Where somebody has decided that the unit goes."""
    printed: PrintedLabel | None = None
    """What became of the good unit's label, as far as that is known."""
    previous: LaneView | None = None
    """The finished run before this wait, so that a tile can still name the last unit."""

    @property
    def current_step(self) -> StepLine | None:
        """The step that has begun and not ended."""
        running = (StepState.BEGUN, StepState.PROGRESS)
        return next((line for line in self.steps if line.state in running), None)

    @property
    def failed_step(self) -> StepLine | None:
        return next((line for line in self.steps if line.state is StepState.FAILED), None)

    @property
    def done_bytes(self) -> int:
        return self.samples[-1].done_bytes if self.samples else 0

    @property
    def share_written(self) -> float:
        """0 to 1."""
        return min(1.0, self.done_bytes / self.total_bytes) if self.total_bytes else 0.0

    @property
    def rate_bytes_per_s(self) -> float | None:
        """Bytes per second over the window, None before two samples."""
        if len(self.samples) < 2:
            return None
        first, last = self.samples[0], self.samples[-1]
        passed_s = last.seconds - first.seconds
        return (last.done_bytes - first.done_bytes) / passed_s if passed_s > 0 else None

    @property
    def time_left_s(self) -> float | None:
        """Seconds until the write is done at the present rate, None while that is not known."""
        rate = self.rate_bytes_per_s
        if not rate or self.total_bytes is None:
            return None
        return max(0.0, (self.total_bytes - self.done_bytes) / rate)

    @property
    def can_start(self) -> bool:
        """Whether `retry` does something: a key is awaited, or a unit that did not pass still stands there."""
        if self.wait is WaitReason.PRESS_START:
            return True
        if self.must_decide or self.disposition in (Disposition.HOLD, Disposition.SCRAP):
            return False
        unit_stands = self.wait in (None, WaitReason.REMOVE_UNIT)
        return self.phase is Phase.FINISHED and self.verdict is not Verdict.PASS and unit_stands

    @property
    def must_decide(self) -> bool:
        """Whether the profile allows no further try until somebody has decided."""
        tried = self.tries_max is not None and self.failed_in_row >= self.tries_max
        return tried and self.disposition is None and self.verdict is Verdict.FAIL

    @property
    def can_decide(self) -> bool:
        """Whether it may be decided where the unit goes: it is known, and it is not good."""
        return self.phase is Phase.FINISHED and self.verdict is not Verdict.PASS and self.mac is not None

    @property
    def can_label(self) -> bool:
        """Whether a label may be given, or replaced."""
        return self.wants_label or (self.label is not None and not self.label.is_bound)

    @property
    def good_unit(self) -> LaneView | None:
        """The view of the unit whose label may be printed: it passed here, and no other one has begun since."""
        unit = view if (view := self).phase is Phase.FINISHED else self.previous
        return unit if unit is not None and unit.verdict is Verdict.PASS and unit.mac is not None else None

    @property
    def can_abort(self) -> bool:
        return self.phase is Phase.WORKING


def apply(view: LaneView, event: Event) -> LaneView:
    """Give the view after this event of the same lane."""
    match event:
        case LabelWanted() | LabelTaken() | LabelRefused() | SerialNumberBound():
            return _labelled(view, event)
        case _:
            return replace(_worked(view, event), takes_scan=view.takes_scan)


def _worked(view: LaneView, event: WorkEvent) -> LaneView:
    match event:
        case LaneWaiting():
            return _waiting(view, event)
        case RunStarted(run_id=run_id):
            label = view.label if view.phase in _BEFORE_A_RUN else None
            return LaneView(view.lane, view.port, Phase.WORKING, run_id=run_id, steps=_kept_steps(view), label=label)
        case UnitIdentified(mac=mac):
            return replace(view, mac=plain(mac))
        case CertificateAllocated(mac=mac, device_name=name, resumed=resumed):
            return replace(view, mac=plain(mac), device_name=plain(name), resumed=resumed)
        case StepReported():
            return _stepped(view, event)
        case VerdictReached():
            return _finished(view, event)
        case UnitDisposed(mac=mac, disposition=disposition):
            same = view.mac == mac and view.phase is Phase.FINISHED
            return replace(view, disposition=disposition, failed_in_row=0) if same else view
        case LabelPrinted():
            return _printed(view, PrintedLabel.of(event), event.mac)
        case LaneAppeared(port=port):
            return replace(view, port=plain(port))
        case LaneClosed():
            return LaneView(view.lane, view.port, Phase.CLOSED, previous=_last_finished(view))


def _printed(view: LaneView, printed: PrintedLabel, mac: str) -> LaneView:
    """The unit may have been taken out meanwhile; once the next one is at work there is no place for it."""
    if view.phase is Phase.FINISHED and view.mac == mac:
        return replace(view, printed=printed)
    if view.previous is not None and view.previous.mac == mac:
        return replace(view, previous=replace(view.previous, printed=printed))
    return view


def tick(view: LaneView, seconds: float) -> LaneView:
    """Let the current step grow older by `seconds`, for steps that report nothing while they wait."""
    current = view.current_step
    if view.phase is not Phase.WORKING or current is None:
        return view
    return replace(view, steps=_with_step(view.steps, replace(current, seconds=current.seconds + seconds)))


def _labelled(view: LaneView, event: LabelEvent) -> LaneView:
    match event:
        case LabelWanted():
            return replace(view, wants_label=True, label=None)
        case LabelTaken(serial_number=number, bearer=bearer):
            label = Label(plain(number), plain(bearer) if bearer else None)
            if view.phase is Phase.FINISHED:  # whoever scans the next unit's label has seen the verdict
                view = replace(_idle(view), wait=view.wait)
            return replace(view, label=label, wants_label=False, refused_scan=None)
        case LabelRefused():
            return replace(view, refused_scan=RefusedScan.of(event))
        case SerialNumberBound(serial_number=number):
            return replace(view, label=Label(plain(number), is_bound=True), wants_label=False, refused_scan=None)


def _idle(view: LaneView) -> LaneView:
    """Nothing is in hand; the last unit is remembered."""
    return LaneView(view.lane, view.port, Phase.WAITING, takes_scan=view.takes_scan, previous=_last_finished(view))


def _waiting(view: LaneView, event: LaneWaiting) -> LaneView:
    wants_label = event.reason is WaitReason.SCAN_LABEL
    if view.phase is Phase.FINISHED and _verdict_stands(view, event.reason):
        return replace(view, wait=event.reason, wants_label=wants_label)
    phase = Phase.FAULT if event.reason is WaitReason.STATION_FAULT else Phase.WAITING
    message, code = plain(event.message), plain(event.code) if event.code else None
    given = view.label if view.phase is Phase.WAITING and event.reason in _WITH_A_LABEL else None
    return replace(
        _idle(view),
        phase=phase,
        wait=event.reason,
        code=code,
        message=message,
        facts=event.facts,
        label=given,
        wants_label=wants_label,
        refused_scan=view.refused_scan if wants_label and view.phase is Phase.WAITING else None,
    )


def _verdict_stands(view: LaneView, reason: WaitReason) -> bool:
    """A bad unit's verdict stays until the next run begins, so that nobody who looks up late takes it for a good one.

    A good unit's verdict stays until it is removed; where that cannot be seen, until the next run.
    """
    if reason in (WaitReason.INSERT_UNIT, WaitReason.SCAN_LABEL):
        return view.verdict is not Verdict.PASS
    return reason is not WaitReason.STATION_FAULT


def _stepped(view: LaneView, event: StepReported) -> LaneView:
    needs_hand = event.state is StepState.BEGUN and bool(event.message)
    line = StepLine(event.step, event.state, event.seconds, needs_hand)
    if view.phase is not Phase.WORKING:
        # Detect may be told before the run has its number.
        early = event.step is Step.DETECT and view.phase in _BEFORE_A_RUN
        return replace(view, steps=_with_step(NO_STEPS, line)) if early else view
    changed = replace(view, steps=_with_step(view.steps, line))
    if event.step is not Step.WRITE:
        return changed
    if event.state is StepState.BEGUN:
        return replace(changed, samples=(Sample(event.seconds, 0),), total_bytes=event.total_bytes)
    if event.done_bytes is None:
        return changed
    kept = tuple(old for old in view.samples if event.seconds - RATE_WINDOW_S <= old.seconds < event.seconds)
    # One older sample keeps a slow line's rate known.
    kept = kept or view.samples[-1:]
    return replace(
        changed,
        samples=(*kept, Sample(event.seconds, event.done_bytes)),
        total_bytes=event.total_bytes if event.total_bytes is not None else view.total_bytes,
    )


def _finished(view: LaneView, event: VerdictReached) -> LaneView:
    return replace(
        view,
        phase=Phase.FINISHED,
        wait=None,
        label=view.label if view.label is not None and view.label.is_bound else None,
        wants_label=False,
        refused_scan=None,
        verdict=event.verdict,
        mac=plain(event.mac) if event.mac else view.mac,
        device_name=plain(event.device_name) if event.device_name else view.device_name,
        code=plain(event.code) if event.code else None,
        message=plain(event.message),
        mend=plain(event.mend),
        facts=event.facts,
        seconds=event.seconds,
        failed_in_row=event.failed_in_row,
        tries_max=event.tries_max,
        previous=None,
    )


def _last_finished(view: LaneView) -> LaneView | None:
    return view if view.phase is Phase.FINISHED else view.previous


def _kept_steps(view: LaneView) -> tuple[StepLine, ...]:
    """Detect's line when it was told before the run started, else a fresh list."""
    return view.steps if view.phase in _BEFORE_A_RUN else NO_STEPS


def _with_step(steps: tuple[StepLine, ...], line: StepLine) -> tuple[StepLine, ...]:
    return tuple(line if old.step is line.step else old for old in steps)
