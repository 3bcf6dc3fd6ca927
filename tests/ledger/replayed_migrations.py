"""The migrations, run once for each kind of database: the next new one is given the very statements that they executed."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, event, inspect

from station.ledger.migrating import migrate

_EXECUTED: Final[dict[str, list[tuple[str, Any]]]] = {}
"""By the dialect's name: statements and their parameters, in order."""


def replay_or_migrate(connection: Connection) -> None:
    """Do what `migrate` does, for a new ledger without all that leads to its statements: most of what a new one costs."""
    if inspect(connection).get_table_names():
        migrate(connection)
    elif (executed := _EXECUTED.get(connection.dialect.name)) is None:
        _EXECUTED[connection.dialect.name] = _migrate_and_listen(connection)
    else:
        cursor = connection.connection.cursor()
        for statement, parameters in executed:
            cursor.execute(statement, parameters)
        cursor.close()


def _migrate_and_listen(connection: Connection) -> list[tuple[str, Any]]:
    heard: list[tuple[str, Any]] = []

    def hear(_connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        heard.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", hear)
    try:
        migrate(connection)
    finally:
        event.remove(connection, "before_cursor_execute", hear)
    return heard
