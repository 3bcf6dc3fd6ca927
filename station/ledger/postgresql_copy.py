"""Takes a whole ledger into the tables of a server, in one transaction of their owner.

Its rows were allowed when they were written, so the triggers, which judge single steps, sleep meanwhile; constraints do not.
Sources: postgresql.org/docs/current (sql-copy, sql-altertable), psycopg.org/psycopg3/docs/basic/copy.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import psycopg
from sqlalchemy import Connection, ForeignKeyConstraint, Table, func, update

from station.errors import CodedError
from station.ledger.schema import METADATA, STATIONS


class Receiver:
    """Use `open`, `take` for each table of the schema in its order, `close`."""

    def __init__(self, connection: Connection, translate: Callable[[Exception], CodedError]) -> None:
        self._connection = connection
        self._translate = translate

    def open(self) -> None:
        """Empty every table; triggers sleep, and a key that points to a later table is looked at by `close`."""
        self._do("SET LOCAL idle_in_transaction_session_timeout = 0")  # the source is read meanwhile, however long
        for name in METADATA.tables:
            self._do(f"ALTER TABLE {name} DISABLE TRIGGER USER")
        self._do(f"TRUNCATE {', '.join(METADATA.tables)}")
        for table, key in _forward_keys():
            self._do(f"ALTER TABLE {table.name} ALTER CONSTRAINT {key.name} DEFERRABLE INITIALLY DEFERRED")

    def take(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows as they come; each has the table's columns in their order. CodedError."""
        raw: Any = self._connection.connection.driver_connection
        names = ", ".join(column.name for column in table.columns)
        try:
            with raw.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:
            raise self._translate(error) from None

    def close(self) -> None:
        """Wake what sleeps, let numbers go on after the highest, and call the stations this login's until they get theirs."""
        self._connection.execute(update(STATIONS).values(login=func.session_user()))
        self._do("SET CONSTRAINTS ALL IMMEDIATE")
        for table, key in _forward_keys():
            self._do(f"ALTER TABLE {table.name} ALTER CONSTRAINT {key.name} NOT DEFERRABLE")
        for table in METADATA.sorted_tables:
            self._do(f"ALTER TABLE {table.name} ENABLE TRIGGER USER")
            column = table.autoincrement_column
            if column is not None:
                self._do(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), max({column.name}))"  # noqa: S608  our own names
                    f" FROM {table.name} HAVING max({column.name}) IS NOT NULL"
                )
        self._do("ANALYZE")

    def _do(self, statement: str) -> None:
        self._connection.exec_driver_sql(statement)


def _forward_keys() -> list[tuple[Table, ForeignKeyConstraint]]:
    """Give the keys that point to a table which is filled later."""
    return [(table, key) for table in METADATA.sorted_tables for key in table.foreign_key_constraints if key.use_alter]
