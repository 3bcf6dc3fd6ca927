"""A label printer on a real TCP port: takes ZPL, tells its state as told to, and may hang."""

from __future__ import annotations

import socket
from typing import Final

from tests.peripherals.tcp_double import WAIT_S, TcpDouble

READY: Final = (
    b"\x02030,0,0,0500,000,0,0,0,000,0,0,0\x03\r\n\x02001,0,0,0,1,2,6,0,00000000,1,000\x03\r\n\x021234,0\x03\r\n"
)
NO_PAPER: Final = READY.replace(b"030,0,0,", b"030,1,0,")
PAUSED: Final = READY.replace(b"030,0,0,", b"030,0,1,")
OPEN: Final = READY.replace(b"001,0,0,0,", b"001,0,1,0,")


class TcpPrinterDouble(TcpDouble):
    """`status` is what it answers to ~HS (b"": nothing); with `hangs` it takes connections and reads nothing."""

    def __init__(self, status: bytes = READY, *, hangs: bool = False) -> None:
        super().__init__()
        self.status = status
        self.hangs = hangs
        self.labels: list[str] = []
        self.connections = 0
        self.address = f"tcp://127.0.0.1:{self.port}"

    def wait(self, count: int) -> list[str]:
        """Give the labels once there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.labels) >= count, WAIT_S), self.labels
            return list(self.labels)

    def take(self, line: socket.socket) -> None:
        self.connections += 1
        if self.hangs:
            self.ends.enter_context(line.dup())
            return
        taken = b""
        while part := line.recv(4096):
            taken += part
            if taken.startswith(b"~HS"):
                taken = taken[3:]
                line.sendall(self.status)
        with self.changed:
            self.labels += [f"{label}^XZ" for label in taken.decode().split("^XZ")[:-1]]
            self.changed.notify_all()
