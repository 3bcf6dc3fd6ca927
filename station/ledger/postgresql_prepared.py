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
        self._wire = _Wire(self._server.socket)
        self._waiting: list[_Asked] = []
        self._begins = 0
        self._answered_at = time.monotonic()

    def begin(self, *commands: str) -> None:
        """Let a transaction begin with the next statement; psycopg.OperationalError where the connection lives no more.

        One that was quiet for a while is asked at once, without any `commands` too.
        """
        is_quiet = time.monotonic() - self._answered_at > ALIVE_S or self._wire.is_unread()
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
        """Let the next statement come after the transaction's commit, and that after all that is to be heard; psycopg.Error."""
        if any(one.hear is not None for one in self._waiting):
            self._fly()
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
            self._send_all()
            results = [self._next_result() for _ in asked for _ in _RESULT_AND_ITS_END][::2]
            self._next_result()
            server.exit_pipeline_mode()
        except BaseException:  # half a flight is still on its way, nothing can be asked on this connection any more
            server.finish()
            raise
        self._answered_at = time.monotonic()
        return [result for result in results if result is not None]

    def _send_all(self) -> None:
        """Send what the socket did not take at once, and read meanwhile: a server that is not read from may read no more."""
        while self._server.flush():
            if self._wire.wait(to_send=True):
                self._server.consume_input()

    def _next_result(self) -> PGresult | None:
        """Wait for a result where other threads may go on: libpq alone would let none."""
        while self._server.is_busy():
            self._wire.wait()
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


class _Wire:
    """Waits for a socket, while other threads go on."""

    def __init__(self, socket: int) -> None:
        self._socket = socket
        if sys.platform != "win32":
            self._reading = select.poll()
            self._reading.register(socket, select.POLLIN)
            self._sending = select.poll()
            self._sending.register(socket, select.POLLIN | select.POLLOUT)

    def is_unread(self) -> bool:
        """Say at once whether something can be read."""
        if sys.platform == "win32":
            return bool(select.select([self._socket], [], [], 0)[0])
        return bool(self._reading.poll(0))

    def wait(self, *, to_send: bool = False) -> bool:
        """Wait until something can be read, or sent too; give whether something can be read, be it the connection's end."""
        if sys.platform == "win32":
            return bool(select.select([self._socket], [self._socket] if to_send else [], [])[0])
        ready = (self._sending if to_send else self._reading).poll()
        return any(of != select.POLLOUT for _, of in ready)
