"""Labels of units that passed: a thread of its own prints them, so that no lane waits for a printer."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from station.errors import Code, CodedError, LedgerFault, PeripheralFault, UsageError, Why
from station.events import Event, LabelPrinted, VerdictReached
from station.ledger import LabelOrder, Ledger
from station.line.walk import internal_fault
from station.peripherals.label_printer import LabelPrinter, printer_unreachable
from station.peripherals.label_template import LabelTemplate
from station.profile.model import Profile
from station.verdict import Verdict

_LOG: Final = logging.getLogger("station.line")
RETRY_PERIOD_S: Final = 0.5
"""How often the first label that waits for the ledger's server is tried."""
_PASSING: Final = frozenset({Code.LEDGER_UNREACHABLE, Code.LEDGER_BUSY})
"""What the ledger answers for a while, and a label waits for."""


@dataclass(frozen=True, slots=True)
class LabelWork:
    """What is printed, for which product, how often, and where."""

    template: LabelTemplate
    product_key: str
    copies: int
    printer: LabelPrinter

    @classmethod
    def of(cls, profile: Profile, template: LabelTemplate | None, printer: LabelPrinter) -> LabelWork | None:
        """Give what a profile wants printed, by its template; None where it wants no label."""
        if profile.label is None or template is None:
            return None
        return cls(template, profile.product_key, profile.label.copies, printer)


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
        self._passed: queue.SimpleQueue[tuple[float, LabelPrinted] | None] = queue.SimpleQueue()
        self._late: deque[LabelPrinted] = deque()
        """What waits for the ledger's server, in the order of the verdicts."""
        self._begun: LabelPrinted | None = None
        """What was on its way to the log last: where the server went away then, the log may tell it, and no printer has it."""
        self._refusal: PeripheralFault | None = None
        self._refused_at = 0.0
        self._hindrance: CodedError | None = None
        """Why the label that was tried last was not printed."""
        self._in_printer: LabelOrder | None = None
        self._given_up = False
        self._left_in_doubt = False
        self._left_late = False
        self._thread = threading.Thread(target=self._live, name="print-desk", daemon=True)

    def start(self) -> None:
        """Begin to print."""
        self._thread.start()

    def hear(self, event: Event) -> None:
        """Take note of a PASS; returns at once."""
        if isinstance(event, VerdictReached) and event.verdict is Verdict.PASS and event.mac is not None:
            label = LabelPrinted(event.lane, event.run_id or 0, event.mac, event.device_name)
            self._passed.put((self._clock(), label))

    def print_again(self, subject: str) -> LabelPrinted:
        """Print a unit's label now, by MAC, serial number or DeviceName, and give what is told of it.

        Waits for the printer, so not for a screen's own thread. UsageError when the unit did not pass or is of another
        product, LedgerFault; what hinders the printing itself is told, not raised.
        """
        order = order_label(self._ledger, self._work.product_key, subject)
        printed = LabelPrinted(order.run.lane, order.run.id, order.mac, order.run.device_name)
        try:
            print_label(self._ledger, self._work, order, self._operator())
        except CodedError as fault:
            printed = printed.hindered_by(fault)
        self._tell(printed)
        return printed

    def close(self, timeout_s: float) -> bool:
        """Print what is left, and end. What was not printed is `missing` in the ledger.

        False when the time was over first, or when the log may tell a label as printed that no printer has.
        """
        if not self._thread.is_alive():
            return not self._left_in_doubt
        self._passed.put(None)
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            return not self._left_in_doubt
        self._given_up = True
        if (order := self._in_printer) is not None:  # whether it comes nobody knows: one too many is better than none
            with suppress(CodedError):
                _note_failure(self._ledger, self._work, order, self._operator(), self._too_late())
        return False

    @property
    def is_incomplete(self) -> bool:
        """Whether the shift has ended before each label was printed, or told as one that is not."""
        return self._given_up or self._left_in_doubt or self._left_late

    @contextmanager
    def _sending(self, order: LabelOrder) -> Iterator[None]:
        self._in_printer = order
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
                waiting = self._passed.get(timeout=RETRY_PERIOD_S if self._late else None)
            except queue.Empty:
                self._print_late()
                continue
            self._print_late()
            if waiting is None:
                self._settle()
                return
            self._take(*waiting)

    def _take(self, since: float, label: LabelPrinted) -> None:
        waits = bool(self._late) or self._lacks_verdict(label)
        told = None if waits else self._print(since, label)
        if waits or _passes(self._hindrance):
            self._late.append(label)
            told = label.hindered_by(_waits_for(self._hindrance))
        if told is not None:
            self._tell(told)

    def _print_late(self) -> None:
        since = self._clock()
        while self._late and not self._given_up and not self._lacks_verdict(self._late[0]):
            label = self._late[0]
            in_doubt = self._begun is label
            told = self._print(since, label)
            if _passes(self._hindrance):
                return
            self._late.popleft()
            if in_doubt and isinstance(self._hindrance, LedgerFault):
                told = self._leave_in_doubt(label, self._hindrance)
            if told is not None:
                self._tell(told)

    def _settle(self) -> None:
        """Tell what still waits, and have the log tell that no printer has the label that was on its way into it."""
        if not self._late:
            return
        self._left_late = True
        _LOG.warning(
            "%d label(s) still waited for the ledger at the end: station label print PROFILE --missing BATCH",
            len(self._late),
        )
        if self._late[0] is not self._begun:
            return
        label = self._late[0]
        try:
            order = order_label(self._ledger, self._work.product_key, label.mac)
            self._ledger.printed_labels.take_back(order, printer=self._work.printer.name, operator=self._operator())
        except UsageError:  # it gets no label any more
            return
        except CodedError as fault:
            self._tell(self._leave_in_doubt(label, fault))

    def _leave_in_doubt(self, label: LabelPrinted, fault: CodedError) -> LabelPrinted:
        self._left_in_doubt = True
        _LOG.error(
            "no printer has the label of run %d, and the log may tell it as printed: %s", label.run_id, fault.code
        )
        return label.hindered_by(_stays_in_doubt())

    def _lacks_verdict(self, label: LabelPrinted) -> bool:
        """Say whether the verdict is kept here; another process of the data folder may have had it recorded."""
        recorder = self._ledger.recorder
        try:
            return recorder.knows(label.run_id) and recorder.kept > 0
        except CodedError:  # nobody can tell as long as another program holds what is kept: the label waits
            return True

    def _print(self, since: float, label: LabelPrinted) -> LabelPrinted | None:
        self._hindrance, in_doubt = None, self._begun is label
        try:
            order = order_label(self._ledger, self._work.product_key, label.mac)
            if not in_doubt and self._ledger.printed_labels.was_sent(order):
                return None
            if self._refusal is not None and since <= self._refused_at:
                _note_failure(self._ledger, self._work, order, self._operator(), self._refusal)
                return label.hindered_by(self._refusal)
            self._refusal, self._begun = None, label
            operator, sending = self._operator(), self._sending(order)
            if not print_label(
                self._ledger, self._work, order, operator, only_first=True, in_doubt=in_doubt, sending=sending
            ):
                return None
        except CodedError as error:
            fault = error
        except Exception as error:  # noqa: BLE001  a bug of ours must not end the labels in silence
            fault = internal_fault(error)
        else:
            return label
        self._hindrance = fault
        if not in_doubt and fault.code != Code.LEDGER_UNREACHABLE:
            self._begun = None  # only a server can have taken a note without an answer
        if isinstance(fault, PeripheralFault) and isinstance(fault.__cause__, LedgerFault):
            self._left_in_doubt = True
        elif isinstance(fault, PeripheralFault):
            self._refusal, self._refused_at = fault, self._clock()
        if not _passes(fault):  # that is told once, not at each try
            _LOG.warning("label of run %d: %s", label.run_id, fault.code)
        return label.hindered_by(fault)


def _waits_for(hindrance: CodedError | None) -> LedgerFault:
    if hindrance is not None and hindrance.code == Code.LEDGER_BUSY:
        return LedgerFault(
            Code.LEDGER_BUSY,
            "It waits for the ledger, which is busy",
            "Keep the unit apart: its label is printed by itself when the ledger is free",
            why=Why.LABEL_WAITS,
        )
    return LedgerFault(
        Code.LEDGER_UNREACHABLE,
        "It waits for the ledger's server",
        "Keep the unit apart: its label is printed by itself when the server is back",
        why=Why.LABEL_WAITS,
    )


def _stays_in_doubt() -> LedgerFault:
    return LedgerFault(
        Code.LEDGER_UNREACHABLE,
        "No printer has it, and the log may tell it as printed: the ledger's server was lost",
        "Keep the unit apart, and print its label when the server is back: station label print PROFILE UNIT",
        why=Why.LABEL_IN_DOUBT,
    )


def _refused_unnoted(refusal: PeripheralFault) -> PeripheralFault:
    return PeripheralFault(
        refusal.code,
        f"{refusal.cause}, and the log, which tells it as printed, could not be told so",
        f"{refusal.mend}; then print it: station label print PROFILE UNIT",
        refusal.place,
        facts=refusal.facts,
    )


def _passes(fault: CodedError | None) -> bool:
    return fault is not None and fault.code in _PASSING


def order_label(ledger: Ledger, product_key: str, subject: str) -> LabelOrder:
    """Give what stands on the label of a unit of a product; UsageError when it has not passed, or is of another product."""
    order = ledger.printed_labels.order(subject)
    if order.run.product_key != product_key:
        raise UsageError(
            f"the unit is of product {order.run.product_key}, the label of {product_key}",
            f"Use the profile of that product ({order.run.profile})",
            subject,
            why=Why.UNIT_OF_OTHER_PRODUCT,
            facts={"product_key": order.run.product_key, "wanted": product_key},
        )
    return order


def print_label(
    ledger: Ledger,
    work: LabelWork,
    order: LabelOrder,
    operator: str,
    *,
    only_first: bool = False,
    in_doubt: bool = False,
    sending: AbstractContextManager[None] | None = None,
) -> bool:
    """Print one label: the log is told before it is sent, and when it was not taken. False when only a first one was wanted.

    `in_doubt` is for one of which the log may tell that it was sent already, though it was not. `sending` is entered while the
    printer is waited for. InputError, PeripheralFault, LedgerFault.
    """
    zpl = work.template.fill(label_values(order)) * work.copies
    told = ledger.printed_labels.sending(
        order,
        printer=work.printer.name,
        copies=work.copies,
        operator=operator,
        only_first=only_first,
        in_doubt=in_doubt,
    )
    if not told:
        return False
    try:
        with sending or nullcontext():
            work.printer.send(zpl)
    except PeripheralFault as fault:
        try:
            _note_failure(ledger, work, order, operator, fault)
        except LedgerFault as unnoted:
            if unnoted.code == Code.LEDGER_UNREACHABLE:
                raise _stays_in_doubt() from None
            raise _refused_unnoted(fault) from unnoted
        raise
    return True


def label_values(order: LabelOrder) -> dict[str, str | None]:
    """Give what a template may name (`label_template.VALUES`), for one unit. The date is local, of the run's end."""
    run = order.run
    finished = datetime.fromisoformat(run.finished_at or run.started_at).astimezone()
    return {
        "product_key": run.product_key,
        "device_name": run.device_name,
        "mac": order.mac,
        "mac_plain": order.mac.replace(":", "").upper(),
        "serial_number": run.serial_number,
        "profile": run.profile,
        "firmware_version": run.firmware_version,
        "batch": run.batch,
        "work_order": order.work_order,
        "station": run.station,
        "date": f"{finished:%Y-%m-%d}",
    }


def _note_failure(ledger: Ledger, work: LabelWork, order: LabelOrder, operator: str, fault: PeripheralFault) -> None:
    ledger.printed_labels.failed(
        order, printer=work.printer.name, code=fault.code, cause=fault.cause, operator=operator
    )
