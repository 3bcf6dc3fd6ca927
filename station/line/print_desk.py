"""Labels of units that passed: a thread of its own prints them, so that no lane waits for a printer."""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from station.errors import CodedError, LedgerFault, PeripheralFault, UsageError
from station.events import Event, LabelPrinted, VerdictReached
from station.ledger import LabelJob, Ledger
from station.line.label_faults import PASSING, LabelInDoubt, label_waits
from station.line.label_printing import LabelWork, note_failure, order_label, print_at_once, print_label
from station.line.walk import internal_fault
from station.peripherals.label_printer import printer_unreachable
from station.verdict import Verdict

_LOG: Final = logging.getLogger("station.line")
RETRY_PERIOD_S: Final = 0.5
"""How often the first label that waits for the ledger is tried."""


@dataclass(frozen=True, slots=True)
class _WaitingLabel:
    """Of a unit that passed; `job` is the name that it has in the log from its first try on."""

    printed: LabelPrinted
    passed_at: float
    job: str


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What the printer answered last, and when."""

    fault: PeripheralFault
    at: float


class PrintDesk:
    """Prints after each PASS, and again when somebody asks. A printer that is away delays nobody and loses no label.

    What waits while the printer does not answer is told as not printed at once, without asking it again for each. While the
    factory's server has not got a verdict its label waits, and those after it: only the server knows whether the unit has a label
    already and a certificate still, and no label leaves before the log tells it.
    """

    def __init__(
        self,
        ledger: Ledger,
        work: LabelWork,
        operator: Callable[[], str],
        tell: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tell` hears of each label, on the thread that prints it."""
        self._ledger = ledger
        self._work = work
        self._operator = operator
        self._tell = tell
        self._clock = clock
        self._passed: queue.SimpleQueue[_WaitingLabel | None] = queue.SimpleQueue()
        self._waiting: deque[_WaitingLabel] = deque()
        """What is not printed yet, in the order of the verdicts; once the thread has ended, what is left."""
        self._doubt: LabelInDoubt | None = None
        """Why the log may tell the first one that waits as printed."""
        self._refusal: _Refusal | None = None
        self._in_printer: LabelJob | None = None
        self._given_up = False
        self._is_one_in_doubt = False
        self._thread = threading.Thread(target=self._live, name="print-desk", daemon=True)

    def start(self) -> None:
        """Begin to print."""
        self._thread.start()

    def hear(self, event: Event) -> None:
        """Take note of a PASS; returns at once."""
        if isinstance(event, VerdictReached) and event.verdict is Verdict.PASS and event.mac is not None:
            label = LabelPrinted(event.lane, event.run_id or 0, event.mac, event.device_name)
            self._passed.put(_WaitingLabel(label, self._clock(), uuid.uuid4().hex))

    def print_again(self, subject: str) -> LabelPrinted:
        """Print a unit's label now, by MAC, serial number or DeviceName, and give what is told of it.

        Waits for the printer, so not for a screen's own thread. UsageError when the unit did not pass or is of another
        product, LedgerFault; what hinders the printing itself is told, not raised.
        """
        order = order_label(self._ledger, self._work.product_key, subject)
        printed = LabelPrinted(order.run.lane, order.run.id, order.mac, order.run.device_name)
        try:
            print_at_once(self._ledger, self._work, order, self._operator())
        except CodedError as fault:
            printed = printed.hindered_by(fault)
        self._tell(printed)
        return printed

    def close(self, timeout_s: float) -> bool:
        """Print what is left, and end. What was not printed is `missing` in the ledger.

        False when the time was over first, or when the log may tell a label as printed that no printer has.
        """
        if self._thread.is_alive():
            self._passed.put(None)
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            return not self._is_one_in_doubt
        self._given_up = True
        if (job := self._in_printer) is not None:  # whether it comes nobody knows: one too many is better than none
            with suppress(LabelInDoubt):
                note_failure(self._ledger, job, self._too_late())
        return False

    @property
    def is_incomplete(self) -> bool:
        """Whether the shift has ended before each label was printed, or told as one that is not."""
        is_left = bool(self._waiting) and not self._thread.is_alive()
        return is_left or self._given_up or self._is_one_in_doubt

    @contextmanager
    def _sending(self, job: LabelJob) -> Iterator[None]:
        self._in_printer = job
        try:
            if self._given_up:  # asked last: `close` has seen this label, or it is not sent any more
                raise self._too_late()
            yield
        finally:
            self._in_printer = None

    def _too_late(self) -> PeripheralFault:
        return printer_unreachable("The printer had not taken the label when the shift ended", self._work.printer.name)

    def _live(self) -> None:
        while not self._given_up:
            try:
                label = self._passed.get(timeout=RETRY_PERIOD_S if self._waiting else None)
            except queue.Empty:
                self._print_waiting()
                continue
            if label is None:
                self._print_waiting()
                self._leave_waiting()
                return
            self._waiting.append(label)
            hindrance = self._print_waiting()
            if hindrance is not None:  # told once, not at each try
                self._tell(label.printed.hindered_by(hindrance))

    def _print_waiting(self) -> LedgerFault | None:
        """Print what waits, in turn; gives what those that are left wait for."""
        while self._waiting and not self._given_up:
            label = self._waiting[0]
            if self._lacks_verdict(label):
                return self._wait(label_waits())
            try:
                told = self._print(label)
            except CodedError as fault:
                if fault.code in PASSING:
                    self._doubt = fault if isinstance(fault, LabelInDoubt) else self._doubt
                    return self._wait(label_waits(fault.code))
                told = self._not_printed(label, fault)
            except Exception as error:  # noqa: BLE001  a bug of ours must not end the labels in silence
                told = self._not_printed(label, internal_fault(error))
            self._waiting.popleft()
            self._doubt = None
            if told is not None:
                self._tell(told)
        return None

    def _wait(self, reason: LedgerFault) -> LedgerFault:
        self._refusal = None  # who knows how the printer is when the waiting is over
        return reason

    def _lacks_verdict(self, label: _WaitingLabel) -> bool:
        """Say whether the verdict is kept here; another process of the data folder may have had it recorded."""
        recorder = self._ledger.recorder
        try:
            return recorder.knows(label.printed.run_id) and recorder.kept > 0
        except CodedError:  # nobody can tell as long as another program holds what is kept: the label waits
            return True

    def _print(self, label: _WaitingLabel) -> LabelPrinted | None:
        """Give what is told of a label, None of one that is not wanted."""
        job = self._job(label)
        if self._refusal is not None and label.passed_at <= self._refusal.at:
            fault = self._refusal.fault
            is_noted = self._ledger.printed_labels.failed(job, code=fault.code, cause=fault.cause)
            return label.printed.hindered_by(fault) if is_noted else None
        self._refusal = None
        return label.printed if print_label(self._ledger, self._work, job, self._sending(job)) else None

    def _job(self, label: _WaitingLabel) -> LabelJob:
        order = order_label(self._ledger, self._work.product_key, label.printed.mac)
        work = self._work
        return LabelJob(order, work.printer.name, work.copies, self._operator(), name=label.job, only_first=True)

    def _not_printed(self, label: _WaitingLabel, fault: CodedError) -> LabelPrinted:
        if self._doubt is not None and isinstance(fault, LedgerFault):
            fault = self._settled(label, fault)
        if isinstance(fault, LabelInDoubt):
            self._is_one_in_doubt = True
            _LOG.error("no printer has the label of run %d, and the log may tell it as printed", label.printed.run_id)
        elif isinstance(fault, PeripheralFault):
            self._refusal = _Refusal(fault, self._clock())
        _LOG.warning("label of run %d: %s", label.printed.run_id, fault.code)
        return label.printed.hindered_by(fault)

    def _settled(self, label: _WaitingLabel, fault: CodedError) -> CodedError:
        """Have the log tell that no printer has a label that it may tell as printed; gives what hinders that one then."""
        try:
            note_failure(self._ledger, self._job(label), fault)
        except LedgerFault as unnoted:
            return LabelInDoubt(fault, unnoted)
        except (LabelInDoubt, UsageError) as told:
            return told
        return fault

    def _leave_waiting(self) -> None:
        if not self._waiting:
            return
        _LOG.warning(
            "%d label(s) still waited for the ledger at the end: station label print PROFILE --missing BATCH",
            len(self._waiting),
        )
        if self._doubt is not None:
            first = self._waiting[0]
            fault = self._settled(first, self._doubt.hindrance)
            if isinstance(fault, LabelInDoubt):
                self._tell(self._not_printed(first, fault))
