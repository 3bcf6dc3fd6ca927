"""Who is who in a ledger: each station's name belongs to one signing key for ever, so that no two write one chain."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, insert, select

from station.errors import UsageError
from station.ledger.audit import Trail
from station.ledger.database import Database, Dialect
from station.ledger.event_kind import EventKind
from station.ledger.heads import HeadSigner
from station.ledger.schema import AUDIT_HEADS, AUDIT_SIGNATURES, STATIONS
from station.ledger.server_confirmations import confirm, server_history


def is_unknown(connection: Connection, station: str) -> bool:
    """Say whether no station of this name ever worked with the ledger."""
    for table in (STATIONS, AUDIT_HEADS):
        if connection.execute(select(table.c.station).where(table.c.station == station)).first() is not None:
            return False
    return True


def claim_name(database: Database, signer: HeadSigner, now: Callable[[], str], *, lacks_nothing: bool) -> None:
    """Make the signer's station known, once; UsageError when its name belongs to another key.

    With `lacks_nothing` no station of a factory's ledger waits for a new one to look whether anything of its own is missing.
    """
    with database.reading() as connection:
        holder = _key_of(connection, signer.station)
    if holder is None:
        with database.writing() as connection:
            database.dialect.hold(connection, f"name {signer.station}")
            holder = _key_of(connection, signer.station)
            if holder is None:
                at = now()
                _introduce(connection, database.dialect, signer, at)
                if lacks_nothing and database.dialect.is_shared:
                    confirm(connection, server_history(connection), [signer.station], signer.station, at)
                return
    _refuse_another(holder, signer.station, signer.key.public)


def refuse_taken_name(connection: Connection, station: str, public_key: str | None) -> None:
    """UsageError when a name belongs to another key than this station's (None: it has none yet)."""
    _refuse_another(_key_of(connection, station), station, public_key)


def _refuse_another(holder: str | None, station: str, public_key: str | None) -> None:
    if holder not in (None, public_key):
        raise UsageError(
            f"another station of this ledger is named {station}",
            "Give this one a name of its own in station.yaml, or bring back its station.key",
            "station.yaml",
        )


def _key_of(connection: Connection, station: str) -> str | None:
    """Give the public key that a name belongs to; that of its signatures in a ledger from before names were kept."""
    for query in (
        select(STATIONS.c.public_key).where(STATIONS.c.station == station),
        select(AUDIT_SIGNATURES.c.public_key).where(AUDIT_SIGNATURES.c.station == station).limit(1),
    ):
        found = connection.execute(query).scalar()
        if found is not None:
            return str(found)
    return None


def _introduce(connection: Connection, dialect: Dialect, signer: HeadSigner, now: str) -> None:
    connection.execute(
        insert(STATIONS).values(station=signer.station, public_key=signer.key.public, login="", joined_at=now)
    )
    trail = Trail(connection, dialect, signer.station, now)
    if trail.head[0] == 0:
        trail.append(EventKind.STATION_JOINED, data={"public_key": signer.key.public})
        trail.close()
