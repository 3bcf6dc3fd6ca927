"""A stack light's controller behind a TCP port (`socket://`): keeps the bytes that it got."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

WAIT_S: Final = 10.0


class LightDouble:
    """`port` 0: any free one. It serves one connection after the other."""

    def __init__(self, port: int = 0) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self.url = f"socket://127.0.0.1:{self.port}"
        self.taken = b""
        self._changed = threading.Condition()
        self._line: socket.socket | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._closing = True
        # Neither a blocked accept nor a blocked recv is woken by close alone.
        with suppress(OSError):
            if self._line is not None:
                self._line.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            socket.create_connection(self._socket.getsockname()).close()
        self._thread.join(WAIT_S)
        self._socket.close()

    def wait(self, expected: bytes) -> None:
        """Wait until exactly these bytes have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.taken) >= len(expected), WAIT_S), self.taken
            assert self.taken == expected

    def wait_for_last(self, expected: bytes) -> None:
        """Wait until what came ends so, and is more than that."""
        with self._changed:
            ended = self._changed.wait_for(
                lambda: len(self.taken) > len(expected) and self.taken.endswith(expected), WAIT_S
            )
            assert ended, self.taken

    def _serve(self) -> None:
        while not self._closing:
            self._line, _ = self._socket.accept()
            with self._line, suppress(OSError):
                while part := self._line.recv(64):
                    with self._changed:
                        self.taken += part
                        self._changed.notify_all()
