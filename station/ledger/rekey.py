"""Changes the key of a ledger while lanes run: a thousand rows in a transaction, and both keys readable until the last row.

A crash leaves two rows in `ledger_keys`, and every certificate under one of the two: the next `rekey` goes on where it ended.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout
from sqlalchemy import Row, Select, bindparam, delete, func, insert, select, update

from station.certificate import Identity
from station.errors import Code, InternalFault, LedgerFault
from station.ledger.audit import Change, Changes
from station.ledger.disk import disk_fault
from station.ledger.event_kind import EventKind
from station.ledger.key_ring import KeyRing, source_of
from station.ledger.key_source import KeySource
from station.ledger.key_sources import (
    AskPassphrase,
    Parameters,
    discard_key,
    forget_key,
    make_source,
    place_of,
)
from station.ledger.schema import CERTIFICATES, LEDGER_KEYS

ROWS_AT_ONCE: Final = 1000
PAUSE_S: Final = 0.05
"""Between two transactions, so that every lane that waits for the ledger gets it."""
_LOCK_FILE: Final = "rekey.lock"
_C = CERTIFICATES.c
_K = LEDGER_KEYS.c
_NEXT_ROWS: Final[Select[Any]] = (
    select(_C.id, _C.product_key, _C.device_name, _C.secrets, _C.key_id)
    .where(_C.id > bindparam("after"), _C.key_id != bindparam("new_key"))
    .order_by(_C.id)
    .limit(ROWS_AT_ONCE)
)
_RESEAL: Final = (
    update(CERTIFICATES)
    .where(_C.id == bindparam("of_id"), _C.key_id == bindparam("old_key"))
    .values(secrets=bindparam("to_secrets"), key_id=bindparam("to_key"))
)

Progress = Callable[[int, int], None]
"""Hears rows done and rows in all."""


@dataclass(frozen=True, slots=True)
class RekeyResult:
    """The key in use now: its place in words, how many rows were sealed anew, and the place of the key before.

    `resumed`: this finished a change that a crash had broken off. `old_place`: a key file that is still there, or empty.
    """

    source: KeySource
    place: str
    rows: int
    resumed: bool
    old_place: str


class Rekeying:
    """One change of the key. `changing` opens a transaction of the ledger that writes."""

    def __init__(
        self, data: Path, keys: KeyRing, changing: Changes, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._data = data
        self._keys = keys
        self._changing = changing
        self._pause = pause

    def run(self, to: KeySource | None, ask: AskPassphrase, operator: str, progress: Progress | None) -> RekeyResult:
        """Change the key (to another source with `to`), or finish a change that was broken off; LedgerFault, UsageError."""
        with self._alone():
            with self._changing() as change:
                rows = _key_rows(change)
                resumed = len(rows) > 1
                source = to or source_of(rows[-1])[0]
            if resumed and source is not source_of(rows[-1])[0]:
                self._reseal(rows[-1].id, None)
                with self._changing() as change:
                    self._finish(change, operator, 0)
                resumed = False
            if not resumed:
                self._begin(source, ask, operator)
            with self._changing() as change:
                newest = _key_rows(change)[-1].id
            done = self._reseal(newest, progress)
            with self._changing() as change:
                return self._finish(change, operator, done, resumed=resumed)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with FileLock(self._data / _LOCK_FILE, timeout=0, thread_local=False):
                yield
        except Timeout:
            raise LedgerFault(
                Code.LEDGER_BUSY,
                "another program is changing the key of this ledger",
                "Wait until it is done",
                str(self._data),
            ) from None

    def _begin(self, source: KeySource, ask: AskPassphrase, operator: str) -> None:
        """Put the new key in its place and into use: from now on whatever is imported is sealed with it."""
        with self._changing() as change:
            key_id = _key_rows(change)[-1].id + 1
        try:
            parameters, key = make_source(source, self._data, self._keys.ledger_id, key_id, ask)
        except OSError as error:
            raise disk_fault(error, self._data) from None
        with self._changing() as change:
            try:
                self._put_into_use(change, source, parameters, key_id, key, operator)
            except BaseException:  # before the commit, so nothing is sealed with it: refused to a station's login, say
                discard_key(source, parameters, self._data)
                raise

    def _put_into_use(
        self, change: Change, source: KeySource, parameters: Parameters, key_id: int, key: bytes, operator: str
    ) -> None:
        ring = self._keys
        old_id, old_box = ring.in_use(change.connection)
        if old_id != key_id - 1:
            raise InternalFault("the ledger's key was changed by another program in the same instant")
        ledger_id = ring.ledger_id
        box = ring.add(key_id, key, place_of(source, parameters, self._data))
        change.connection.execute(
            insert(LEDGER_KEYS).values(
                id=key_id,
                source=source.value,
                parameters=json.dumps(dict(parameters)),
                key_check=box.key_check(ledger_id),
                fingerprint_key=box.seal_key(ledger_id, "fingerprint_key", ring.fingerprint_key),
                other_key=box.seal_key(ledger_id, f"other_key/{key_id}", ring.key(old_id)),
                made_at=change.now,
            )
        )
        change.connection.execute(
            update(LEDGER_KEYS)
            .where(_K.id == old_id)
            .values(other_key=old_box.seal_key(ledger_id, f"other_key/{old_id}", key))
        )
        change.trail.append(
            EventKind.LEDGER_KEY_CHANGING, operator=operator, data={"key": key_id, "source": source.value}
        )

    def _reseal(self, key_id: int, progress: Progress | None) -> int:
        """Seal every row that is not under this key anew; give how many they were."""
        after = done = total = 0
        while True:
            with self._changing() as change:
                if not total and progress is not None:
                    count = select(func.count()).select_from(CERTIFICATES).where(_C.key_id != key_id)
                    total = change.connection.execute(count).scalar_one()
                rows = change.connection.execute(_NEXT_ROWS, {"after": after, "new_key": key_id}).all()
                if not rows:
                    return done
                box = self._keys.box_of(change.connection, key_id)
                change.connection.execute(_RESEAL, [self._resealed(change, row, key_id, box) for row in rows])
            after = rows[-1].id
            done += len(rows)
            if progress is not None:
                progress(done, max(total, done))
            self._pause(PAUSE_S)

    def _resealed(self, change: Change, row: Row[Any], key_id: int, box: Any) -> dict[str, object]:
        identity = Identity(row.product_key, row.device_name)
        old = self._keys.box_of(change.connection, row.key_id)
        sealed = {
            field: box.seal(row.product_key, row.device_name, field, old.open(identity, field, text).reveal())
            for field, text in json.loads(row.secrets).items()
        }
        text = json.dumps(sealed, separators=(",", ":"))
        return {"of_id": row.id, "old_key": row.key_id, "to_secrets": text, "to_key": key_id}

    def _finish(self, change: Change, operator: str, done: int, *, resumed: bool = False) -> RekeyResult:
        """Take the old key out of the ledger: the database itself refuses while a row is still under it."""
        *old_rows, row = _key_rows(change)
        source, parameters = source_of(row)
        change.connection.execute(update(LEDGER_KEYS).where(_K.id == row.id).values(other_key=None))
        change.connection.execute(delete(LEDGER_KEYS).where(_K.id < row.id))
        old_place = ""
        for old in old_rows:
            old_source, old_parameters = source_of(old)
            forget_key(old_source, old_parameters)
            if old_source is KeySource.FILE:
                old_place = place_of(old_source, old_parameters, self._data)
        change.trail.append(EventKind.LEDGER_KEY_CHANGED, operator=operator, data={"key": row.id, "rows": done})
        return RekeyResult(source, place_of(source, parameters, self._data), done, resumed, old_place)


def _key_rows(change: Change) -> list[Row[Any]]:
    return list(change.connection.execute(select(LEDGER_KEYS).order_by(_K.id)))
