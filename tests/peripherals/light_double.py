"""A stack light's controller behind a TCP port (`socket://`): keeps the bytes that it got."""

from __future__ import annotations

import socket

from tests.peripherals.tcp_double import WAIT_S, TcpDouble


class LightDouble(TcpDouble):
    """`taken` are the bytes of all connections."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.url = f"socket://127.0.0.1:{self.port}"
        self.taken = b""

    def wait(self, expected: bytes) -> None:
        """Wait until exactly these bytes have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.taken) >= len(expected), WAIT_S), self.taken
            assert self.taken == expected

    def wait_for_last(self, expected: bytes) -> None:
        """Wait until what came ends so, and is more than that."""
        with self.changed:
            ended = self.changed.wait_for(
                lambda: len(self.taken) > len(expected) and self.taken.endswith(expected), WAIT_S
            )
            assert ended, self.taken

    def take(self, line: socket.socket) -> None:
        while part := line.recv(64):
            with self.changed:
                self.taken += part
                self.changed.notify_all()
