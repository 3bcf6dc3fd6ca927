"""One label: what stands on it, and how it comes to the printer with the audit log told of it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime

from station.errors import Code, CodedError, LedgerFault, PeripheralFault, UsageError, Why
from station.ledger import LabelJob, LabelOrder, Ledger
from station.line.label_faults import LabelInDoubt
from station.peripherals.label_printer import LabelPrinter
from station.peripherals.label_template import LabelTemplate
from station.profile.model import Profile


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


def print_at_once(ledger: Ledger, work: LabelWork, order: LabelOrder, operator: str) -> None:
    """Print one more label of a unit, or have the log tell that no printer has it: InputError, PeripheralFault, LedgerFault.

    LabelInDoubt where the log could not be told either.
    """
    job = LabelJob(order, work.printer.name, work.copies, operator)
    try:
        print_label(ledger, work, job)
    except LabelInDoubt as doubt:
        note_failure(ledger, job, doubt.hindrance)
        raise doubt.hindrance from None


def print_label(
    ledger: Ledger, work: LabelWork, job: LabelJob, sending: AbstractContextManager[None] | None = None
) -> bool:
    """Print one label: the log is told before it is sent, and when it was not taken. False when it is not wanted any more.

    `sending` is entered while the printer is waited for. InputError, PeripheralFault, LedgerFault; after LabelInDoubt the same
    job is to be tried again, or its failure noted.
    """
    zpl = work.template.fill(label_values(job.order)) * job.copies
    try:
        if not ledger.printed_labels.sending(job):
            return False
    except LedgerFault as fault:
        if fault.code == Code.LEDGER_UNREACHABLE:  # only a server can have taken a note without an answer
            raise LabelInDoubt(fault, fault) from fault
        raise
    try:
        with sending or nullcontext():
            work.printer.send(zpl)
    except PeripheralFault as fault:
        note_failure(ledger, job, fault)
        raise
    return True


def note_failure(ledger: Ledger, job: LabelJob, hindrance: CodedError) -> bool:
    """Have the log tell that no printer has a job's label, False where the unit has another; LabelInDoubt."""
    try:
        return ledger.printed_labels.failed(job, code=hindrance.code, cause=hindrance.cause)
    except LedgerFault as unnoted:
        raise LabelInDoubt(hindrance, unnoted) from unnoted


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
