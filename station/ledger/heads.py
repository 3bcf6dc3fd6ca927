"""Signed heads: the station's word that its chain, up to an event, was as it is. No event before it can be changed unseen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, select

from station.ledger.audit import canonical_json
from station.ledger.records import JsonValue
from station.ledger.schema import AUDIT_SIGNATURES
from station.ledger.station_key import StationKey, is_signed

_DOMAIN: Final = b"station-audit-head-v1\n"
_S = AUDIT_SIGNATURES.c
_OF_NUMBER: Final = select(AUDIT_SIGNATURES).where(
    _S.station == bindparam("of_station"), _S.number == bindparam("of_number")
)
_PAGE_ROWS: Final = 500


@dataclass(frozen=True, slots=True)
class SignedHead:
    """Station, number and hash of an event, when and why it was signed, by whom, and the signature."""

    station: str
    number: int
    hash: str
    at: str
    reason: str
    public_key: str
    signature: str

    def is_genuine(self) -> bool:
        """Say whether the owner of `public_key` signed this."""
        return is_signed(self.public_key, self.signature, self._message())

    def as_object(self) -> dict[str, JsonValue]:
        """Give the head as exports show it."""
        return asdict(self)

    def _message(self) -> bytes:
        content = {name: value for name, value in asdict(self).items() if name not in {"public_key", "signature"}}
        return _DOMAIN + canonical_json(content).encode()


class HeadSigner:
    """Signs the heads of one station's chain and keeps them in the ledger."""

    def __init__(self, station: str, key: StationKey) -> None:
        self.station = station
        self.key = key

    def sign(self, connection: Connection, number: int, event_hash: str, at: str, reason: str) -> SignedHead:
        """Sign an event of the chain, once: the head that was signed before is given again."""
        row = connection.execute(_OF_NUMBER, {"of_station": self.station, "of_number": number}).first()
        if row is not None:
            return head_of(row)
        draft = SignedHead(self.station, number, event_hash, at, reason, self.key.public, "")
        head = SignedHead(**{**asdict(draft), "signature": self.key.sign(draft._message())})
        connection.execute(insert(AUDIT_SIGNATURES), asdict(head))
        return head


def head_of(row: Row[Any]) -> SignedHead:
    """Give a stored head."""
    return SignedHead(row.station, row.number, row.hash, row.at, row.reason, row.public_key, row.signature)


def has_signed(connection: Connection, station: str) -> bool:
    """Say whether there is a head of this station."""
    return connection.execute(select(_S.number).where(_S.station == station).limit(1)).first() is not None


def stored_heads(connection: Connection, station: str) -> Iterator[SignedHead]:
    """Give a station's heads in the order of their numbers."""
    query = select(AUDIT_SIGNATURES).where(_S.station == station).order_by(_S.number).limit(_PAGE_ROWS)
    last = 0
    while True:
        rows = connection.execute(query.where(_S.number > last)).all()
        for row in rows:
            yield head_of(row)
        if len(rows) < _PAGE_ROWS:
            return
        last = rows[-1].number
