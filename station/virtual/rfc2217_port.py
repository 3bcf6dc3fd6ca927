"""An adapter that is reached over TCP by RFC 2217: one client at a time, on 127.0.0.1. One thread serves it."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import Final

from station.virtual.faults import Faults
from station.virtual.reset_circuit import ResetCircuit
from station.virtual.telnet import TelnetServer
from station.virtual.wire import CONSOLE_BAUD, Wire

HOST: Final = "127.0.0.1"
RECEIVE_BYTES: Final = 0x10000
UNSENT_MAX_BYTES: Final = 0x100000


class _Client:
    """One connection and its Telnet state."""

    def __init__(self, connection: socket.socket, telnet: TelnetServer) -> None:
        self.connection = connection
        self.telnet = telnet
        self.unsent = b""
        self.received_bytes = 0


class Rfc2217Port:
    """The TCP port of one adapter. `port` 0 takes a free one; OSError when the port is taken."""

    def __init__(
        self,
        wire: Wire,
        circuit: ResetCircuit,
        *,
        port: int = 0,
        faults: Faults | None = None,
    ) -> None:
        self._wire = wire
        self._circuit = circuit
        self._faults = faults or Faults()
        self._listener = socket.create_server((HOST, port), backlog=8)
        self._listener.setblocking(False)
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self._client: _Client | None = None
        self._stopping = False
        self.port: int = self._listener.getsockname()[1]
        wire.wake_host = self.wake
        self._thread = threading.Thread(target=self._serve, name=f"rfc2217 {self.port}", daemon=True)

    # What a Telnet client controls (telnet.PortControl).

    @property
    def baud(self) -> int:
        return self._wire.host_baud

    @baud.setter
    def baud(self, baud: int) -> None:
        self._wire.host_baud = baud

    @property
    def dtr(self) -> bool:
        return self._circuit.dtr

    @dtr.setter
    def dtr(self, is_on: bool) -> None:
        self._circuit.set_lines(dtr=is_on)

    @property
    def rts(self) -> bool:
        return self._circuit.rts

    @rts.setter
    def rts(self, is_on: bool) -> None:
        self._circuit.set_lines(rts=is_on)

    def purge(self, *, received: bool, unsent: bool) -> None:
        """Empty the adapter's buffers; what was received has been handed on already."""
        del received
        if unsent:
            self._wire.drop_unread()

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and its client."""
        self._stopping = True
        self.wake()
        self._thread.join()

    def wake(self) -> None:
        """Let the serving thread look at the wire."""
        # A full bell has been rung already; a closed one belongs to a port that has ended.
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    @property
    def has_client(self) -> bool:
        """Say whether somebody is connected."""
        return self._client is not None

    def _serve(self) -> None:
        try:
            while not self._stopping:
                wait_s = self._send_due()
                client = self._client
                readers = [self._listener, self._ear] + ([client.connection] if client else [])
                writers = [client.connection] if client and client.unsent else []
                readable, _, _ = select.select(readers, writers, [], wait_s)
                self._circuit.tick()
                if self._ear in readable:
                    self._ear.recv(RECEIVE_BYTES)
                # First the client that is there: it may have just left when the next one knocks.
                if client and client.connection in readable:
                    self._receive(client)
                if self._listener in readable:
                    self._accept()
        finally:
            self._hang_up()
            for end in (self._listener, self._bell, self._ear):
                end.close()

    def _send_due(self) -> float | None:
        """Hand on what has arrived from the chip; give the seconds until there is more to do."""
        waits = [self._circuit.wait_s()]
        data = self._wire.next_for_host()
        while isinstance(data, bytes):
            self._send(TelnetServer.escape(data))
            data = self._wire.next_for_host()
        waits.append(data)
        self._send(b"")
        return min((wait for wait in waits if wait is not None), default=None)

    def _send(self, data: bytes) -> None:
        client = self._client
        if client is None:
            return
        if len(client.unsent) + len(data) <= UNSENT_MAX_BYTES:
            client.unsent += data
        if not client.unsent:
            return
        try:
            sent = client.connection.send(client.unsent)
        except BlockingIOError:
            return
        except OSError:
            self._hang_up()
            return
        client.unsent = client.unsent[sent:]

    def _accept(self) -> None:
        try:
            connection, _address = self._listener.accept()
        except OSError:
            return
        if self._client is not None:
            connection.close()
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._wire.host_baud = CONSOLE_BAUD
        self._client = _Client(connection, TelnetServer(self))
        self._send(self._client.telnet.take_replies())

    def _receive(self, client: _Client) -> None:
        """Take everything that the client has sent, up to its end."""
        while self._client is client:
            try:
                data = client.connection.recv(RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._hang_up()
                return
            serial = client.telnet.feed(data)
            if serial:
                self._wire.host_sends(serial)
            self._send(client.telnet.take_replies())
            client.received_bytes += len(serial)
            limit = self._faults.hang_up_after_bytes
            if limit is not None and client.received_bytes >= limit:
                self._hang_up()

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        with contextlib.suppress(OSError):
            client.connection.shutdown(socket.SHUT_RDWR)
        client.connection.close()
        # A driver lets both lines go when a program closes the port.
        self._circuit.set_lines(dtr=False, rts=False)
