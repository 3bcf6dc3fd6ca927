"""A label printer on a real TCP port: takes ZPL, tells its state as told to, and may hang."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Final, Self

READY: Final = (
    b"\x02030,0,0,0500,000,0,0,0,000,0,0,0\x03\r\n\x02001,0,0,0,1,2,6,0,00000000,1,000\x03\r\n\x021234,0\x03\r\n"
)
NO_PAPER: Final = READY.replace(b"030,0,0,", b"030,1,0,")
PAUSED: Final = READY.replace(b"030,0,0,", b"030,0,1,")
OPEN: Final = READY.replace(b"001,0,0,0,", b"001,0,1,0,")
WAIT_S: Final = 10.0


class TcpPrinterDouble:
    """`status` is what it answers to ~HS (b"": nothing); with `hangs` it takes connections and reads nothing."""

    def __init__(self, status: bytes = READY, *, hangs: bool = False) -> None:
        self.status = status
        self.hangs = hangs
        self.labels: list[str] = []
        self.connections = 0
        self._changed = threading.Condition()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._socket.getsockname()[1]}"
        self._closing = False
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._closing = True
        socket.create_connection(self._socket.getsockname()).close()  # close alone does not wake a blocked accept
        self._thread.join(WAIT_S)
        self._socket.close()
        for line in self._held:
            line.close()

    def wait(self, count: int) -> list[str]:
        """Give the labels once there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.labels) >= count, WAIT_S), self.labels
            return list(self.labels)

    def _serve(self) -> None:
        while True:
            line, _ = self._socket.accept()
            self.connections += 1
            if self._closing:
                line.close()
                return
            if self.hangs:
                self._held.append(line)
            else:
                with line:
                    self._take(line)

    def _take(self, line: socket.socket) -> None:
        taken = b""
        while part := line.recv(4096):
            taken += part
            if taken.startswith(b"~HS"):
                taken = taken[3:]
                line.sendall(self.status)
        with self._changed:
            self.labels += [f"{label}^XZ" for label in taken.decode().split("^XZ")[:-1]]
            self._changed.notify_all()
