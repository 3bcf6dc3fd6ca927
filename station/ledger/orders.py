"""The journal of orders on the platform: what is asked for stands here first, so that a break never orders it twice.

An order is the batch that is to come. It has a part for each 10,000 names; each part goes begun → applied (its ApplyId is known)
→ placed (the platform was asked to register it) → received, all parts together with the batch's certificates. Until the first
part is placed nothing was registered, and an order may be given up without a trace on the platform.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from station.certificate import Secret, device_name_fault, device_secret_fault, product_key_fault
from station.errors import BatchError, Code, Fault, LedgerFault, UsageError
from station.ledger.audit import Change, Changes, storable
from station.ledger.console_csv import FAULTS_MAX, CsvRow
from station.ledger.database import Transactions
from station.ledger.event_kind import EventKind
from station.ledger.importing import CertificateSource, Importing, ImportRequest, check_request
from station.ledger.key_ring import KeyRing
from station.ledger.records import ImportResult
from station.ledger.schema import BATCHES, CERTIFICATES, ORDERS
from station.ledger.secret_box import SecretBox

NAMES_MAX: Final = 100_000
"""Certificates of one order are held in memory until the last one is there."""
_NAMES_A_QUESTION: Final = 400
_O = ORDERS.c


class OrderState(StrEnum):
    """How far a part is; each word is the stored word."""

    BEGUN = "begun"
    APPLIED = "applied"
    PLACED = "placed"
    RECEIVED = "received"
    GIVEN_UP = "given_up"


OPEN: Final = (OrderState.BEGUN, OrderState.APPLIED, OrderState.PLACED)


@dataclass(frozen=True, slots=True)
class OrderPart:
    """Up to 10,000 names, and how far they are. `number` counts from 1."""

    id: int
    number: int
    names: tuple[str, ...]
    state: OrderState
    apply_id: int | None


@dataclass(frozen=True, slots=True)
class Order:
    """The devices of one batch to come."""

    batch: str
    product_key: str
    work_order: str | None
    begun_at: str
    parts: tuple[OrderPart, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for part in self.parts for name in part.names)

    @property
    def quantity(self) -> int:
        return sum(len(part.names) for part in self.parts)

    @property
    def is_placed(self) -> bool:
        """Whether the platform may have registered some of it."""
        return any(part.state is OrderState.PLACED for part in self.parts)


class Orders:
    """The orders of one ledger. Each method is one transaction, with its events in it; LedgerFault as everywhere."""

    def __init__(self, reading: Transactions, changing: Changes, importing: Importing, keys: KeyRing) -> None:
        self._reading = reading
        self._changing = changing
        self._importing = importing
        self._keys = keys

    def open(self) -> list[Order]:
        """Give the orders that are not received yet, oldest first."""
        with self._reading() as connection:
            return _open_orders(connection)

    def begin(
        self, batch: str, product_key: str, names: Sequence[str], *, part_max: int, work_order: str | None = None
    ) -> Order:
        """Write down what is to be ordered; UsageError for a batch, a product or a name that cannot be."""
        check_request(ImportRequest(batch, product_key, work_order))
        if fault := product_key_fault(product_key):
            raise UsageError(fault, "Copy the ProductKey from `station platform products`")
        _check_names(names)
        with self._changing() as change:
            _require_new(change.connection, batch, product_key, names)
            parts = [names[first : first + part_max] for first in range(0, len(names), part_max)]
            rows = [
                {
                    "batch": batch,
                    "part": number,
                    "product_key": product_key,
                    "work_order": work_order,
                    "names": json.dumps(list(part), separators=(",", ":")),
                    "quantity": len(part),
                    "state": OrderState.BEGUN.value,
                    "begun_at": change.now,
                    "changed_at": change.now,
                }
                for number, part in enumerate(parts, 1)
            ]
            change.connection.execute(insert(ORDERS), rows)
            change.trail.append(
                EventKind.ORDER_BEGUN,
                batch=batch,
                data={
                    "product_key": product_key,
                    "work_order": work_order,
                    "quantity": len(names),
                    "parts": len(parts),
                    "first": names[0],
                    "last": names[-1],
                },
            )
            return next(order for order in _open_orders(change.connection) if order.batch == batch)

    def note_applied(self, order: Order, part: OrderPart, apply_id: int) -> OrderPart:
        """Keep the ApplyId under which the platform checks the part's names; LEDGER_BUSY when another process has the order."""
        return self._move(order, part, replace(part, state=OrderState.APPLIED, apply_id=apply_id))

    def note_placed(self, order: Order, part: OrderPart) -> OrderPart:
        """Write down that the platform is now asked to register the part: before the call goes out. LEDGER_BUSY as above."""
        return self._move(order, part, replace(part, state=OrderState.PLACED))

    def give_up(self, order: Order, *, reason: str, operator: str = "") -> None:
        """End an order without its certificates."""
        with self._changing() as change:
            query = (
                update(ORDERS)
                .where(_O.id.in_([part.id for part in order.parts]), _O.state.in_(OPEN))
                .values(state=OrderState.GIVEN_UP.value, changed_at=change.now)
            )
            if change.connection.execute(query).rowcount != len(order.parts):
                raise _moved_elsewhere(order)
            change.trail.append(
                EventKind.ORDER_GIVEN_UP,
                batch=order.batch,
                operator=operator,
                data={
                    "product_key": order.product_key,
                    "quantity": order.quantity,
                    "reason": storable(reason),
                    "may_be_registered": order.is_placed,
                },
            )

    def receive(self, order: Order, certificates: Sequence[tuple[str, Secret]]) -> ImportResult:
        """Make the order's batch of its certificates (DeviceName and DeviceSecret), all or nothing.

        BatchError when they are not those that were ordered, or contradict the ledger.
        """
        title = f"order {order.batch}"
        _check_certificates(title, order, certificates)
        hasher = self._keys.box.digest()
        hasher.update(json.dumps(["order", order.product_key, order.names]).encode())
        source = CertificateSource(
            title=title,
            place="",
            stem=order.batch,
            product_key=order.product_key,
            rows=len(certificates),
            digest=hasher.hexdigest(),
            read=partial(_rows, certificates),
        )
        request = ImportRequest(order.batch, order.product_key, order.work_order)
        return self._importing.run(source, request, time.perf_counter(), partial(_close, order))

    def _move(self, order: Order, part: OrderPart, after: OrderPart) -> OrderPart:
        with self._changing() as change:
            query = (
                update(ORDERS)
                .where(_O.id == part.id, _O.state == part.state.value, _O.apply_id.is_not_distinct_from(part.apply_id))
                .values(state=after.state.value, apply_id=after.apply_id, changed_at=change.now)
            )
            if change.connection.execute(query).rowcount != 1:
                raise _moved_elsewhere(order)
            change.trail.append(
                EventKind.ORDER_APPLIED if after.state is OrderState.APPLIED else EventKind.ORDER_PLACED,
                batch=order.batch,
                data={"part": part.number, "quantity": len(part.names), "apply_id": after.apply_id},
            )
        return after


def _close(order: Order, change: Change, result: ImportResult) -> None:
    query = (
        update(ORDERS)
        .where(_O.id.in_([part.id for part in order.parts]), _O.state == OrderState.PLACED.value)
        .values(state=OrderState.RECEIVED.value, changed_at=change.now)
    )
    if change.connection.execute(query).rowcount != len(order.parts):
        raise _moved_elsewhere(order)
    change.trail.append(
        EventKind.ORDER_RECEIVED,
        batch=order.batch,
        data={"quantity": order.quantity, "imported": result.imported, "held_by": result.batch},
    )


def _rows(certificates: Sequence[tuple[str, Secret]], _box: SecretBox) -> Generator[CsvRow, None, None]:
    for position, (name, secret) in enumerate(certificates, 1):
        yield CsvRow(position, name, secret.reveal(), None, None)


def _check_names(names: Sequence[str]) -> None:
    if not names:
        raise UsageError("no device is named", "Give --count, or --names with one DeviceName a line")
    if len(names) > NAMES_MAX:
        raise UsageError(f"{len(names)} devices are more than one order may have", f"Order {NAMES_MAX} at a time")
    seen: set[str] = set()
    for number, name in enumerate(names, 1):
        if fault := device_name_fault(name):
            raise UsageError(f"name {number}: {fault}", "Mend it, nothing was ordered")
        if name in seen:
            raise UsageError(f"name {number}: {name} stands twice", "Remove one of them, nothing was ordered")
        seen.add(name)


def _require_new(connection: Connection, batch: str, product_key: str, names: Sequence[str]) -> None:
    if connection.execute(select(BATCHES.c.id).where(BATCHES.c.name == batch)).first() is not None:
        raise UsageError(f"a batch named {batch} is there already", "Give this one another --name")
    for order in _open_orders(connection):
        if order.batch == batch or order.product_key == product_key:
            raise UsageError(
                f"order {order.batch} of {order.quantity} devices is not finished",
                "Finish it with `station platform register --resume`, or end it with --give-up",
            )
    for first in range(0, len(names), _NAMES_A_QUESTION):
        query = select(CERTIFICATES.c.device_name).where(
            CERTIFICATES.c.product_key == product_key,
            CERTIFICATES.c.device_name.in_(names[first : first + _NAMES_A_QUESTION]),
        )
        if (known := connection.execute(query).scalar()) is not None:
            raise UsageError(f"{known} is in the ledger already", "Take new names, nothing was ordered")


def _check_certificates(title: str, order: Order, certificates: Sequence[tuple[str, Secret]]) -> None:
    faults: list[Fault] = []
    ordered = set(order.names)
    secrets: dict[Secret, str] = {}
    mend = "Look at the devices of this order in the platform's console"
    for position, (name, secret) in enumerate(certificates, 1):
        cause = device_secret_fault(secret.reveal())
        if name not in ordered:
            cause = f"{name!a} was not ordered, or comes twice"
        elif secret in secrets:
            cause = f"the DeviceSecret of {name} is that of {secrets[secret]} too"
        ordered.discard(name)
        secrets[secret] = name
        if cause:
            faults.append(Fault(title, position, cause, mend))
    if ordered:
        faults.append(Fault(title, None, f"{len(ordered)} of {order.quantity} devices did not come", mend))
    if faults:
        raise BatchError(f"{title} is not what was ordered", "Nothing was imported", "", faults[:FAULTS_MAX])


def _open_orders(connection: Connection) -> list[Order]:
    rows = connection.execute(select(ORDERS).where(_O.state.in_(OPEN)).order_by(_O.id)).all()
    return [_order(list(of_one)) for _, of_one in groupby(rows, key=lambda row: row.batch)]


def _order(rows: list[Row[Any]]) -> Order:
    first = rows[0]
    parts = tuple(OrderPart(row.id, row.part, _names(row), OrderState(row.state), row.apply_id) for row in rows)
    return Order(first.batch, first.product_key, first.work_order, first.begun_at, parts)


def _names(row: Row[Any]) -> tuple[str, ...]:
    try:
        return tuple(str(name) for name in json.loads(row.names))
    except (ValueError, TypeError):
        raise LedgerFault(
            Code.LEDGER_UNREADABLE,
            f"the stored names of order {row.batch} are damaged",
            "Stop the station, keep the ledger, and bring back the last backup of the data folder",
        ) from None


def _moved_elsewhere(order: Order) -> LedgerFault:
    return LedgerFault(
        Code.LEDGER_BUSY,
        f"another process works on order {order.batch}",
        "Let it finish, then look with `station batch list`",
    )
