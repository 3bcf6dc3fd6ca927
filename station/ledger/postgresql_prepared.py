"""`quick` statements on a PostgreSQL connection: prepared once, then executed by libpq itself, where psycopg keeps its own.

psycopg's cursors make each execution ready anew, half of what a take costs a station. Values are converted and errors told by
psycopg all the same. No other question is asked of libpq here: its `describe_prepared` holds every thread of the process until the
server answers. Sources: psycopg.org/psycopg3/docs/api/pq.html, /api/adapt.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from station.ledger.quick import Answer

_MARK: Final = re.compile(r"%\((\w+)\)s|%%")
_GOOD: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY)


@dataclass(frozen=True, slots=True)
class _Prepared:
    name: bytes
    parameters: tuple[str, ...]
    formats: tuple[PyFormat, ...]


class PreparedStatements:
    """Those of one connection, which one thread uses at a time."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._server = connection.pgconn
        self._converting = Transformer.from_context(connection)
        self._prepared: dict[str, _Prepared] = {}
        self._columns: dict[bytes, tuple[str, ...]] = {}

    def execute(self, sql: str, arguments: Mapping[str, Any]) -> Answer:
        """Execute a statement with marks like `%(name)s`; psycopg.Error."""
        prepared = self._prepared.get(sql) or self._prepare(sql)
        values = [arguments[name] for name in prepared.parameters]
        given = self._converting.dump_sequence(values, prepared.formats)
        result = self._checked(self._server.exec_prepared(prepared.name, given))  # type: ignore[arg-type]  # None is NULL, as libpq has it
        if result.status != ExecStatus.TUPLES_OK:
            return (), (), result.command_tuples or 0
        self._converting.set_pgresult(result)
        columns = self._columns.get(prepared.name)
        if columns is None:
            columns = tuple((result.fname(number) or b"").decode() for number in range(result.nfields))
            self._columns[prepared.name] = columns
        return columns, self._converting.load_rows(0, result.ntuples, tuple), result.ntuples

    def tell(self, command: bytes) -> None:
        """Execute what has neither parameters nor rows, or nothing, as a sign of life; psycopg.Error."""
        self._checked(self._server.exec_(command))

    def _prepare(self, sql: str) -> _Prepared:
        numbers: dict[str, int] = {}

        def numbered(mark: re.Match[str]) -> str:
            name = mark[1]
            return "%" if name is None else f"${numbers.setdefault(name, len(numbers) + 1)}"

        text = _MARK.sub(numbered, sql)
        name = f"station_{len(self._prepared)}".encode()
        self._checked(self._server.prepare(name, text.encode()))
        self._prepared[sql] = _Prepared(name, tuple(numbers), (PyFormat.TEXT,) * len(numbers))
        return self._prepared[sql]

    def _checked(self, result: PGresult) -> PGresult:
        if result.status in _GOOD:
            return result
        if (
            result.error_field(DiagnosticField.SQLSTATE) is None
        ):  # libpq itself failed, its connection is of no use any more
            told = self._server.get_error_message()
            self._server.finish()
            raise psycopg.OperationalError(told)
        raise error_from_result(result)
