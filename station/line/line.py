"""The line: all lanes of one station on one batch. Owns the threads; the faces only listen."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from station.chip.chip import Chip
from station.errors import CodedError, LedgerFault
from station.events import Event, LaneAppeared, VerdictReached
from station.ledger import OperatorName
from station.line.baud_memory import LedgerBaudMemory
from station.line.decision import LeadDecision
from station.line.label_desk import LabelDesk
from station.line.label_printing import LabelWork
from station.line.label_slot import LabelSlot
from station.line.lane import Lane, LaneInfo, LanePlan
from station.line.line_light import LineLight
from station.line.packing import pack_static
from station.line.passage import Passage
from station.line.port_watch import PortWatch
from station.line.print_desk import PrintDesk
from station.line.shift import Shift
from station.line.shift_numbers import ShiftNumbers
from station.line.shift_record import ShiftRecord
from station.line.status_link import StatusLink
from station.line.walk import internal_fault
from station.peripherals.label_printer import LabelPrinter
from station.peripherals.stack_light import StackLight
from station.profile.serial_number import SerialNumber
from station.reports.numbers import judges_unit, share, units_per_hour
from station.unit import Mac
from station.verdict import Verdict

_LOG: Final = logging.getLogger("station.line")
STUCK_LOOK_PERIOD_S: Final = 1.0
JOIN_SLICE_S: Final = 0.1
TURN_S: Final = 0.001 if sys.platform == "win32" else 0.0005
"""For how long a thread that computes keeps the others waiting. Python's own 5 ms cost a unit a second beside an import or a
report, for each of a chip's 130 answers waits for turns; half a millisecond costs the one that computes nothing to speak of.
Windows waits in whole milliseconds: with less, who waits would not sleep at all."""
PRINTING_S: Final = 5.0
"""How long the end of a shift waits for the printer."""


@dataclass(frozen=True, slots=True)
class HotPlug:
    """Lanes that come and go with their adapters: who looks for ports, and how a new lane works."""

    watch: PortWatch
    plan: Callable[[int, str], LanePlan]
    named: frozenset[int] = frozenset()
    """Lanes whose port keeps the name given."""

    def bound(self, plan: LanePlan) -> LanePlan:
        """Let a lane ask for its port's name."""
        number = plan.info.number
        return plan if number in self.named else replace(plan, port_now=lambda: self.watch.port_of(number))


class Line:
    """Lanes that share a recipe, its packed regions and a ledger. Callbacks come on any thread but the caller's own."""

    def __init__(
        self,
        shift: Shift,
        plans: Sequence[LanePlan],
        *,
        operator: str,
        training: bool = False,
        replace_foreign: LeadDecision | None = None,
        keep_foreign: LeadDecision | None = None,
        force_security: LeadDecision | None = None,
        platform: StatusLink | None = None,
        printer: LabelPrinter | None = None,
        hot_plug: HotPlug | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shift = shift
        self._operator = operator
        self._replace_foreign = replace_foreign
        self._keep_foreign = keep_foreign
        self._force_security = force_security
        self._platform = platform
        self._clock = clock
        self._callbacks: list[Callable[[Event], None]] = []
        self._static = pack_static(shift.recipe)
        self._lock = threading.Lock()
        self._began = clock()
        self._turn_before_s = sys.getswitchinterval()
        self._verdicts: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
        self._first_runs: dict[Mac, Verdict] = {}
        self._hot_plug = hot_plug
        self._light: StackLight | None = None
        self._stopping = threading.Event()
        self._lanes = {plan.info.number: self._new_lane(plan) for plan in plans}
        self.training = training
        rule = shift.recipe.profile.serial_number
        self._labels = None if rule is None else self._label_desk(rule)
        self._prints = None if printer is None else self._print_desk(printer)
        self.record = ShiftRecord(shift.ledger, lambda: self._operator, self._publish, self.retry, self._prints, rule)

    @property
    def lanes(self) -> tuple[LaneInfo, ...]:
        lanes = dict(self._lanes)  # the port watch may add one in this moment
        return tuple(lanes[number].plan.info for number in sorted(lanes))

    @property
    def places(self) -> tuple[LaneInfo, ...]:
        """The lanes, and those that will be there when an adapter is put into their place; their port has no name yet."""
        there = {lane.number: lane for lane in self.lanes}
        known = self._hot_plug.watch.known_lanes if self._hot_plug is not None else frozenset()
        return tuple(there.get(number) or LaneInfo(number, "") for number in sorted({*there, *known}))

    @property
    def profile_name(self) -> str:
        return self._shift.recipe.profile.name

    @property
    def firmware_version(self) -> str:
        return self._shift.recipe.profile.firmware.version

    @property
    def batch(self) -> str:
        return self._shift.batch

    @property
    def operator(self) -> str:
        """Who works here."""
        return self._operator

    def hand_over(self, name_or_badge: str) -> None:
        """End this operator's shift with a signature and begin another's, while the lanes go on; UsageError when unknown."""
        people = self._shift.ledger.operators
        if people.active():
            people.find(name_or_badge)  # whoever is unknown ends nobody's shift
            self._sign_off()
            people.sign_out()
            name = people.sign_in(name_or_badge).name
        else:
            name = OperatorName(name_or_badge.strip())
            self._sign_off()
            people.act_as(name)
        with self._lock:
            self._operator = name
            self._began = self._clock()
            self._verdicts = dict.fromkeys(Verdict, 0)
            self._first_runs = {}
        self.record.begin_anew()

    def subscribe(self, callback: Callable[[Event], None]) -> None:
        """Hear every event of every lane, on the lane's thread; the callback must return at once."""
        self._callbacks.append(callback)

    def show_on(self, light: StackLight | None) -> None:
        """Let a stack light, where there is one, show what the lanes do."""
        self._light = light
        if light is not None:
            self.subscribe(LineLight(light.show).hear)

    @property
    def light_is_lost(self) -> bool:
        """Whether there is a stack light that does not take its signals now; returns at once."""
        return self._light is not None and self._light.is_lost

    def start(self) -> None:
        """Start every lane, and look for new ones where they may come."""
        self._turn_before_s = sys.getswitchinterval()
        sys.setswitchinterval(TURN_S)
        self._began = self._clock()
        if self._prints is not None:
            self._prints.start()
        for lane in list(self._lanes.values()):
            lane.start()
        threading.Thread(target=self._look_for_stuck, name="stuck-watch", daemon=True).start()
        if self._hot_plug is not None:
            self._hot_plug.watch.start(self._appeared)

    def _new_lane(self, plan: LanePlan) -> Lane:
        if self._hot_plug is not None:
            plan = self._hot_plug.bound(plan)
        require_ledger = self._shift.ledger.recorder.require_server
        return Lane(plan, self._new_passage, self._publish, self._baud_memory, require_ledger)

    def _label_desk(self, rule: SerialNumber) -> LabelDesk:
        def slots() -> dict[int, LabelSlot]:
            return {number: lane.label_slot for number, lane in dict(self._lanes).items()}

        return LabelDesk(rule, self._shift.recipe.profile.product_key, self._shift.ledger, slots, self._publish)

    def _print_desk(self, printer: LabelPrinter) -> PrintDesk | None:
        work = LabelWork.of(self._shift.recipe.profile, self._shift.recipe.label, printer)
        if work is None:
            return None
        desk = PrintDesk(self._shift.ledger, work, lambda: self._operator, self._publish)
        self.subscribe(desk.hear)
        return desk

    def _baud_memory(self, port: str) -> LedgerBaudMemory:
        adapter = port if self._hot_plug is None else self._hot_plug.watch.adapter_at(port)
        return LedgerBaudMemory(self._shift.ledger, adapter)

    def _appeared(self, number: int, port: str) -> None:
        """Begin a lane for an adapter that came; those that are at work find their port themselves."""
        with self._lock:
            if self._hot_plug is None or number in self._lanes or self._stopping.is_set():
                return
            lane = self._new_lane(self._hot_plug.plan(number, port))
            self._lanes = {**self._lanes, number: lane}
            # Within the lock: `stop` must not meet a lane that is listed and not started.
            self._publish(LaneAppeared(number, port))
            lane.start()

    def _look_for_stuck(self) -> None:
        while not self._stopping.wait(STUCK_LOOK_PERIOD_S):
            lanes = list(self._lanes.values())
            if self._hot_plug is None and all(lane.has_ended for lane in lanes):
                return
            for lane in lanes:
                lane.tell_if_stuck()

    def abort(self, lane: int) -> None:
        """Stop the run in hand on a lane."""
        self._lanes[lane].abort()

    def retry(self, lane: int) -> None:
        """Start the next walk on a lane: the same unit again, or the unit that waits for a key."""
        self._lanes[lane].retry()

    @property
    def labels(self) -> LabelDesk | None:
        """Where the units' labels come in; None where the profile wants none."""
        return self._labels

    def stop(self, timeout_s: float) -> bool:
        """Abort what runs, end all lanes, print the labels that wait; True when every thread has returned and every port is closed.

        A lane that a driver does not let go is told as stuck and left behind when the time is over.
        """
        with self._lock:
            self._stopping.set()
            lanes = list(self._lanes.values())
        if self._hot_plug is not None:
            self._hot_plug.watch.stop()
        for lane in lanes:
            lane.stop()
        deadline = self._clock() + timeout_s
        joined = [lane.join(max(0.0, deadline - self._clock())) for lane in lanes]
        for lane, ended in zip(lanes, joined, strict=True):
            if not ended:
                lane.tell_if_stuck(after_s=0.0)
        if self._prints is not None and not self._prints.close(min(PRINTING_S, max(0.0, deadline - self._clock()))):
            _LOG.warning(
                "label printing is incomplete: look at what was told of each label, then print those that are missing"
            )
        self._sign_off()
        sys.setswitchinterval(self._turn_before_s)
        return all(joined)

    def _sign_off(self) -> None:
        """Let the ledger sign what this shift did. A ledger that fails has told so already, lane by lane."""
        try:
            self.record.sign_off()
        except CodedError as error:
            _LOG.warning("the shift's end could not be signed: %s", error.code)

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait until every lane has ended by itself, or is stuck for good, in all no longer than `timeout_s`."""
        deadline = None if timeout_s is None else self._clock() + timeout_s
        for lane in list(self._lanes.values()):
            while not lane.has_ended:
                left = JOIN_SLICE_S if deadline is None else deadline - self._clock()
                if left <= 0:
                    return False
                lane.join(min(JOIN_SLICE_S, left))
        return True

    def summary(self) -> ShiftNumbers:
        """Give the shift's numbers; reads the ledger, so not for a UI loop. LedgerFault, which tells how many verdicts are kept."""
        try:
            progress = self._shift.progress()
            self._shift.ledger.server.require_seen()  # a station that has no unit looks at a restored server too
        except LedgerFault as fault:
            raise self._shift.ledger.recorder.told(fault) from None
        with self._lock:
            verdicts, firsts = dict(self._verdicts), list(self._first_runs.values())
        hours = (self._clock() - self._began) / 3600
        return ShiftNumbers(
            batch=self._shift.batch,
            work_order=self._shift.work_order,
            quantity=progress.quantity,
            passed=progress.passed,
            passed_in_shift=verdicts[Verdict.PASS],
            failed=verdicts[Verdict.FAIL],
            errors=verdicts[Verdict.ERROR],
            left=progress.left,
            wanted=progress.wanted_in_all,
            certificates=progress.certificates,
            first_pass_yield=share(firsts.count(Verdict.PASS), len(firsts)),
            units_per_hour=units_per_hour(verdicts[Verdict.PASS], hours),
        )

    def _new_passage(self, plan: LanePlan, chip: Chip) -> Passage:
        order = self._shift.order
        return Passage(
            lane=plan.info.number,
            port=plan.info.port,
            chip=chip,
            recipe=self._shift.recipe,
            static=self._static,
            batch=self._shift.batch,
            operator=self._operator,
            work_order=None if order is None else order.number,
            order_retries=None if order is None else order.retries,
            ledger=self._shift.ledger,
            report=self._publish,
            clock=self._clock,
            replace_foreign=self._replace_foreign,
            keep_foreign=self._keep_foreign,
            answer_for=self.record.take_answer,
            force_security=self._force_security,
            platform=self._platform,
            label_slot=self._lanes[plan.info.number].label_slot,
        )

    def _publish(self, event: Event) -> None:
        if isinstance(event, VerdictReached):
            with self._lock:
                self._verdicts[event.verdict] += 1
                if event.mac is not None and judges_unit(event.verdict):
                    self._first_runs.setdefault(event.mac, event.verdict)
        for callback in self._callbacks:
            try:
                callback(event)
            except Exception as error:  # noqa: BLE001  a face that fails must not break the walk of a unit
                internal_fault(error)
