"""Operators as rows: how people are named, found and told apart."""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal, NewType

from sqlalchemy import Connection, Row, func, select

from station.errors import Code, NotAllowed, UsageError, Why
from station.ledger.audit import storable
from station.ledger.schema import OPERATORS

OperatorName = NewType("OperatorName", str)
NAME_LENGTH_MAX: Final = 64
_O = OPERATORS.c


class Role(StrEnum):
    """A technician runs units; a line lead decides what the station must not, too."""

    TECHNICIAN = "technician"
    LINE_LEAD = "line_lead"


@dataclass(frozen=True, slots=True)
class Operator:
    """One person. `badge` is what a scanner sends. `removed_at` is None for those who work here."""

    name: OperatorName
    badge: str | None
    role: Role
    added_at: str
    removed_at: str | None

    @property
    def active(self) -> bool:
        return self.removed_at is None

    @property
    def is_line_lead(self) -> bool:
        return self.active and self.role is Role.LINE_LEAD


def is_line_lead(connection: Connection, name: str) -> bool:
    """Say whether a name is an active line lead's: what an event tells of who decided."""
    query = select(_O.id).where(_O.name_key == key_of(name), _O.role == Role.LINE_LEAD.value, _O.removed_at.is_(None))
    return connection.execute(query).first() is not None


def key_of(text: str) -> str:
    """Give what is compared: a scanner under caps lock, or full-width letters, mean the same person."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def one_form(text: str, what: Literal["name", "badge"]) -> str:
    """Give a name or badge in its one form; UsageError when it is empty, too long or has characters that cannot be seen."""
    text = " ".join(unicodedata.normalize("NFKC", storable(text)).split())
    if not text or len(text) > NAME_LENGTH_MAX or not text.isprintable():
        raise UsageError(
            f"a {what} has 1 to {NAME_LENGTH_MAX} characters that can be seen",
            f"Write the {what} as people read it",
            why=Why.NOT_A_NAME,
            facts={"most": NAME_LENGTH_MAX},
        )
    return text


def find_operator(connection: Connection, name_or_badge: str) -> tuple[Row[Any], Literal["name", "badge"]]:
    """Give an active operator's row and by what it was found; UsageError with the nearest name."""
    key = key_of(storable(name_or_badge))
    active = list(connection.execute(select(OPERATORS).where(_O.removed_at.is_(None)).order_by(_O.name_key)))
    for row in active:
        if row.name_key == key:
            return row, "name"
        if row.badge_key == key:
            return row, "badge"
    if not active:
        raise UsageError("there is no operator yet", "Add one: station operator add NAME", why=Why.NO_OPERATOR)
    names = {row.name_key: row.name for row in active}
    near = difflib.get_close_matches(key, names, 1)
    shown = "".join(letter if letter.isprintable() else "?" for letter in name_or_badge[:NAME_LENGTH_MAX])
    raise UsageError(
        f"no operator is known as {shown!r}",
        f"Did you mean {names[near[0]]!r}?" if near else "`station operator list` shows who is there",
        why=Why.UNKNOWN_OPERATOR,
        facts={"name": shown},
    )


def find_line_lead(connection: Connection, name_or_badge: str) -> Row[Any]:
    """Give a line lead's row; NotAllowed NOT_LINE_LEAD for a technician, UsageError when unknown."""
    row, _ = find_operator(connection, name_or_badge)
    if row.role != Role.LINE_LEAD:
        raise NotAllowed(
            Code.NOT_LINE_LEAD,
            f"{row.name} is a technician, and this is for a line lead",
            "Call the line lead",
            facts={"name": row.name},
        )
    return row


def require_free(connection: Connection, text: str, what: Literal["name", "badge"], but: str | None = None) -> None:
    """Refuse a text that means another active operator already, be it as name or as badge."""
    for row in connection.execute(select(OPERATORS).where(_O.removed_at.is_(None))):
        if (but is None or row.name_key != key_of(but)) and key_of(text) in {row.name_key, row.badge_key}:
            raise UsageError(
                f"the {what} {text!r} means {row.name} already",
                f"Choose another {what}",
                why=Why.TAKEN,
                facts={"text": text, "name": row.name},
            )
    if but is not None and key_of(text) == key_of(but):
        raise UsageError("a badge is not its owner's name", "Scan the badge, or leave it away")


def line_lead_count(connection: Connection) -> int:
    """Count the active line leads."""
    query = select(func.count()).where(_O.role == Role.LINE_LEAD.value, _O.removed_at.is_(None))
    return int(connection.execute(query).scalar_one())


def operator_of(row: Row[Any]) -> Operator:
    """Give what people may see of an operator: no PIN, not even hashed."""
    return Operator(OperatorName(row.name), row.badge, Role(row.role), row.added_at, row.removed_at)
