"""Statements of a unit's way through the ledger: composed by SQLAlchemy once, then given to the database's driver itself.

SQLAlchemy makes each execution ready anew, which costs more of the processor than most of these statements do: with sixteen
lanes, that is what a take waits for. Rows, errors and transactions are SQLAlchemy's own all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from sqlalchemy import ClauseElement, Connection, Dialect, Executable, PoolProxiedConnection
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

_OPTION: Final = "station_quick"
_S = TypeVar("_S", bound=Executable)


def quick(statement: _S) -> _S:
    """Mark a statement that stands as a constant: its text is the same at every execution, and its columns need no conversion."""
    return statement.execution_options(**{_OPTION: True})


DRIVER: Final = "station_driver"
"""Key of a connection's `info` under which its dialect may put a `Driver`, which is faster than the cursors of its library."""


Answer: TypeAlias = tuple[Sequence[str], Sequence[tuple[Any, ...]], int]
"""Names of columns, all rows, and how many rows were given or changed."""


class Driver(Protocol):
    """Executes statements on one connection."""

    def execute(self, sql: str, arguments: Any) -> Answer:
        """Give what the database says; the library's errors."""


class _Cursors:
    """The driver of a dialect that has no other: the library's own cursors."""

    def __init__(self, connection: PoolProxiedConnection) -> None:
        self._connection = connection

    def execute(self, sql: str, arguments: Any) -> Answer:
        cursor = self._connection.cursor()
        cursor.execute(sql, arguments)
        columns = [column[0] for column in cursor.description or ()]
        answer = columns, cursor.fetchall() if columns else (), cursor.rowcount
        cursor.close()
        return answer


class QuickResult(IteratorResult[Any]):
    """What the driver gave, all of it."""

    def __init__(self, columns: SimpleResultMetaData, rows: Sequence[Any], rowcount: int) -> None:
        super().__init__(columns, iter(rows))
        self.rowcount: Final = rowcount


@dataclass(slots=True)
class _Prepared:
    sql: str
    names: tuple[str, ...] | None
    """The parameters in the order of their marks, for a driver that takes them so."""
    constants: Mapping[str, Any]
    columns: SimpleResultMetaData | None = None
    """Known from the first answer on."""

    def arguments(self, parameters: Mapping[str, Any]) -> Any:
        """Give the parameters as the driver takes them."""
        given = {**self.constants, **parameters} if self.constants else parameters
        return given if self.names is None else [given[name] for name in self.names]


_PREPARED: Final[dict[tuple[str, Executable], _Prepared]] = {}


class QuickConnection(Connection):
    """A connection that gives `quick` statements to the driver; whatever listens to executions hears all of them."""

    def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        """Execute a statement; as SQLAlchemy's, but for the conversion of columns where it is `quick`."""
        if _OPTION not in statement.get_execution_options() or self.dispatch.before_cursor_execute:
            return super().execute(statement, parameters, execution_options=execution_options)
        prepared = _PREPARED.get((self.dialect.name, statement))
        if prepared is None:
            prepared = _PREPARED[self.dialect.name, statement] = _prepared(statement, self.dialect)
        return self._driven(prepared, parameters or {})

    def _driven(self, prepared: _Prepared, parameters: Mapping[str, Any]) -> QuickResult:
        connection = self.connection
        driver: Driver = connection.info.get(DRIVER) or _Cursors(connection)
        try:
            columns, rows, rowcount = driver.execute(prepared.sql, prepared.arguments(parameters))
        except self.dialect.loaded_dbapi.Error as error:
            raise self._told(error, prepared.sql, connection) from error
        if prepared.columns is None:
            prepared.columns = SimpleResultMetaData(columns)
        return QuickResult(prepared.columns, rows, rowcount)

    def _told(self, error: Any, sql: str, connection: Any) -> BaseException:
        """Give the driver's error as SQLAlchemy gives it; a connection that is cut is not the pool's any more."""
        is_cut = self.dialect.is_disconnect(error, connection, None)
        if is_cut and not self.invalidated:
            self.invalidate(error)
        told: BaseException = DBAPIError.instance(
            sql,
            None,
            error,
            self.dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=is_cut,
            dialect=self.dialect,
        )
        return told


def _prepared(statement: Executable, dialect: Dialect) -> _Prepared:
    compiled = statement.compile(dialect=dialect) if isinstance(statement, ClauseElement) else None
    if not isinstance(compiled, SQLCompiler) or compiled.post_compile_params:
        raise TypeError(f"not the same at every execution: {compiled}")
    names = tuple(compiled.positiontup) if compiled.positiontup is not None else None
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return _Prepared(compiled.string, names, constants)
