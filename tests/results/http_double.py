"""Another system on a real HTTP port: answers as told, hangs, cuts the line, is switched off and on again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

HANG: Final = -1
CUT: Final = -2
WAIT_S: Final = 60.0


@dataclass(frozen=True)
class Taken:
    """One request that came in."""

    key: str
    body: bytes
    headers: dict[str, str]


class OtherSystem:
    """`answers` are given in turn, then `usual`; a request that hangs is let go by `release`."""

    def __init__(self, *answers: int, usual: int = 200) -> None:
        self.answers = list(answers)
        self.usual = usual
        self.words = "said"
        self.taken: list[Taken] = []
        self._changed = threading.Condition()
        self._released = threading.Event()
        self._port = 0
        self.switch_on()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.release()
        self.switch_off()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/results"

    @property
    def keys(self) -> list[str]:
        return [one.key for one in self.taken]

    def switch_on(self) -> None:
        """Listen, on the same port as before."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def switch_off(self) -> None:
        self._server.shutdown()
        self._thread.join(WAIT_S)
        self._server.server_close()

    def release(self) -> None:
        """Let go of what hangs."""
        self._released.set()

    def wait(self, count: int) -> None:
        """Return once so many requests came in."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.taken) >= count, WAIT_S), self.taken

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        system = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken = Taken(self.headers["Idempotency-Key"].strip('"'), body, dict(self.headers.items()))
                with system._changed:
                    answer = system.answers.pop(0) if system.answers else system.usual
                    system.taken.append(taken)
                    system._changed.notify_all()
                if answer == HANG:
                    system._released.wait(WAIT_S)
                elif answer != CUT:
                    self.answer(answer)

            def do_OPTIONS(self) -> None:
                self.answer(405)

            def answer(self, status: int) -> None:
                words = system.words.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(words)))
                self.end_headers()
                self.wfile.write(words)

            def log_message(self, *_arguments: Any) -> None:
                """Stay quiet."""

        return Handler
