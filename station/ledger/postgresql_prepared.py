"""`quick` statements on a PostgreSQL connection: prepared once, then executed by libpq itself, where psycopg keeps its own.

psycopg's cursors make each execution ready anew, half of what a take costs a station. Values are converted and errors told by
psycopg all the same. No other question is asked of libpq here: its `describe_prepared` holds every thread of the process until the
server answers. Sources: psycopg.org/psycopg3/docs/api/pq.html, /api/adapt.html.
"""

from __future__ import annotations

import re
import select
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from station.ledger.quick import Answer, Hear

_MARK: Final = re.compile(r"%\((\w+)\)s|%%")
_GOOD: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY)
ALIVE_S: Final = 1.0
"""How long a connection that has answered is taken for alive, unless its other end says otherwise."""
_RESULT_AND_ITS_END: Final = range(2)


@dataclass(frozen=True, slots=True)
class _Prepared:
    name: bytes
    parameters: tuple[str, ...]
    formats: tuple[PyFormat, ...]


class _Asked(NamedTuple):
    prepared: _Prepared
    values: Sequence[Any]
    hear: Hear | None = None


class PreparedStatements:
    """Those of one connection, which one thread uses at a time. What waits goes to the server with the next: one flight for all."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._server = connection.pgconn
        self._converting = Transformer.from_context(connection)
        self._prepared: dict[str, _Prepared] = {}
        self._columns: dict[bytes, tuple[str, ...]] = {}
        self._unread = _unread(self._server.socket)
        self._waiting: list[_Asked] = []
        self._begins = 0
        self._interrupt: KeyboardInterrupt | None = None
        self._answered_at = time.monotonic()

    def begin(self, *commands: str) -> None:
        """Let a transaction begin with the next statement; psycopg.OperationalError where the connection lives no more.

        One that was quiet for a while is asked at once, without any `commands` too.
        """
        is_quiet = time.monotonic() - self._answered_at > ALIVE_S or bool(self._unread(0))
        self._waiting = [self._asked(command, {}) for command in commands or ("",) * is_quiet]
        self._begins = len(self._waiting)
        if is_quiet:
            self._fly()

    def execute(self, sql: str, arguments: Mapping[str, Any]) -> Answer:
        """Execute a statement with marks like `%(name)s`, after all that waits; psycopg.Error."""
        self._waiting.append(self._asked(sql, arguments))
        return self._fly()

    def execute_later(self, sql: str, arguments: Mapping[str, Any], hear: Hear | None) -> None:
        """Let a statement wait for the next one; psycopg.Error."""
        self._waiting.append(self._asked(sql, arguments, hear))

    def commit_with_next(self) -> None:
        """Let the next statement come after the transaction's commit."""
        self._waiting.append(self._asked("COMMIT", {}))

    def settle(self) -> None:
        """Execute what waits, but for the begin of a transaction in which nothing was done."""
        if len(self._waiting) > self._begins:
            self._fly()

    def settled(self, make_cursor: Callable[..., Any]) -> Callable[..., Any]:
        """Give a maker of psycopg's cursors that lets what waits come before all that they execute."""

        def make(*arguments: Any, **options: Any) -> Any:
            if self._waiting:
                self._fly()
            return make_cursor(*arguments, **options)

        return make

    def _asked(self, sql: str, arguments: Mapping[str, Any], hear: Hear | None = None) -> _Asked:
        prepared = self._prepared.get(sql) or self._prepare(sql)
        values = [arguments[name] for name in prepared.parameters]
        return _Asked(prepared, self._converting.dump_sequence(values, prepared.formats), hear)

    def _fly(self) -> Answer:
        """Execute all that waits in one flight, and give the last answer. What one of them refuses, the later ones do not do."""
        asked, self._waiting, self._begins = self._waiting, [], 0
        results = self._together(asked) if len(asked) > 1 else [self._alone(asked[0])]
        answers = [self._answer(one.prepared, result) for one, result in zip(asked, results, strict=True)]
        for one, answer in zip(asked, answers, strict=True):
            if one.hear is not None:
                one.hear(answer)
        return answers[-1]

    def _alone(self, asked: _Asked) -> PGresult:
        result = self._server.exec_prepared(asked.prepared.name, asked.values)
        self._answered_at = time.monotonic()
        return result

    def _together(self, asked: Sequence[_Asked]) -> list[PGresult]:
        server = self._server
        try:
            server.enter_pipeline_mode()
            for one in asked:
                server.send_query_prepared(one.prepared.name, one.values)
            server.pipeline_sync()
            results = [self._next_result() for _ in asked for _ in _RESULT_AND_ITS_END][::2]
            self._next_result()
            server.exit_pipeline_mode()
        except psycopg.OperationalError:  # libpq itself failed, its connection is of no use any more
            server.finish()
            raise
        self._answered_at = time.monotonic()
        interrupt, self._interrupt = self._interrupt, None
        if interrupt is not None:
            raise interrupt
        return [result for result in results if result is not None]

    def _next_result(self) -> PGresult | None:
        """Wait for a result where other threads may go on: libpq alone would let none. Ctrl+C comes when the flight is over."""
        while self._server.is_busy():
            try:
                self._unread(None)
            except KeyboardInterrupt as interrupt:
                self._interrupt = interrupt
            else:
                self._server.consume_input()
        return self._server.get_result()

    def _answer(self, prepared: _Prepared, result: PGresult) -> Answer:
        if result.status != ExecStatus.TUPLES_OK:
            return (), (), self._checked(result).command_tuples or 0
        self._converting.set_pgresult(result)
        columns = self._columns.get(prepared.name)
        if columns is None:
            columns = tuple((result.fname(number) or b"").decode() for number in range(result.nfields))
            self._columns[prepared.name] = columns
        return columns, self._converting.load_rows(0, result.ntuples, tuple), result.ntuples

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


def _unread(socket: int) -> Callable[[int | None], object]:
    """Give what waits so many milliseconds, or without end, until something can be read; false when nothing can."""
    if sys.platform == "win32":
        return lambda wait_ms: select.select([socket], [], [], None if wait_ms is None else wait_ms / 1000)[0]
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return poll.poll
