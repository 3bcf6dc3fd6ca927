"""Which stations have looked whether anything of theirs is missing on the ledger's server, as it is since its last restore.

A station finds by its own record that its chain went back, and cannot find that another one's did. So where a server begins
another history nothing is given out before each station has looked, or a line lead let go of one that is gone for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from station.errors import Code, LedgerFault, UsageError, Why
from station.ledger.audit import Changes
from station.ledger.database import Database
from station.ledger.event_kind import EventKind
from station.ledger.gap import bind_set_aside, required, skip_in_every_batch
from station.ledger.proof import Proof
from station.ledger.schema import STATIONS
from station.ledger.server_confirmations import confirm, missing_stations, server_history, standby_instead

_SEEN: Final = "server_seen"
_CLEARED: Final = "server_cleared"
"""A connection ends with its server's history, so each one asks only once."""
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class ReleasedStation:
    """A station that nobody waits for any more, and what became void or was bound because it may have used it."""

    station: str
    skipped: dict[str, int]
    bound: tuple[str, ...]


class ServerHistory:
    """Belongs to one open ledger. An embedded one is its station's alone: it has nothing to ask others for."""

    def __init__(self, database: Database, changing: Changes, proof: Proof, station: str) -> None:
        self._database = database
        self._changing = changing
        self._proof = proof
        self._station = station

    def require_seen(self) -> None:
        """Note that this station lacks nothing on the server as it is now; LedgerFault, LEDGER_BEHIND when it does."""
        if not self._database.dialect.is_shared or self._proof.signer is None or self._proof.gap is not None:
            return
        with self._database.reading() as connection:
            if _SEEN in connection.info:
                return
            history = server_history(connection)
            if not history:
                return
            if not self._own(connection, missing_stations(connection, history)):
                connection.info[_SEEN] = True
                return
        with self._changing() as change:
            change.dialect.hold(change.connection, f"name {self._station}")
            history = server_history(change.connection)
            self._proof.require_no_gap(change.connection)
            names = self._own(change.connection, missing_stations(change.connection, history))
            confirm(change.connection, history, names, self._station, change.now)
            if names:
                change.trail.append(EventKind.SERVER_CONFIRMED, data={"history": history})

    def require_cleared(self, connection: Connection | None = None) -> None:
        """LedgerFault LEDGER_BEHIND, which names the stations, while one has not looked: nothing may be given out.

        LEDGER_UNREACHABLE on a standby: when it takes over, its connections live on, and every station has to look.
        """
        if not self._database.dialect.is_shared:
            return
        if connection is None:
            with self._database.reading() as of_its_own:
                self.require_cleared(of_its_own)
            return
        if _CLEARED not in connection.info:
            history = server_history(connection)
            if not history:
                raise standby_instead(self._database.dialect.place)
            if missing := missing_stations(connection, history):
                raise _not_cleared(missing, self._database.dialect.place)
            connection.info[_CLEARED] = True

    def missing(self) -> list[str]:
        """Give the stations that have not looked yet."""
        if not self._database.dialect.is_shared:
            return []
        with self._database.reading() as connection:
            return missing_stations(connection, server_history(connection))

    def require_waited_for(self, station: str) -> None:
        """UsageError when nobody waits for the station."""
        _require_among(self.missing(), station)

    def release(self, station: str, *, skip: int, reason: str, operator: str) -> ReleasedStation:
        """Wait no more for a station that is gone for ever, and skip what it may have used; UsageError."""
        text = required(reason, operator)
        self.require_seen()
        with self._changing() as change:
            change.dialect.hold(change.connection, f"name {station}")  # it may be started in this moment
            history = server_history(change.connection)
            _require_among(missing_stations(change.connection, history), station)
            confirm(change.connection, history, [station], self._station, change.now)
            change.trail.append(
                EventKind.STATION_RELEASED,
                operator=operator,
                data={"of_station": station, "history": history, "skip": skip, "reason": text},
            )
            bound = bind_set_aside(change, operator, of_station=station)
            skipped = skip_in_every_batch(change, skip, reason=text, operator=operator)
            return ReleasedStation(station, skipped, bound)

    def _own(self, connection: Connection, names: Sequence[str]) -> list[str]:
        """Give those that are this station's: it may have had other names."""
        if not names:
            return []
        query = select(STATIONS.c.station).where(STATIONS.c.public_key == self._proof.public_key)
        own = set(connection.execute(query).scalars())
        return [name for name in names if name in own]


def _require_among(waited_for: Sequence[str], station: str) -> None:
    if station not in waited_for:
        names = ", ".join(waited_for) or "none"
        raise UsageError(f"nobody waits for a station {station!a}", f"Name one of those that are waited for: {names}")


def _not_cleared(missing: Sequence[str], place: str) -> LedgerFault:
    shown = ", ".join(missing[:_SHOWN]) + (f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else "")
    return LedgerFault(
        Code.LEDGER_BEHIND,
        "the ledger's server was restored, replaced or taken over, and these stations have not looked yet whether anything of "
        f"theirs is missing, so used certificates could be handed out again: {shown}",
        "Start each of them once, or `station recover` there; for one that is gone for ever a line lead: "
        "station recover --release STATION --skip N --reason TEXT",
        place,
        why=Why.AWAITED,
        facts={"stations": shown},
    )
