"""A lane: one thread that owns one port, waits for units and walks them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from station.chip.baud_ladder import BaudLadder, BaudMemory
from station.chip.chip import Chip, ResetMode, SyncOutcome
from station.chip.chip_failures import unit_garbled
from station.chip.lane_port import DriverCall, LanePort
from station.errors import Aborted, ChipError, Code, CodedError, LedgerFault, PortFault
from station.events import Event, LaneAppeared, LaneClosed, LaneWaiting, VerdictReached, WaitReason
from station.line.label_slot import LabelSlot, SlotState
from station.line.passage import Passage
from station.line.walk import internal_fault, walk_unit
from station.unit import Mac
from station.verdict import Verdict

PORT_RETRY_PERIOD_S = 1.0
PRESENCE_PERIOD_S = 0.25
SETTLE_AFTER_VERDICT_S = 1.0
"""A finished unit runs on for this long before the lane asks whether it is still there."""
STUCK_AFTER_S = 15.0
"""No call into a driver takes longer: what waits in them is bounded at 10 s."""
BAD_SYNCS_MAX = 2
"""Looks, of five resets each, that make nothing of a unit before it is refused: about 8 s."""
_BAD: Final = frozenset(SyncOutcome) - {SyncOutcome.SILENT, SyncOutcome.READY}


class Startup(StrEnum):
    """What starts the next unit."""

    AUTO = "auto"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class LaneInfo:
    """A lane as the technician knows it."""

    number: int
    port: str


@dataclass(frozen=True, slots=True)
class LanePlan:
    """How a lane works: `units` ends it after so many verdicts; `end_on_error` ends it at the first ERROR; with `label_first` it
    waits for each unit's label before the unit.

    `port_now` is asked for the port's name each time before it is opened (PortFault); without it the name stays as given.
    """

    info: LaneInfo
    reset: ResetMode = ResetMode.DEFAULT_RESET
    startup: Startup = Startup.AUTO
    units: int | None = None
    end_on_error: bool = False
    label_first: bool = False
    port_now: Callable[[], str] | None = None


class Lane:
    """`start` once; `abort` stops the run in hand, `retry` walks the same unit again, `stop` ends the lane."""

    def __init__(
        self,
        plan: LanePlan,
        new_passage: Callable[[LanePlan, Chip], Passage],
        report: Callable[[Event], None],
        memory_of: Callable[[str], BaudMemory],
        require_ledger: Callable[[], None],
    ) -> None:
        """`require_ledger` raises LedgerFault while no unit may start: the lane tells it, and asks again until one may."""
        self.plan = plan
        self._require_ledger = require_ledger
        self._memory_of = memory_of
        self._new_passage = new_passage
        self._report = report
        self._abort = threading.Event()
        self._stopping = threading.Event()
        self._key = threading.Event()
        self._busy = threading.Event()
        self._driver_call = DriverCall()
        self._told_stuck = False
        self._verdicts = 0
        self._waiting: LaneWaiting | None = None
        self.label_slot = LabelSlot(lambda: self._abort.is_set() or self._stopping.is_set())
        self._thread = threading.Thread(target=self._live, name=f"lane-{plan.info.number}", daemon=True)

    def start(self) -> None:
        """Start the lane's thread."""
        self._thread.start()

    def abort(self) -> None:
        """Stop the run in hand at once; without one, do nothing."""
        if self._busy.is_set():
            self._abort.set()
            self.label_slot.wake()

    def retry(self) -> None:
        """Start the next walk now: the same unit again, or the unit that waits for the key."""
        self._key.set()

    def stop(self) -> None:
        """End the lane; a run in hand is aborted."""
        self._stopping.set()
        self._abort.set()
        self._key.set()
        self.label_slot.wake()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait until the thread has returned and the port is closed."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def has_ended(self) -> bool:
        """Whether the thread has returned, or is stuck in a driver and shall end when that lets it."""
        return not self._thread.is_alive() or (self._told_stuck and self._stopping.is_set())

    def tell_if_stuck(self, after_s: float | None = None) -> None:
        """Tell, once, that a call into the port's driver does not return. Called from another thread than the lane's."""
        seconds = self._driver_call.seconds
        if seconds == 0.0 or seconds < (STUCK_AFTER_S if after_s is None else after_s):
            self._told_stuck = self._told_stuck and self._stopping.is_set()
            return
        if self._told_stuck:
            return
        self._told_stuck = True
        fault = PortFault(
            Code.PORT_STUCK,
            "The driver of the port does not return",
            "Pull the adapter out and put it in again; restart the station if the lane stays so",
            self.plan.info.port,
        )
        if self.plan.end_on_error:
            self.stop()
            self._tell_error(fault)
        else:
            self._waiting = LaneWaiting(self._number, WaitReason.STATION_FAULT, str(fault), fault.code, fault.facts)
            self._report(self._waiting)

    @property
    def _number(self) -> int:
        return self.plan.info.number

    @property
    def _finished(self) -> bool:
        return self._stopping.is_set() or (self.plan.units is not None and self._verdicts >= self.plan.units)

    def _live(self) -> None:
        try:
            while not self._finished:
                try:
                    self._serve()
                except Aborted:
                    self._abort.clear()
                except CodedError as fault:
                    if not self._outlive(fault):
                        return
                except Exception as error:  # noqa: BLE001  a bug of ours must not end the lane in silence
                    if not self._outlive(internal_fault(error)):
                        return
        finally:
            self._report(LaneClosed(self._number))

    def _outlive(self, fault: CodedError) -> bool:
        """Tell a fault outside any run and wait a moment; False when the lane shall end on it."""
        if self.plan.end_on_error:
            self._verdicts += 1
            self._tell_error(fault)
            return False
        self._wait_for(WaitReason.STATION_FAULT, fault)
        self._stopping.wait(PORT_RETRY_PERIOD_S)
        return True

    def _tell_error(self, fault: CodedError) -> None:
        told = f"{fault.place}: {fault.cause}" if fault.place else fault.cause
        verdict = VerdictReached(self._number, None, Verdict.ERROR, None, None, 0.0, fault.code, told, fault.mend)
        self._report(replace(verdict, facts=fault.facts))

    def _open(self) -> LanePort:
        """Open the port under the name that it has now, and only that one: a name may pass to another adapter at any time."""
        port = LanePort.open(self._port_now(), self._abort, self._driver_call)
        try:
            if self._port_now() != port.url:
                raise PortFault(
                    Code.PORT_LOST, "The port has changed its name", "Wait; the lane finds it again", port.url
                )
        except CodedError:
            port.release()
            raise
        return port

    def _port_now(self) -> str:
        name = self.plan.info.port if self.plan.port_now is None else self.plan.port_now()
        if name != self.plan.info.port:
            self.plan = replace(self.plan, info=LaneInfo(self._number, name))
            self._report(LaneAppeared(self._number, name))
        return name

    def _serve(self) -> None:
        """Open the port and walk units until the lane ends, the port fails, or the ledger's server is away."""
        self._require_ledger()
        port = self._open()
        try:
            chip = Chip(port, self.plan.reset, str(self._number), BaudLadder(self._memory_of(port.url)))
            while not self._finished:
                refusal = self._await_unit(chip)
                while not self._finished:
                    mac = self._walk(chip, refusal)
                    refusal = None
                    if self._finished or not self._await_removal(chip, mac):
                        break
        finally:
            port.release()

    def _walk(self, chip: Chip, refusal: CodedError | None) -> Mac | None:
        self._require_ledger()
        self._busy.set()
        self._waiting = None
        try:
            verdict = walk_unit(self._new_passage(self.plan, chip), refusal)
        finally:
            self._busy.clear()
            if not self.plan.label_first:
                self.label_slot.shut()
            if not self._stopping.is_set():
                self._abort.clear()
        self._verdicts += 1
        self._key.clear()
        self._report(verdict)
        if verdict.verdict is Verdict.ERROR and self.plan.end_on_error:
            self._stopping.set()
        elif verdict.code == Code.PORT_LOST:
            raise PortFault(Code.PORT_LOST, verdict.message, verdict.mend, self.plan.info.port, facts=verdict.facts)
        elif verdict.code in (Code.LEDGER_UNREACHABLE, Code.LEDGER_BEHIND):
            # The same unit is walked again when the server is back and lacks nothing.
            raise LedgerFault(Code(verdict.code), verdict.message, verdict.mend, facts=verdict.facts)
        return verdict.mac

    def _await_unit(self, chip: Chip) -> CodedError | None:
        """Return when a chip is in download mode (None), or when one is there that cannot be talked to (why)."""
        if self.plan.label_first:
            self.label_slot.open()
            self._await_label()
        if self.plan.startup is Startup.KEY:
            self._await_key()
        bad_syncs = 0
        while not self._finished:
            self._await_label()
            self._wait_for(self._idle_reason())
            outcome = chip.sync()
            bad_syncs = bad_syncs + 1 if outcome in _BAD else 0
            may_refuse = bad_syncs >= BAD_SYNCS_MAX and self.plan.reset is not ResetMode.NO_RESET
            if (outcome is SyncOutcome.READY or may_refuse) and self._has_label():
                return _refusal(outcome) if may_refuse else None
        return None

    def _await_label(self) -> None:
        """Return when the next unit has its label, where that comes first; one that was given may be taken back until the walk."""
        if self.plan.label_first and self.label_slot.state is SlotState.WANTED:
            self._wait_for(WaitReason.SCAN_LABEL)
            self.label_slot.wait()

    def _has_label(self) -> bool:
        return not self.plan.label_first or self.label_slot.lock() is not None

    def _idle_reason(self) -> WaitReason:
        return WaitReason.HOLD_BOOT if self.plan.reset is ResetMode.NO_RESET else WaitReason.INSERT_UNIT

    def _await_key(self) -> None:
        self._wait_for(WaitReason.PRESS_START)
        self._key.wait()
        self._key.clear()

    def _await_removal(self, chip: Chip, mac: Mac | None) -> bool:
        """Wait until the finished unit is gone; True when a new one (or, by key, the same one) is ready to walk."""
        if self.plan.startup is Startup.KEY:
            return False
        self._wait_for(WaitReason.REMOVE_UNIT)
        if self._key.wait(SETTLE_AFTER_VERDICT_S):
            return self._again(chip)
        while not self._finished:
            outcome = chip.sync()
            if outcome is SyncOutcome.SILENT:
                return False
            if outcome is SyncOutcome.READY:
                if self._other_unit(chip, mac):
                    return not self.plan.label_first
                # It rests in download mode while it is asked: no restarts, so it does not come and go in the cloud.
                while chip.still_there() and not self._key.is_set():
                    self._stopping.wait(PRESENCE_PERIOD_S)
            if self._key.is_set():
                return self._again(chip)
        return False

    def _other_unit(self, chip: Chip, mac: Mac | None) -> bool:
        """Say whether another unit than the finished one is there; one that could not say who it was is another once it can."""
        try:
            return chip.identify().mac != mac
        except ChipError:
            return False

    def _again(self, chip: Chip) -> bool:
        """By key: walk what is in the fixture now, if anything is."""
        self._key.clear()
        return not self._finished and chip.sync() is SyncOutcome.READY

    def _wait_for(self, reason: WaitReason, fault: CodedError | None = None) -> None:
        waiting = LaneWaiting(self._number, reason)
        if fault is not None:
            waiting = LaneWaiting(self._number, reason, str(fault), fault.code, fault.facts)
        if waiting != self._waiting:
            self._waiting = waiting
            self._report(waiting)


def _refusal(outcome: SyncOutcome) -> CodedError:
    if outcome is SyncOutcome.RUNNING:
        return ChipError(
            Code.NOT_IN_DOWNLOAD_MODE,
            "The unit starts, but does not go into download mode",
            "Hold BOOT, press EN, let BOOT go; check the fixture's contacts for DTR and RTS",
        )
    return unit_garbled()
