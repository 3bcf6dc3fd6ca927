"""Brings a ledger's schema up to this program's; alembic is imported only when there is something to do."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from station.errors import Code, LedgerFault, Why
from station.ledger.revisions import HEAD, KNOWN

_VERSION = table("alembic_version", column("version_num"))


def stored_revision(connection: Connection) -> str | None:
    """Give the schema's revision, None for an empty database; LedgerFault when another program's tables stand there."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    revision = connection.execute(select(_VERSION)).scalar() if "alembic_version" in tables else None
    if revision is None:
        raise LedgerFault(
            Code.LEDGER_UNREADABLE,
            "the database holds tables of another program and is no ledger",
            "Name another data folder with --data",
            why=Why.OTHER_PROGRAM,
        )
    return str(revision)


def require_not_newer(revision: str | None) -> None:
    """Raise LedgerFault LEDGER_NEWER for a schema that this program does not know."""
    if revision is not None and revision not in KNOWN:
        raise LedgerFault(
            Code.LEDGER_NEWER,
            f"the ledger was written by a newer station (schema {revision}, known here: up to {HEAD})",
            "Update the station on this PC; the ledger was not touched",
            facts={"schema": str(revision), "known": HEAD},
        )


def migrate(connection: Connection) -> None:
    """Run the missing migrations in the connection's own transaction."""
    from alembic import command  # noqa: PLC0415  a third of a second that only a first start or an update pays
    from alembic.config import Config  # noqa: PLC0415  as above

    if connection.dialect.name == "postgresql":  # functions keep this path: nobody's temporary table stands in for ours
        connection.exec_driver_sql(
            "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
        )
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
