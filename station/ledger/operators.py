"""Who works here and who may decide: operators, their badges, the PINs of line leads, signing in and out.

Wrong PINs are counted in the ledger before they are looked at, so that neither a second process nor a killed one gets free tries.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select, update

from station.certificate import Secret
from station.errors import Code, NotAllowed, UsageError, Why
from station.ledger.audit import Change, Changes
from station.ledger.database import Transactions
from station.ledger.event_kind import EventKind
from station.ledger.first_look import LEAD_DECLINED
from station.ledger.operator_rows import (
    Operator,
    OperatorName,
    Role,
    find_line_lead,
    find_operator,
    is_line_lead,
    key_of,
    line_lead_count,
    one_form,
    operator_of,
    require_free,
)
from station.ledger.pins import Argon2Pins, PinHasher, require_good_pin
from station.ledger.records import JsonValue
from station.ledger.schema import LEDGER_META, OPERATORS

WRONG_PINS_MAX: Final = 5
LOCK_S: Final = 60.0
_O = OPERATORS.c


class Operators:
    """The people of one ledger. Each method is one transaction, with its events in it; LedgerFault as everywhere."""

    def __init__(self, reading: Transactions, changing: Changes, pins: PinHasher | None = None) -> None:
        self._reading = reading
        self._changing = changing
        self._pins: PinHasher = pins or Argon2Pins()
        self.signed_in = OperatorName("")
        """Whose name every event bears that names nobody else."""

    def all(self) -> list[Operator]:
        """Give everybody, those removed too, by name."""
        with self._reading() as connection:
            return [operator_of(row) for row in connection.execute(select(OPERATORS).order_by(_O.name_key))]

    def active(self) -> list[Operator]:
        """Give those who work here, by name."""
        return [one for one in self.all() if one.active]

    def has_line_lead(self) -> bool:
        """Say whether there is somebody who may decide."""
        with self._reading() as connection:
            return line_lead_count(connection) > 0

    def find(self, name_or_badge: str) -> Operator:
        """Give an active operator by name or badge; UsageError with the nearest name when there is none."""
        with self._reading() as connection:
            return operator_of(find_operator(connection, name_or_badge)[0])

    def wants_first_lead(self) -> bool:
        """Say whether somebody should be asked to become the first line lead: there is none, and nobody has put it off."""
        with self._reading() as connection:
            known = select(LEDGER_META.c.key).where(LEDGER_META.c.key == LEAD_DECLINED)
            return line_lead_count(connection) == 0 and connection.execute(known).first() is None

    def decline_first_lead(self, *, by: str) -> None:
        """Record that the first line lead was put off, so that nobody is asked again."""
        with self._changing() as change:
            change.connection.execute(insert(LEDGER_META).values(key=LEAD_DECLINED, value=change.now))
            change.trail.append(EventKind.FIRST_LINE_LEAD_DECLINED, operator=by, data={})

    def new_name(self, text: str) -> str:
        """Give a name in its one form, as `add` would take it; UsageError for one that cannot be or means somebody."""
        name = one_form(text, "name")
        with self._reading() as connection:
            require_free(connection, name, "name")
        return name

    # Managing. `by` is who decides; whether the deed is open to them is asked before (cli/leads.py).

    def add(
        self,
        name: str,
        *,
        by: str,
        role: Role = Role.TECHNICIAN,
        badge: str | None = None,
        pin: Secret | None = None,
    ) -> Operator:
        """Add somebody, or take somebody back who was removed; UsageError for a name, badge or PIN that cannot be.

        A line lead needs a PIN, a technician has none.
        """
        name, badge = one_form(name, "name"), one_form(badge, "badge") if badge is not None else None
        hashed = self._hashed(pin, role, name, badge)
        with self._changing() as change:
            connection = change.connection
            require_free(connection, name, "name")
            if badge is not None:
                require_free(connection, badge, "badge", but=name)
            by_line_lead = is_line_lead(connection, by)
            values: dict[str, Any] = {"name": name, "role": role.value, "pin_hash": hashed, "removed_at": None}
            values |= {"badge": badge, "badge_key": key_of(badge) if badge else None, "added_at": change.now}
            values |= {"wrong_pins": 0, "locked_at": None}
            before = connection.execute(select(_O.id).where(_O.name_key == key_of(name))).first()
            if before is not None:
                connection.execute(update(OPERATORS).where(_O.id == before.id).values(**values))
            else:
                connection.execute(insert(OPERATORS).values(**values, name_key=key_of(name)))
            data: dict[str, JsonValue] = {"name": name, "badge": badge, "role": role.value}
            _tell(change, EventKind.OPERATOR_ADDED, by, {**data, "again": before is not None}, by_line_lead)
            return operator_of(find_operator(connection, name)[0])

    def remove(self, name: str, *, by: str) -> None:
        """End somebody's work here; the badge is free again. UsageError for the last line lead, or when unknown."""
        with self._changing() as change:
            row, _ = find_operator(change.connection, name)
            by_line_lead = is_line_lead(change.connection, by)
            if row.role == Role.LINE_LEAD and line_lead_count(change.connection) == 1:
                raise UsageError(
                    f"{row.name} is the last line lead: without one nobody could decide",
                    "Make another line lead first: station operator add NAME --lead",
                )
            gone = {"badge": None, "badge_key": None, "pin_hash": None, "removed_at": change.now}
            change.connection.execute(update(OPERATORS).where(_O.id == row.id).values(**gone))
            data: dict[str, JsonValue] = {"name": row.name, "badge": row.badge, "role": row.role}
            _tell(change, EventKind.OPERATOR_REMOVED, by, data, by_line_lead)

    def change_badge(self, name: str, badge: str | None, *, by: str) -> Operator:
        """Give somebody another badge, or none; UsageError when it is somebody else's."""
        badge = one_form(badge, "badge") if badge is not None else None
        with self._changing() as change:
            row, _ = find_operator(change.connection, name)
            if badge is not None:
                require_free(change.connection, badge, "badge", but=row.name)
            values = {"badge": badge, "badge_key": key_of(badge) if badge else None}
            change.connection.execute(update(OPERATORS).where(_O.id == row.id).values(**values))
            data: dict[str, JsonValue] = {"name": row.name, "field": "badge", "old": row.badge, "new": badge}
            _tell(change, EventKind.OPERATOR_CHANGED, by, data, is_line_lead(change.connection, by))
            return operator_of(find_operator(change.connection, row.name)[0])

    def change_pin(self, name: str, pin: Secret, *, by: str) -> None:
        """Give a line lead another PIN, which also ends a lock; UsageError for a technician or a PIN that cannot be."""
        known = self.find(name)
        if not known.is_line_lead:
            raise UsageError(f"{known.name} is a technician, who has no PIN", "Name a line lead")
        hashed = self._hashed(pin, known.role, known.name, known.badge)
        with self._changing() as change:
            row = find_line_lead(change.connection, known.name)
            values = {"pin_hash": hashed, "wrong_pins": 0, "locked_at": None}
            change.connection.execute(update(OPERATORS).where(_O.id == row.id).values(**values))
            data: dict[str, JsonValue] = {"name": row.name, "field": "pin"}
            _tell(change, EventKind.OPERATOR_CHANGED, by, data, is_line_lead(change.connection, by))

    # Signing in and deciding

    def sign_in(self, name_or_badge: str) -> Operator:
        """Sign somebody in for what follows; UsageError with the nearest name when there is nobody."""
        with self._changing() as change:
            row, way = find_operator(change.connection, name_or_badge)
            change.trail.append(EventKind.SIGNED_IN, operator=row.name, data={"by": way, "role": row.role})
        self.signed_in = OperatorName(row.name)
        return operator_of(row)

    def act_as(self, name: str) -> None:
        """Let events bear a name that nobody has signed in with: where no operators are known yet."""
        self.signed_in = OperatorName(name)

    def sign_out(self) -> None:
        """End what `sign_in` began; nothing when nobody is signed in."""
        name, self.signed_in = self.signed_in, OperatorName("")
        if name:
            with self._changing() as change:
                change.trail.append(EventKind.SIGNED_OUT, operator=name, data={})

    def confirm_line_lead(self, name_or_badge: str, pin: Secret, *, action: str) -> OperatorName:
        """Let a line lead allow an action by PIN; NotAllowed NOT_LINE_LEAD, PIN_WRONG, PIN_LOCKED; UsageError when unknown."""
        name, stored, wrong = self._count_try(name_or_badge)
        if not self._pins.matches(stored, pin):
            with self._changing() as change:
                data: dict[str, JsonValue] = {"action": action, "wrong": wrong, "locked": wrong >= WRONG_PINS_MAX}
                change.trail.append(EventKind.PIN_WRONG, operator=name, data=data)
            if wrong >= WRONG_PINS_MAX:
                raise _locked(name, LOCK_S)
            raise NotAllowed(
                Code.PIN_WRONG,
                f"this is not the PIN of {name}",
                f"Try again; after {WRONG_PINS_MAX - wrong} more wrong ones it is locked for a minute",
                why=Why.WRONG,
                facts={"name": name, "left": WRONG_PINS_MAX - wrong},
            )
        with self._changing() as change:
            row = find_line_lead(change.connection, name)
            if row.pin_hash != stored:
                raise NotAllowed(
                    Code.PIN_WRONG,
                    f"the PIN of {name} was changed this moment",
                    "Try again",
                    why=Why.PIN_CHANGED,
                    facts={"name": name},
                )
            change.connection.execute(update(OPERATORS).where(_O.id == row.id).values(wrong_pins=0, locked_at=None))
            change.trail.append(EventKind.LINE_LEAD_CONFIRMED, operator=name, data={"action": action})
        return name

    def note_open_action(self, name: str, *, action: str) -> None:
        """Record that an action of line leads was done while there is none."""
        with self._changing() as change:
            _tell(change, EventKind.WITHOUT_LINE_LEAD, name, {"action": action}, by_line_lead=False)

    def _hashed(self, pin: Secret | None, role: Role, *known: str | None) -> str | None:
        if role is Role.TECHNICIAN:
            if pin is not None:
                raise UsageError("a technician has no PIN", "Leave the PIN away, or make a line lead with --lead")
            return None
        if pin is None:
            raise UsageError("a line lead needs a PIN", "Give one at the prompt or with --new-pin-file")
        require_good_pin(pin, *known)
        return self._pins.hash(pin)

    def _count_try(self, name_or_badge: str) -> tuple[OperatorName, str, int]:
        """Count a try as wrong before it is looked at; give name, stored PIN and the count. NotAllowed when locked."""
        with self._changing() as change:
            row = find_line_lead(change.connection, name_or_badge)
            locked_at, wrong = row.locked_at, row.wrong_pins
            if locked_at is not None and change.now < locked_at:
                locked_at = change.now  # the clock was stepped back: the lock begins anew, not to last for hours
            left_s = _lock_left_s(locked_at, change.now)
            if not left_s:
                wrong = 1 if locked_at is not None else wrong + 1
                locked_at = change.now if wrong >= WRONG_PINS_MAX else None
            change.connection.execute(
                update(OPERATORS).where(_O.id == row.id).values(wrong_pins=wrong, locked_at=locked_at)
            )
        if left_s:
            raise _locked(row.name, left_s)
        return OperatorName(row.name), row.pin_hash, wrong


def _tell(change: Change, kind: EventKind, by: str, data: dict[str, JsonValue], by_line_lead: bool) -> None:
    change.trail.append(kind, operator=by, data={**data, "line_lead": by_line_lead})


def _locked(name: str, left_s: float) -> NotAllowed:
    return NotAllowed(
        Code.PIN_LOCKED,
        f"{WRONG_PINS_MAX} wrong PINs: {name} is locked for {max(1, round(left_s))} seconds",
        "Wait so long and try again, or ask another line lead",
        facts={"name": name, "seconds": max(1, round(left_s))},
    )


def _lock_left_s(locked_at: str | None, now: str) -> float:
    """Give how long a lock lasts on."""
    if locked_at is None:
        return 0.0
    gone_s = (datetime.fromisoformat(now) - datetime.fromisoformat(locked_at)).total_seconds()
    return max(0.0, LOCK_S - gone_s)
