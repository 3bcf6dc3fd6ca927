"""Statements of a unit's way through the ledger: composed by SQLAlchemy once, then given to the database's driver itself.

SQLAlchemy makes each execution ready anew, which costs more of the processor than most of these statements do: with sixteen
lanes, that is what a take waits for. Rows, errors and transactions are SQLAlchemy's own all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self, TypeAlias, TypeVar

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


Hear: TypeAlias = Callable[[Answer], None]
"""Hears the answer to a statement that waited; whatever it raises is raised to who has it executed."""


class Driver(Protocol):
    """Executes statements on one connection."""

    def execute(self, sql: str, arguments: Any) -> Answer:
        """Give what the database says, after all that waits; the library's errors."""

    def execute_later(self, sql: str, arguments: Any, hear: Hear | None) -> None:
        """Let a statement wait for the next one, so that a server is asked once for both; or execute it now."""

    def commit_with_next(self) -> None:
        """Let the next statement come after the transaction's commit, where a server is asked once for both; or do nothing.

        What waits with a `hear` is executed before, so that whoever hears can still refuse the commit.
        """

    def settle(self) -> None:
        """Execute what waits."""


class _Cursors:
    """The driver of a dialect that has no other: the library's own cursors, for which nothing has to wait."""

    def __init__(self, connection: PoolProxiedConnection) -> None:
        self._connection = connection

    def execute_later(self, sql: str, arguments: Any, hear: Hear | None) -> None:
        answer = self.execute(sql, arguments)
        if hear is not None:
            hear(answer)

    def commit_with_next(self) -> None:
        pass

    def settle(self) -> None:
        pass

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

    def result(self, answer: Answer) -> QuickResult:
        """Give what the driver said as SQLAlchemy gives it."""
        columns, rows, rowcount = answer
        if self.columns is None:
            self.columns = SimpleResultMetaData(columns)
        return QuickResult(self.columns, rows, rowcount)


_PREPARED: Final[dict[tuple[str, Executable], _Prepared]] = {}


class QuickConnection(Connection):
    """A connection that gives `quick` statements to the driver; whatever listens to executions hears all of them."""

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        """Execute a statement; as SQLAlchemy's, but for the conversion of columns where it is `quick`."""
        prepared = self._prepared(statement)
        if prepared is None:
            return super().execute(statement, parameters, execution_options=execution_options)
        with self._telling(prepared.sql):
            answer = self._driver().execute(prepared.sql, prepared.arguments(parameters or {}))
        return prepared.result(answer)

    def execute_later(
        self, statement: Executable, parameters: Mapping[str, Any], hear: Callable[[Any], None] | None = None
    ) -> None:
        """Execute a `quick` statement with the next one, in this order; `hear` gets its result then. Its errors come then too."""
        prepared = self._prepared(statement)
        if prepared is None:
            result = super().execute(statement, parameters)
            if hear is not None:
                hear(result)
            return
        heard = None if hear is None else lambda answer: hear(prepared.result(answer))
        with self._telling(prepared.sql):
            self._driver().execute_later(prepared.sql, prepared.arguments(parameters), heard)

    def commit_with_next(self) -> None:
        """Let the next statement come after this transaction's commit, if a server can be asked for both at once."""
        with self._telling(""):
            self._driver().commit_with_next()

    def settle(self) -> None:
        """Execute what waits."""
        with self._telling(""):
            self._driver().settle()

    def _prepared(self, statement: Executable) -> _Prepared | None:
        """Give a `quick` statement as its driver takes it; None for any other, or where somebody listens."""
        if self.dispatch.before_cursor_execute:
            return None
        prepared = _PREPARED.get((self.dialect.name, statement))
        if prepared is None and _OPTION in statement.get_execution_options():
            prepared = _PREPARED[self.dialect.name, statement] = _prepared(statement, self.dialect)
        return prepared

    def _driver(self) -> Driver:
        connection = self.connection
        return connection.info.get(DRIVER) or _Cursors(connection)

    @contextmanager
    def _telling(self, sql: str) -> Iterator[None]:
        """Give the driver's errors as SQLAlchemy does; an interrupted connection is not the pool's any more."""
        try:
            yield
        except self.dialect.loaded_dbapi.Error as error:
            raise self._told(error, sql) from error
        except BaseException as error:
            if not isinstance(error, Exception) and not self.invalidated:
                self.invalidate(error)
            raise

    def _told(self, error: Any, sql: str) -> BaseException:
        """Give the driver's error as SQLAlchemy gives it; a connection that is cut is not the pool's any more."""
        is_cut = self.dialect.is_disconnect(error, self.connection, None)
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
