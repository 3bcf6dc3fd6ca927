"""Who may do what in a factory's ledger: the owner everything, a station's login what its work needs.

A station's login reads no column of sealed secrets, only `ledger_secrets` of an open run, once the log tells of it; it writes the
record only at its end and only in its own name, changes no run of another living station, and deletes nothing; `postgresql_walls`
has the rest. Source: postgresql.org/docs/current/ddl-priv.html.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from station.errors import Code, LedgerFault, UsageError
from station.ledger.database import Database
from station.ledger.order_tables import WORK_ORDERS
from station.ledger.schema import (
    AUDIT_EVENTS,
    AUDIT_SIGNATURES,
    BATCHES,
    CERTIFICATES,
    HELD_BAUDS,
    LEDGER_KEYS,
    LEDGER_META,
    METADATA,
    SERIAL_NUMBERS,
    SERVER_CONFIRMATIONS,
    STATIONS,
)

ROLE: Final = "station_ledger"
_READ: Final = (LEDGER_META, LEDGER_KEYS)
_APPENDED: Final = (AUDIT_EVENTS, AUDIT_SIGNATURES, STATIONS, BATCHES, SERVER_CONFIRMATIONS)
_CHANGES_OF_A_CERTIFICATE: Final = ("state", "mac", "run_id", "void_reason", "changed_at")
_CHANGES: Final = {SERIAL_NUMBERS: "released_at, release_reason", WORK_ORDERS: "closed_at"}
_LOGIN: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def roles_sql(logins: Sequence[tuple[str, str | None]] = ()) -> tuple[str, ...]:
    """Give the statements that make the rights, again and again the same; for each login the station that is its own.

    UsageError for a name that cannot be a login's.
    """
    readable = ", ".join(column.name for column in CERTIFICATES.c if column.name != "secrets")
    statements = [
        f"DO $$ BEGIN CREATE ROLE {ROLE} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        "DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());"
        f" EXECUTE format('GRANT USAGE ON SCHEMA %I TO {ROLE}', current_schema());"
        f" EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO {ROLE}', current_schema()); END $$",
        f"REVOKE ALL ON {', '.join(METADATA.tables)} FROM {ROLE}",
        f"GRANT SELECT ON alembic_version TO {ROLE}",
        f"GRANT EXECUTE ON FUNCTION ledger_secrets(integer, integer) TO {ROLE}",
        f"GRANT SELECT ({readable}), INSERT, UPDATE ({', '.join(_CHANGES_OF_A_CERTIFICATE)}) ON certificates TO {ROLE}",
    ]
    for table in METADATA.sorted_tables:
        if table is CERTIFICATES:
            continue
        rights = "SELECT, INSERT, UPDATE"
        if table in _READ:
            rights = "SELECT"
        elif table in _APPENDED:
            rights = "SELECT, INSERT"
        elif table in _CHANGES:
            rights = f"SELECT, INSERT, UPDATE ({_CHANGES[table]})"
        elif table is HELD_BAUDS:
            rights += ", DELETE"
        statements.append(f"GRANT {rights} ON {table.name} TO {ROLE}")
    for login, station in logins:
        if not _LOGIN.fullmatch(login):
            raise UsageError(f"{login!a} cannot name a login", "Write it as NAME or NAME=STATION, in lower case")
        statements.append(
            f"DO $$ BEGIN CREATE ROLE {login} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
            f" GRANT {ROLE} TO {login}"
        )
        if station is not None:
            statements.append(f"UPDATE stations SET login = '{login}' WHERE station = '{station.replace(chr(39), '')}'")  # noqa: S608  both are checked
    return tuple(statements)


def apply_roles(database: Database, statements: Sequence[str]) -> None:
    """Do it, all or nothing; LedgerFault when the login is not the owner's, or may not make logins."""
    try:
        with database.writing() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%"))  # psycopg takes a lone one for a parameter
    except LedgerFault as fault:
        if fault.code is not Code.LEDGER_NOT_WRITABLE:
            raise
        raise LedgerFault(
            fault.code,
            "this login may not make logins and give them rights in the ledger",
            "Name the owner's login in --ledger (it needs CREATEROLE), or let the server's administrator do it as the owner: "
            "station ledger roles prints the SQL",
            fault.place,
        ) from None
