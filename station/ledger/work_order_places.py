"""The places in work orders: which units have one, and how many are taken and made.

Both are counted in the transaction of each change, so that an order of a million units is asked as quickly as one of ten.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, func, insert, select, text, update

from station.ledger.audit import Change
from station.ledger.order_tables import WORK_ORDER_COUNTS, WORK_ORDER_UNITS
from station.ledger.quick import quick

_U = WORK_ORDER_UNITS.c
_COUNT: Final = quick(
    text(
        "INSERT INTO work_order_counts (work_order_id, station, taken, passed)"
        " VALUES (:of_order, :of_station, :more_taken, :more_passed)"
        " ON CONFLICT (work_order_id, station) DO UPDATE SET taken = work_order_counts.taken + excluded.taken,"
        " passed = work_order_counts.passed + excluded.passed"
    )
)
_COUNTED: Final = quick(
    select(
        func.coalesce(func.sum(WORK_ORDER_COUNTS.c.taken), 0), func.coalesce(func.sum(WORK_ORDER_COUNTS.c.passed), 0)
    ).where(WORK_ORDER_COUNTS.c.work_order_id == bindparam("of_order"))
)
_OWN: Final = _U.certificate_id == bindparam("of_certificate")
_PLACE: Final = quick(select(_U.work_order_id, _U.mac, _U.passed_at).where(_OWN, _U.freed_at.is_(None)))
_TAKE: Final = insert(WORK_ORDER_UNITS)
_CHANGE: Final = update(WORK_ORDER_UNITS).where(_OWN)


def place_count(connection: Connection, order_id: int) -> tuple[int, int]:
    """Give how many places of an order are taken, and how many of these units are made: one row of each station is read."""
    taken, passed = connection.execute(_COUNTED, {"of_order": order_id}).one()
    return int(taken), int(passed)


def has_place(connection: Connection, certificate: Row[Any], order_id: int) -> bool:
    """Say whether the unit that holds a certificate has its place in this order."""
    place = connection.execute(_PLACE, {"of_certificate": certificate.id}).first()
    return place is not None and (place.work_order_id, place.mac) == (order_id, certificate.mac)


def take_place(change: Change, order_id: int, certificate_id: int, mac: str) -> None:
    """Give a unit with its certificate a place, in exchange for the one that it has elsewhere."""
    free_place(change, certificate_id)
    place = {"work_order_id": order_id, "mac": mac, "taken_at": change.now, "passed_at": None, "freed_at": None}
    if change.connection.execute(_CHANGE, {"of_certificate": certificate_id, **place}).rowcount == 0:
        change.connection.execute(_TAKE, {"certificate_id": certificate_id, **place})
    _count(change, order_id, taken=1)


def free_place(change: Change, certificate_id: int) -> None:
    """Take back the place of the unit that had a certificate, if it has one: another unit may be made instead."""
    place = change.connection.execute(_PLACE, {"of_certificate": certificate_id}).first()
    if place is not None:
        change.connection.execute(_CHANGE, {"of_certificate": certificate_id, "freed_at": change.now})
        _count(change, place.work_order_id, taken=-1, passed=0 if place.passed_at is None else -1)


def note_passed(change: Change, certificate_id: int) -> None:
    """Count the unit that has a certificate as made, where it has a place in an order."""
    of_certificate = {"of_certificate": certificate_id}
    place = change.connection.execute(_PLACE, of_certificate).first()
    if place is not None and place.passed_at is None:
        change.connection.execute(_CHANGE, {**of_certificate, "passed_at": change.now})
        _count(change, place.work_order_id, passed=1)


def _count(change: Change, order_id: int, *, taken: int = 0, passed: int = 0) -> None:
    counted = {"of_order": order_id, "of_station": change.trail.station, "more_taken": taken, "more_passed": passed}
    change.connection.execute(_COUNT, counted)
