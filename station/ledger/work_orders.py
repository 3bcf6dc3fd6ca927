"""Work orders: how many units of one profile shall be made from one batch, over all stations of the ledger.

A unit has a place in an order from its certificate's allocation on; a place is free again when the unit holds no live certificate
any more (it went back, or was made void).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, update

from station.errors import Code, UsageError, Why, WorkOrderComplete
from station.ledger.audit import Change, Changes, storable
from station.ledger.batches import batch_row
from station.ledger.certificates import BOUND_STATES, live_certificate
from station.ledger.database import Transactions
from station.ledger.event_kind import EventKind
from station.ledger.order_tables import WORK_ORDER_COUNTS, WORK_ORDERS
from station.ledger.processes import ProcessToken
from station.ledger.quick import quick
from station.ledger.records import JsonValue
from station.ledger.runs import take_back_unused
from station.ledger.schema import BATCHES, RUNS
from station.ledger.work_order_places import has_place, place_count, take_place

_O = WORK_ORDERS.c
NUMBER_CHARACTERS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """`taken` units have a place, of which `passed` are made; `quantity` None: as many as come. Times are ISO 8601 in UTC."""

    number: str
    profile: str
    batch: str
    quantity: int | None
    retries: int | None
    """How often a unit may be tried again after a FAIL; None: as the profile says."""
    opened_at: str
    closed_at: str | None
    taken: int
    passed: int

    @property
    def is_complete(self) -> bool:
        """Whether all units are made."""
        return self.quantity is not None and self.passed >= self.quantity

    @property
    def wanted(self) -> int | None:
        """How many certificates it will still take; None where it does not say."""
        if self.closed_at is not None:
            return 0
        return None if self.quantity is None else max(0, self.quantity - self.taken)

    @property
    def state(self) -> str:
        """`open`, `complete` or `closed`."""
        return "closed" if self.closed_at is not None else "complete" if self.is_complete else "open"


class WorkOrders:
    """The work orders of one ledger. Each method is one transaction; LedgerFault as everywhere."""

    def __init__(self, reading: Transactions, changing: Changes) -> None:
        self._reading = reading
        self._changing = changing

    def all(self) -> list[WorkOrder]:
        """Give every order, oldest first."""
        with self._reading() as connection:
            return [_work_order(connection, row) for row in connection.execute(_QUERY.order_by(_O.id)).all()]

    def find(self, number: str) -> WorkOrder:
        """Give one order; UsageError with the nearest number when it is unknown."""
        with self._reading() as connection:
            return _work_order(connection, order_row(connection, number))

    def wanted_by_others(self, batch: str, number: str | None) -> int:
        """Count the certificates of a batch that its open orders but this one will still take, as far as they say."""
        with self._reading() as connection:
            others = connection.execute(_OTHERS, {"of_batch": batch, "but_number": number or ""}).all()
        return sum(max(0, other.quantity - int(other.taken)) for other in others)

    def add(
        self, number: str, *, profile: str, batch: str, quantity: int | None = None, retries: int | None = None
    ) -> WorkOrder:
        """Open an order; UsageError when there is one of that number, no such batch, or a number that cannot be one."""
        number = number.strip()
        if not number or len(number) > NUMBER_CHARACTERS_MAX or not number.isprintable():
            raise UsageError(
                "that is no number of a work order", f"Write up to {NUMBER_CHARACTERS_MAX} plain characters"
            )
        with self._changing() as change:
            if _row(change.connection, number) is not None:
                raise UsageError(f"there is a work order {number} already", f"See `station order show {number}`")
            row = {
                "number": number,
                "profile": storable(profile),
                "batch_id": batch_row(change.connection, batch).id,
                "quantity": quantity,
                "retries": retries,
                "opened_at": change.now,
            }
            change.connection.execute(insert(WORK_ORDERS).values(row))
            data: dict[str, JsonValue] = {
                "work_order": number,
                "profile": storable(profile),
                "quantity": quantity,
                "retries": retries,
            }
            change.trail.append(EventKind.WORK_ORDER_OPENED, batch=batch, data=data)
            return _work_order(change.connection, order_row(change.connection, number))

    def ensure(self, number: str, *, profile: str, batch: str, quantity: int | None) -> WorkOrder:
        """Give the order that a profile names, opened when it is new; UsageError when the ledger has it otherwise."""
        with self._reading() as connection:
            row = _row(connection, number)
            found = None if row is None else _work_order(connection, row)
        if found is None:
            return self.add(number, profile=profile, batch=batch, quantity=quantity)
        wanted = {"profile": profile, "batch": batch, "quantity": quantity}
        for name, value in wanted.items():
            if (held := getattr(found, name)) != value:
                raise UsageError(
                    f"work order {number} has {name} {held} in the ledger, and the profile says {value}",
                    "Correct the profile, or give it another work order's number",
                    why=Why.ORDER_DIFFERS,
                    facts={"order": number, "field": name, "held": str(held), "wanted": str(value)},
                )
        return found

    def change(self, number: str, *, quantity: int, reason: str) -> WorkOrder:
        """Let an order want another number of units; UsageError without a reason, below what it has, or when it is closed."""
        if not reason.strip():
            raise UsageError("an order is changed only with a reason", "Say why with --reason")
        with self._changing() as change:
            row = _locked_row(change.connection, number)
            if row.closed_at is not None:
                raise UsageError(f"work order {number} is closed", "Open another one: station order add")
            if quantity < (taken := place_count(change.connection, row.id)[0]):
                raise UsageError(
                    f"work order {number} has {taken} units already", f"Give at least {taken}", "--quantity"
                )
            change.connection.execute(update(WORK_ORDERS).where(_O.id == row.id).values(quantity=quantity))
            data: dict[str, JsonValue] = {
                "work_order": number,
                "old": row.quantity,
                "new": quantity,
                "reason": storable(reason.strip()),
            }
            change.trail.append(EventKind.WORK_ORDER_CHANGED, batch=row.batch, data=data)
            return _work_order(change.connection, order_row(change.connection, number))

    def close(self, number: str, *, reason: str) -> WorkOrder:
        """Let an order take no new unit from now on; UsageError without a reason, or when it is closed already."""
        if not reason.strip():
            raise UsageError("an order is closed only with a reason", "Say why with --reason")
        with self._changing() as change:
            row = _locked_row(change.connection, number)
            if row.closed_at is not None:
                raise UsageError(f"work order {number} is closed already", "Nothing has to be done")
            change.connection.execute(update(WORK_ORDERS).where(_O.id == row.id).values(closed_at=change.now))
            order = _work_order(change.connection, order_row(change.connection, number))
            data: dict[str, JsonValue] = {
                "work_order": number,
                "passed": order.passed,
                "reason": storable(reason.strip()),
            }
            change.trail.append(EventKind.WORK_ORDER_CLOSED, batch=row.batch, data=data)
            return order


_QUERY: Final[Select[Any]] = select(WORK_ORDERS, BATCHES.c.name.label("batch"), BATCHES.c.product_key).join(
    BATCHES, BATCHES.c.id == _O.batch_id
)


_BY_NUMBER: Final = _QUERY.where(_O.number == bindparam("of_number"))
_OTHERS: Final = (
    select(_O.quantity, func.coalesce(func.sum(WORK_ORDER_COUNTS.c.taken), 0).label("taken"))
    .join(BATCHES, BATCHES.c.id == _O.batch_id)
    .outerjoin(WORK_ORDER_COUNTS, WORK_ORDER_COUNTS.c.work_order_id == _O.id)
    .where(BATCHES.c.name == bindparam("of_batch"), _O.number != bindparam("but_number"))
    .where(_O.closed_at.is_(None), _O.quantity.is_not(None))
    .group_by(_O.id)
)
_LOCKED: Final = quick(_BY_NUMBER.with_for_update(of=WORK_ORDERS))
_CERTIFICATE_OF_RUN: Final = quick(select(RUNS.c.certificate_id).where(RUNS.c.id == bindparam("of_run")))


def _row(connection: Connection, number: str) -> Row[Any] | None:
    return connection.execute(_BY_NUMBER, {"of_number": number}).first()


def order_named(connection: Connection, number: str) -> WorkOrder | None:
    """Give an order, or None."""
    row = _row(connection, number)
    return None if row is None else _work_order(connection, row)


def order_row(connection: Connection, number: str) -> Row[Any]:
    """Give an order's row; UsageError with the nearest number when there is none."""
    if (row := _row(connection, number)) is not None:
        return row
    numbers = [found.number for found in connection.execute(select(_O.number).order_by(_O.id))]
    near = difflib.get_close_matches(number, numbers, 1)
    mend = (
        f"Did you mean {near[0]}?" if near else "Open it: station order add NUMBER --profile P --batch B --quantity N"
    )
    raise UsageError(f"there is no work order {number!r}", mend, why=Why.UNKNOWN_ORDER, facts={"order": number})


def _locked_row(connection: Connection, number: str) -> Row[Any]:
    """Give an order's row as `order_row` does; no unit gets a place in it until the transaction ends."""
    return connection.execute(_LOCKED, {"of_number": number}).first() or order_row(connection, number)


def _work_order(connection: Connection, row: Row[Any]) -> WorkOrder:
    taken, passed = place_count(connection, row.id)
    return WorkOrder(
        row.number,
        row.profile,
        row.batch,
        row.quantity,
        row.retries,
        row.opened_at,
        row.closed_at,
        taken,
        passed,
    )


@contextmanager
def place_taken(change: Change, processes: ProcessToken, run: Row[Any]) -> Iterator[None]:
    """Give an open run's unit a place in the run's order with the certificate that is allocated within; WorkOrderComplete.

    A unit that has a place keeps it; one that was made before, for whatever order, is rework and needs none. One of many
    stations at a time: the order's row is locked until the transaction ends.
    """
    connection = change.connection
    if run.work_order is None or run.mac is None:
        yield
        return
    order = connection.execute(_LOCKED, {"of_number": run.work_order}).one()
    held = live_certificate(connection, run.mac, order.product_key)
    if held is not None and (
        has_place(connection, held, order.id) or (held.state in BOUND_STATES and held.run_id != run.id)
    ):
        yield
        return
    if order.closed_at is not None:
        raise _takes_no_more(order.number, "is closed")
    while order.quantity is not None and place_count(connection, order.id)[0] >= order.quantity:
        if not take_back_unused(change, processes, order.batch_id):
            raise _takes_no_more(order.number, f"has all of its {order.quantity} units")
    yield
    certificate_id = connection.execute(_CERTIFICATE_OF_RUN, {"of_run": run.id}).scalar_one()
    take_place(change, order.id, certificate_id, run.mac)


def _takes_no_more(number: str, why: str) -> WorkOrderComplete:
    return WorkOrderComplete(
        Code.WORK_ORDER_COMPLETE,
        f"Work order {number} {why}",
        "Take the unit out: nothing was written to it. Units of this order that failed may still come back",
        number,
        facts={"order": number},
    )


def open_orders_of(orders: Sequence[WorkOrder], profile: str) -> list[WorkOrder]:
    """Give those of a profile that a shift may work on: not closed; of a batch's, those that are complete only when all are."""
    mine = [order for order in orders if order.profile == profile and order.closed_at is None]
    unfilled = {order.batch for order in mine if not order.is_complete}
    return [order for order in mine if not order.is_complete or order.batch not in unfilled]
