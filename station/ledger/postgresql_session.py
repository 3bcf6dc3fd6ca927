"""Which station processes are alive, where they share no disk: each holds an advisory lock in a session of its own.

The server lets the lock go when the session ends: with the process, or when the keepalives of a lost PC are not answered. A
session that was cut is begun anew with the same lock as soon as the station has a connection again.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError

BELIEVED_S: Final = 5.0
"""How long a process that was seen alive is taken for alive; whether one is dead is asked each time."""
_HELD: Final = (
    "SELECT classid::bigint << 32 | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1"
    " AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class SessionToken:
    """This process's own token, taken at the first run and given back by `close`."""

    def __init__(self, engine: Engine, translating: Callable[[], AbstractContextManager[None]]) -> None:
        self._engine = engine
        self._translating = translating
        self._guard = threading.RLock()
        self._token: str | None = None
        self._session: Connection | None = None
        self._believed: dict[int, float] = {}
        event.listen(engine, "connect", self._noticed_connection)

    def take(self) -> str:
        """Give the token; its lock is held from now on, and again when the session was cut meanwhile. LedgerFault."""
        with self._guard, self._translating():
            if self._token is None:
                self._token = uuid.uuid4().hex
            self._living_session()
            return self._token

    def is_mine(self, token: str) -> bool:
        """True for the runs of this very ledger object."""
        return token == self._token

    def is_alive(self, token: str) -> bool:
        """True while the process that took the token lives and has not closed its ledger; LedgerFault."""
        if self.is_mine(token):
            return True
        key, now = _key_of(token), time.monotonic()
        with self._guard, self._translating():
            if now - self._believed.get(key, -BELIEVED_S) < BELIEVED_S:
                return True
            held = self._living_session().exec_driver_sql(_HELD).scalars()
            self._believed = {int(one) & _MASK: now for one in held}
            return key in self._believed

    def close(self) -> None:
        """Let the lock go; the token is dead from now on."""
        with self._guard:
            self._token = None
            self._drop()

    def _living_session(self) -> Connection:
        """Give the session with the lock in it, a new one when the old one is cut."""
        if self._session is not None:
            try:
                self._session.exec_driver_sql("SELECT 1")
            except SQLAlchemyError:
                self._drop()
            else:
                return self._session
        session = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        session.detach()  # it is never the pool's again
        self._session = session
        if self._token is not None:
            key = _key_of(self._token)
            session.exec_driver_sql("SELECT pg_advisory_lock(%s)", (key - (_MASK + 1) if key >> 63 else key,))
        return session

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(SQLAlchemyError):  # it is gone already
                session.close()

    def _noticed_connection(self, _connection: Any, _record: Any) -> None:
        """A new connection of the pool may mean that the server was away: then our lock is gone too."""
        if self._token is not None and self._session is not None:
            threading.Thread(target=self._renew, name="ledger-session", daemon=True).start()

    def _renew(self) -> None:
        with self._guard, suppress(SQLAlchemyError):  # the next run tells it
            if self._token is not None:
                self._living_session()


_MASK: Final = (1 << 64) - 1


def _key_of(token: str) -> int:
    """Give the number of a token's lock, as 64 bits without sign."""
    return int(token[:16], 16)
