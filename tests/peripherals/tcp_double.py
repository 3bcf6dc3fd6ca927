"""Something that listens on a real TCP port in a thread of its own, one connection after the other."""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Final, Self

WAIT_S: Final = 10.0


class TcpDouble(ABC):
    """`port` 0: any free one. What it was sent is noted under `changed`; what shall stay open until its end stands in `ends`."""

    def __init__(self, port: int = 0) -> None:
        self.changed = threading.Condition()
        self.ends = ExitStack()
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._line: socket.socket | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @abstractmethod
    def take(self, line: socket.socket) -> None:
        """Serve one connection to its end."""

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
        self.ends.close()

    def _serve(self) -> None:
        while not self._closing:
            self._line, _ = self._socket.accept()
            with self._line, suppress(OSError):
                if not self._closing:
                    self.take(self._line)
