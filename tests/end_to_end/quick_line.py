"""A line at work on the small product, in this process: what is done "on" an event happens in that very instant."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from station.certificate import CertificateState
from station.chip.chip import ResetMode
from station.errors import Code
from station.events import Event, LaneClosed, LaneWaiting, StepReported, VerdictReached, WaitReason
from station.ledger import Ledger
from station.line.decision import LeadDecision
from station.line.lane import LaneInfo, LanePlan, Startup
from station.line.line import HotPlug, Line
from station.line.shift import Shift
from station.profile.recipe import Recipe
from station.profile.serial_number import ScanTime
from station.verdict import Step, StepState, Verdict
from tests.batch_csv import write_batch_csv
from tests.end_to_end.quick_units import EVENT_LIMIT_S, PRODUCT_KEY

Fits = Callable[[Event], bool]
STOP_LIMIT_S = 10.0


def step(name: Step, state: StepState, lane: int = 1) -> Fits:
    return lambda event: (
        isinstance(event, StepReported)
        and (event.lane, event.step, event.state)
        == (
            lane,
            name,
            state,
        )
    )


def waiting(reason: WaitReason, lane: int = 1) -> Fits:
    return lambda event: isinstance(event, LaneWaiting) and (event.lane, event.reason) == (lane, reason)


def waiting_with(code: Code, lane: int = 1) -> Fits:
    return lambda event: isinstance(event, LaneWaiting) and (event.lane, event.code) == (lane, code)


class LineAtWork:
    """Lanes numbered from 1 on the ports given."""

    def __init__(
        self,
        shift: Shift,
        ports: Sequence[str],
        *,
        startup: Startup = Startup.AUTO,
        reset: ResetMode = ResetMode.DEFAULT_RESET,
        units: int | None = None,
        end_on_error: bool = False,
        force_security: LeadDecision | None = None,
        hot_plug: HotPlug | None = None,
    ) -> None:
        rule = shift.recipe.profile.serial_number
        label_first = rule is not None and rule.scan is ScanTime.BEFORE
        plans = [
            LanePlan(LaneInfo(number, port), reset, startup, units, end_on_error, label_first=label_first)
            for number, port in enumerate(ports, start=1)
        ]
        self.shift = shift
        self.line = Line(shift, plans, operator="Li W.", force_security=force_security, hot_plug=hot_plug)
        self.verdicts: list[VerdictReached] = []
        self._heard: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._plans: list[tuple[Fits, Callable[[], object]]] = []
        self._lock = threading.Lock()
        self.line.subscribe(self._hear)

    def on(self, fits: Fits, act: Callable[[], object]) -> None:
        """Do something once, on the lane's own thread, when an event fits."""
        with self._lock:
            self._plans.append((fits, act))

    def _hear(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, VerdictReached):
                self.verdicts.append(event)
            due = [plan for plan in self._plans if plan[0](event)]
            self._plans = [plan for plan in self._plans if plan not in due]
        for _, act in due:
            act()
        self._heard.put(event)

    def wait_for(self, fits: Fits) -> Event:
        """Give the next event that fits."""
        while not fits(event := self._heard.get(timeout=EVENT_LIMIT_S)):
            assert not isinstance(event, LaneClosed), f"lane {event.lane} ended: {self.verdicts}"
        return event

    def verdict(self, lane: int = 1) -> VerdictReached:
        """Give the lane's next verdict."""
        event = self.wait_for(lambda event: isinstance(event, VerdictReached) and event.lane == lane)
        assert isinstance(event, VerdictReached)
        return event

    def wait(self, reason: WaitReason, lane: int = 1) -> LaneWaiting:
        event = self.wait_for(waiting(reason, lane))
        assert isinstance(event, LaneWaiting)
        return event

    def holders(self) -> dict[str, str]:
        """MAC → DeviceName of every certificate that left the shelf; none is in two hands."""
        rows = [row for row in self.shift.ledger.certificates(self.shift.batch) if row.mac is not None]
        assert all(row.state is not CertificateState.AVAILABLE for row in rows)
        assert len({row.mac for row in rows}) == len(rows)
        return {str(row.mac): row.identity.device_name for row in rows}


@contextmanager
def at_work(work: LineAtWork) -> Iterator[LineAtWork]:
    """Start the line; stop it in the end, and prove that it stops."""
    work.line.start()
    try:
        yield work
    finally:
        assert work.line.stop(STOP_LIMIT_S)


@contextmanager
def opened_shift(recipe: Recipe, folder: Path, certificates: int = 5, url: str | None = None) -> Iterator[Shift]:
    """A shift with a ledger of its own, or with a factory's at `url`."""
    csv = folder / "shift.csv"
    write_batch_csv(csv, PRODUCT_KEY, certificates)
    with Ledger.open(folder / "data", url=url) as ledger:
        yield Shift(recipe, ledger, ledger.import_batch(csv).batch, None, None)


def told(verdict: VerdictReached) -> tuple[Verdict, Code | str | None]:
    """What a test compares."""
    return verdict.verdict, verdict.code
