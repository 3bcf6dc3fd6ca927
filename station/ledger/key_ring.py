"""The keys of a ledger that this process knows. Rows name the key that sealed them, so a key may change while lanes run.

While it changes there are two rows in `ledger_keys`, each with the other's key sealed in it: a process that was opened with the
old key follows to the new one, and one that is opened with the new key reads what is still under the old one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, func, select

from station.errors import Code, LedgerFault, Why
from station.ledger.key_source import KeySource
from station.ledger.key_sources import AskPassphrase, Parameters, fetch_key, place_of
from station.ledger.schema import LEDGER_KEYS
from station.ledger.secret_box import SecretBox

_MAX_ID = select(func.max(LEDGER_KEYS.c.id))


class KeyRing:
    """Gives the box of each row's key. Threads may share it."""

    def __init__(self, data: Path, ledger_id: str) -> None:
        self._data = data
        self.ledger_id = ledger_id
        self._keys: Mapping[int, bytes] = {}
        self._boxes: Mapping[int, SecretBox] = {}
        self.fingerprint_key = b""

    def __repr__(self) -> str:
        return f"KeyRing({sorted(self._keys)})"

    @classmethod
    def opened(cls, connection: Connection, data: Path, ledger_id: str, ask: AskPassphrase) -> KeyRing:
        """Get the key in use, once and for all; LedgerFault KEY_MISSING, KEY_WRONG, KEY_EXPOSED."""
        ring = cls(data, ledger_id)
        ring._learn(connection, ring._newest(connection), ask)
        return ring

    @property
    def box(self) -> SecretBox:
        """Some box of this ledger: good for fingerprints and digests, which are the same with every key."""
        return self._boxes[max(self._boxes)]

    def key(self, key_id: int) -> bytes:
        """Give a key that is known, to seal it with another."""
        return self._keys[key_id]

    def in_use(self, connection: Connection) -> tuple[int, SecretBox]:
        """Give the number and the box to seal new rows with, in the transaction that writes them; LedgerFault."""
        newest = self._newest(connection)
        return newest, self.box_of(connection, newest)

    def box_of(self, connection: Connection, key_id: int) -> SecretBox:
        """Give the box that opens a row; LedgerFault when its key cannot be had."""
        if key_id not in self._boxes:
            self._learn(connection, key_id, _only_at_start)
        return self._boxes[key_id]

    def add(self, row_id: int, key: bytes, place: str = "") -> SecretBox:
        """Take a key that this process has made."""
        box = SecretBox(key, place, self.fingerprint_key)
        self._keys = {**self._keys, row_id: key}
        self._boxes = {**self._boxes, row_id: box}
        return box

    def _newest(self, connection: Connection) -> int:
        newest = connection.execute(_MAX_ID).scalar()
        if newest is None:
            raise _damaged()
        return int(newest)

    def _learn(self, connection: Connection, key_id: int, ask: AskPassphrase) -> None:
        rows = {row.id: row for row in connection.execute(select(LEDGER_KEYS))}
        if key_id not in rows:
            raise _damaged()
        row = rows[key_id]
        source, parameters = source_of(row)
        place = place_of(source, parameters, self._data)
        holder = next((other for other in rows.values() if other.id in self._boxes and other.other_key), None)
        if holder is not None:
            key = self._boxes[holder.id].open_key(self.ledger_id, f"other_key/{holder.id}", holder.other_key)
        else:
            key = fetch_key(source, parameters, self._data, ask)
        box = SecretBox(key, place)
        try:
            box.require_key_of(self.ledger_id, row.key_check)
        except LedgerFault as fault:
            if source is KeySource.PASSPHRASE:
                raise LedgerFault(
                    Code.KEY_WRONG,
                    "this is not the passphrase of the ledger",
                    "Start again and type it anew; look at the keyboard's layout and at Caps Lock",
                    why=Why.OTHER_PASSPHRASE,
                ) from None
            raise fault from None
        self.fingerprint_key = box.open_key(self.ledger_id, "fingerprint_key", row.fingerprint_key)
        self.add(key_id, key, place)


def source_of(row: Row[Any]) -> tuple[KeySource, Parameters]:
    """Give where the key of a `ledger_keys` row is; LedgerFault when the row makes no sense."""
    try:
        parameters = json.loads(row.parameters)
        source = KeySource(row.source)
    except ValueError:
        raise _damaged() from None
    if not isinstance(parameters, dict):
        raise _damaged()
    return source, parameters


def _only_at_start(_question: str) -> str:
    raise LedgerFault(
        Code.KEY_WRONG,
        "the ledger got another passphrase while this program was open",
        "End this program and start it again with the new passphrase",
        why=Why.PASSPHRASE_CHANGED,
    )


def _damaged() -> LedgerFault:
    return LedgerFault(
        Code.LEDGER_UNREADABLE,
        "what the ledger says about its key is damaged",
        "Stop the station, keep the ledger, and bring back the last backup of the data folder",
        why=Why.DAMAGED,
    )
