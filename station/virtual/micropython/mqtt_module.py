"""A stand-in for `umqtt.simple`: MQTT 3.1.1 with its names and behaviour, over the host's loopback.

Protocol from the OASIS MQTT 3.1.1 standard; names, arguments and errors from micropython-lib's umqtt.simple.
"""

from __future__ import annotations

import socket
import ssl as tls
import struct
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from station.virtual.micropython.core_modules import make_module
from station.virtual.micropython.training_cloud import TrainingCloudSocket, is_on_the_bench

_CONNECT_TIMEOUT_S: Final = 10.0
_CONNECT, _PUBLISH, _PUBACK, _SUBSCRIBE, _PING, _DISCONNECT = 0x10, 0x30, 0x40, 0x82, 0xC0, 0xE0
_SUBACK_OPCODE: Final = 0x90
_PING_ANSWER_OPCODE: Final = 0xD0
_SUBSCRIBE_REFUSED: Final = 0x80


class MQTTException(Exception):
    """The server refused; the argument is its return code."""


class MQTTClient:
    """One connection. Text and topics may be str or bytes; `cb` is called with (topic, message) as bytes."""

    def __init__(
        self,
        client_id: str | bytes,
        server: str,
        port: int = 0,
        user: str | bytes | None = None,
        password: str | bytes | None = None,
        keepalive: int = 0,
        ssl: Any = None,
        ssl_params: dict[str, Any] | None = None,
    ) -> None:
        self.client_id, self.server, self.port = client_id, server, port or (8883 if ssl else 1883)
        self.user, self.pswd, self.keepalive = user, password, keepalive
        self.ssl, self.ssl_params = ssl, ssl_params or {}
        self.cb: Callable[[bytes, bytes], None] | None = None
        self.sock: Any = None
        self.pid = 0
        self._will: tuple[str | bytes, str | bytes, bool, int] | None = None

    def set_callback(self, f: Callable[[bytes, bytes], None]) -> None:
        self.cb = f

    def set_last_will(self, topic: str | bytes, msg: str | bytes, retain: bool = False, qos: int = 0) -> None:
        self._will = (topic, msg, retain, qos)

    def connect(self, clean_session: bool = True) -> bool:
        """Connect and give whether the server kept a session; raises MQTTException with the return code."""
        self.sock = self._reach()
        flags = 0x02 if clean_session else 0
        tail = _text(self.client_id)
        if self._will is not None:
            topic, message, retain, qos = self._will
            flags |= 0x04 | qos << 3 | retain << 5
            tail += _text(topic) + _text(message)
        if self.user is not None:
            flags |= 0xC0
            tail += _text(self.user) + _text(self.pswd or b"")
        self._send(_CONNECT, b"\x00\x04MQTT\x04" + struct.pack(">BH", flags, self.keepalive) + tail)
        answer = self._exactly(4)
        if answer[3] != 0:
            raise MQTTException(answer[3])
        return bool(answer[2] & 1)

    def disconnect(self) -> None:
        self._send(_DISCONNECT, b"")
        if self.sock is not None:
            self.sock.close()

    def ping(self) -> None:
        self._send(_PING, b"")

    def publish(self, topic: str | bytes, msg: str | bytes, retain: bool = False, qos: int = 0) -> None:
        """Publish; with QoS 1 wait for the acknowledgement."""
        body = _text(topic)
        if qos:
            body += struct.pack(">H", self._next_id())
        self._send(_PUBLISH | qos << 1 | retain, body + _bytes(msg))
        while qos:
            if self.wait_msg() == _PUBACK and self._acknowledged == self.pid:
                return

    def subscribe(self, topic: str | bytes, qos: int = 0) -> None:
        """Subscribe and wait for the acknowledgement; raises MQTTException when it is refused."""
        self._send(_SUBSCRIBE, struct.pack(">H", self._next_id()) + _text(topic) + bytes([qos]))
        while self.wait_msg() != _SUBACK_OPCODE:
            pass
        if self._granted == _SUBSCRIBE_REFUSED:
            raise MQTTException(self._granted)

    def wait_msg(self) -> int | None:
        """Wait for one packet and handle it; gives its opcode, None after a message or an answer to a ping."""
        return self._handle(self._socket().recv(1))

    def check_msg(self) -> int | None:
        """Handle one packet when one is waiting."""
        sock = self._socket()
        sock.setblocking(False)
        try:
            first = sock.recv(1)
        except (BlockingIOError, tls.SSLWantReadError):
            return None
        finally:
            sock.setblocking(True)
        return self._handle(first)

    _acknowledged = 0
    _granted = 0

    def _reach(self) -> Any:
        if not is_on_the_bench(self.server):
            return TrainingCloudSocket()
        sock = socket.create_connection((self.server, self.port), _CONNECT_TIMEOUT_S)
        sock.settimeout(None)
        if self.ssl:
            # A context since umqtt.simple 1.4; before it, any true value and the settings in `ssl_params`.
            context = self.ssl if hasattr(self.ssl, "wrap_socket") else _unchecked_tls()
            return context.wrap_socket(sock, server_hostname=self.ssl_params.get("server_hostname", self.server))
        return sock

    def _handle(self, first: bytes) -> int | None:
        if first == b"":
            raise OSError(-1)
        opcode, body = first[0], self._exactly(self._remaining_length())
        if opcode == _PING_ANSWER_OPCODE:
            return None
        if opcode == _PUBACK:
            self._acknowledged = int.from_bytes(body[:2], "big")
        elif opcode == _SUBACK_OPCODE:
            self._granted = body[2]
        elif opcode & 0xF0 == _PUBLISH:
            self._deliver(opcode, body)
            return None
        return opcode

    def _deliver(self, opcode: int, body: bytes) -> None:
        size = int.from_bytes(body[:2], "big")
        topic, rest = body[2 : 2 + size], body[2 + size :]
        if opcode & 0x06:
            packet_id, rest = rest[:2], rest[2:]
        if self.cb is not None:
            self.cb(topic, rest)
        if opcode & 0x06:
            self._send(_PUBACK, packet_id)

    def _next_id(self) -> int:
        self.pid = self.pid % 0xFFFF + 1
        return self.pid

    def _socket(self) -> Any:
        if self.sock is None:
            raise OSError(-1)
        return self.sock

    def _send(self, opcode: int, body: bytes) -> None:
        length, size = bytearray(), len(body)
        while True:
            length.append(size & 0x7F | (0x80 if size > 0x7F else 0))
            size >>= 7
            if not size:
                break
        self._socket().sendall(bytes([opcode]) + bytes(length) + body)

    def _remaining_length(self) -> int:
        size, shift = 0, 0
        while True:
            byte = self._exactly(1)[0]
            size |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return size
            shift += 7

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._socket().recv(size - len(data))
            if not part:
                raise OSError(-1)
            data += part
        return data


def mqtt_modules() -> dict[str, ModuleType]:
    """Make the stand-ins by name."""
    simple = make_module("umqtt.simple", MQTTClient=MQTTClient, MQTTException=MQTTException)
    return {"umqtt": make_module("umqtt", simple=simple, __path__=[]), "umqtt.simple": simple}


def _unchecked_tls() -> tls.SSLContext:
    # `ssl=True` on MicroPython encrypts without checking the server's certificate.
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = tls.CERT_NONE
    return context


def _text(text: str | bytes) -> bytes:
    data = _bytes(text)
    return struct.pack(">H", len(data)) + data


def _bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else bytes(text)
