"""What a server's history is called, and which stations have looked whether anything of theirs is missing in it.

Sources: postgresql.org/docs/current (continuous-archiving, "Timelines"; functions-info; functions-admin). A restore to a point in
time and a standby that takes over begin a new timeline; another server has another identifier; a dump that is read in makes its
tables anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, exists, insert, select

from station.errors import Code, LedgerFault
from station.ledger.schema import SERVER_CONFIRMATIONS, STATIONS

_HISTORY: Final = (
    "SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE (SELECT system_identifier FROM pg_control_system()) || '/'"
    " || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/' || 'audit_events'::regclass::oid END"
)
_C = SERVER_CONFIRMATIONS.c


def server_history(connection: Connection) -> str:
    """Name the history that a server writes: another after each restore, move and takeover, the same after each restart.

    Empty on a standby, which writes none yet.
    """
    return str(connection.exec_driver_sql(_HISTORY).scalar_one())


def missing_stations(connection: Connection, history: str) -> list[str]:
    """Give the stations of the ledger that have not looked at it in this history; none on a standby, which gives nothing out."""
    if not history:
        return []
    seen = exists().where(_C.history == history, _C.station == STATIONS.c.station)
    query = select(STATIONS.c.station).where(~seen).order_by(STATIONS.c.joined_at, STATIONS.c.station)
    return list(connection.execute(query).scalars())


def confirm(connection: Connection, history: str, stations: Sequence[str], by: str, now: str) -> None:
    """Write that stations have looked, or need not."""
    if stations:
        rows = [{"history": history, "station": one, "told_by": by, "told_at": now} for one in stations]
        connection.execute(insert(SERVER_CONFIRMATIONS), rows)


def standby_instead(place: str) -> LedgerFault:
    """Give what is told where a standby answers at the address of the ledger's server: it is away."""
    return LedgerFault(
        Code.LEDGER_UNREACHABLE,
        "the server of the factory's ledger does not answer: in its place a standby does",
        "Bring the server back, or let the standby take over (pg_ctl promote)",
        place,
    )
