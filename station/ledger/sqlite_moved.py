"""Closes an SQLite ledger that was moved: its own triggers refuse every change, whichever station has it open.

Source: sqlite.org/lang_createtrigger.html. A change of the schema reaches other connections with their next statement.
"""

from __future__ import annotations

from sqlalchemy import Connection

from station.ledger.moved import moved_text
from station.ledger.schema import METADATA


def close_for_good(connection: Connection, place: str) -> None:
    """Refuse every change of every table from the end of this transaction on."""
    text = moved_text(place).replace("'", "''")
    for table in METADATA.tables:
        for event in ("INSERT", "UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER moved_{table}_{event.lower()} BEFORE {event} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{text}'); END"
            )
