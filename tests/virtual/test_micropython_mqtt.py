"""The stand-in for umqtt.simple against a server that reads the bytes of MQTT 3.1.1."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from station.virtual.micropython.mqtt_module import MQTTClient, MQTTException

WAIT_S = 10.0


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection in a thread; gives the port. What `serve` raises is raised at the end."""
    faults: list[BaseException] = []

    def run() -> None:
        try:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(WAIT_S)
                serve(connection)
        except (AssertionError, OSError) as fault:
            faults.append(fault)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WAIT_S)
        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(WAIT_S)
    assert not faults, faults


def packet(connection: socket.socket) -> bytes:
    """Read one short packet."""
    head = connection.recv(2, socket.MSG_WAITALL)
    return head + (connection.recv(head[1], socket.MSG_WAITALL) if head[1] else b"")


def test_connect_sends_name_password_and_will() -> None:
    def serve(connection: socket.socket) -> None:
        sent = packet(connection)
        assert sent[0] == 0x10
        assert sent[2:10] == b"\x00\x04MQTT\x04\xce"
        assert sent[10:12] == b"\x00\x3c"
        assert sent[12:] == b"\x00\x02id\x00\x04will\x00\x03bye\x00\x04user\x00\x04word"
        connection.sendall(b"\x20\x02\x01\x00")
        assert packet(connection) == b"\xe0\x00"

    with server(serve) as port:
        client = MQTTClient("id", "127.0.0.1", port, "user", "word", 60)
        client.set_last_will("will", "bye", qos=1)
        assert client.connect()
        client.disconnect()


def test_a_refused_connect_raises_the_servers_code() -> None:
    def serve(connection: socket.socket) -> None:
        packet(connection)
        connection.sendall(b"\x20\x02\x00\x05")

    with server(serve) as port:
        client = MQTTClient("id", "127.0.0.1", port)
        with pytest.raises(MQTTException) as refused:
            client.connect()
        assert client.sock is not None
        client.sock.close()
    assert refused.value.args == (5,)


def test_a_message_is_published_acknowledged_and_received() -> None:
    def serve(connection: socket.socket) -> None:
        packet(connection)
        connection.sendall(b"\x20\x02\x00\x00")
        assert packet(connection) == b"\x82\x08\x00\x01\x00\x03a/b\x01"
        connection.sendall(b"\x90\x03\x00\x01\x01")
        assert packet(connection) == b"\x32\x0c\x00\x03a/b\x00\x02hello"
        connection.sendall(b"\x40\x02\x00\x02" + b"\x32\x09\x00\x03a/b\x00\x07hi")
        assert packet(connection) == b"\x40\x02\x00\x07"
        assert packet(connection) == b"\xe0\x00"

    received: list[tuple[bytes, bytes]] = []
    with server(serve) as port:
        client = MQTTClient(b"id", "127.0.0.1", port)
        client.set_callback(lambda topic, message: received.append((topic, message)))
        client.connect()
        client.subscribe("a/b", qos=1)
        client.publish("a/b", "hello", qos=1)
        client.wait_msg()
        assert client.check_msg() is None
        client.disconnect()
    assert received == [(b"a/b", b"hi")]


def test_a_server_that_hangs_up_is_an_error_minus_one() -> None:
    def serve(connection: socket.socket) -> None:
        packet(connection)
        connection.sendall(b"\x20\x02\x00\x00")

    with server(serve) as port:
        client = MQTTClient("id", "127.0.0.1", port)
        client.connect()
        with pytest.raises(OSError, match="-1"):
            client.wait_msg()
        assert client.sock is not None
        client.sock.close()
