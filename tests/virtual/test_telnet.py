"""The RFC 2217 server's protocol: whatever a client sends, serial bytes come out and nothing breaks."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from station.virtual.telnet import SUBOPTION_MAX_BYTES, TelnetServer


@dataclass
class Port:
    baud: int = 115200
    dtr: bool = False
    rts: bool = False
    purged: list[tuple[bool, bool]] = field(default_factory=list)

    def purge(self, *, received: bool, unsent: bool) -> None:
        self.purged.append((received, unsent))


def sub(command: int, value: bytes) -> bytes:
    return b"\xff\xfa\x2c" + bytes([command]) + value + b"\xff\xf0"


def server() -> tuple[TelnetServer, Port]:
    port = Port()
    telnet = TelnetServer(port)
    telnet.take_replies()
    return telnet, port


@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=4))
def test_serial_bytes_pass_wherever_the_stream_is_cut(data: bytes, cuts: list[int]) -> None:
    telnet, _port = server()
    wire = TelnetServer.escape(data)
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    parts = [wire[first:last] for first, last in itertools.pairwise(edges)]
    assert b"".join(telnet.feed(part) for part in parts) == data


@given(
    data=st.lists(
        st.one_of(st.binary(max_size=20), st.sampled_from([b"\xff\xfa\x2c", b"\xff\xf0", b"\xff"])), max_size=20
    )
)
def test_nothing_a_client_sends_breaks_the_server(data: list[bytes]) -> None:
    telnet, _port = server()
    for part in data:
        telnet.feed(part)
    assert len(telnet._pending) <= 2 * SUBOPTION_MAX_BYTES + 40


def test_options_are_agreed_once() -> None:
    telnet, _port = server()
    telnet.feed(b"\xff\xfd\x2c\xff\xfb\x2c\xff\xfd\x03\xff\xfb\x00")
    assert b"\xff\xfa\x2c\x6b\xb0\xff\xf0" in telnet.take_replies()
    telnet.feed(b"\xff\xfd\x2c\xff\xfb\x2c\xff\xfd\x03\xff\xfb\x00")
    assert telnet.take_replies() == b""
    telnet.feed(b"\xff\xfd\x63\xff\xfb\x63")
    assert telnet.take_replies() == b"\xff\xfc\x63\xff\xfe\x63"


def test_the_port_is_set_and_asked() -> None:
    telnet, port = server()
    telnet.feed(sub(1, b"\x00\x0e\x10\x00"))
    assert port.baud == 921600
    assert telnet.take_replies() == sub(101, b"\x00\x0e\x10\x00")
    telnet.feed(sub(1, bytes(4)) + sub(2, b"\x08") + sub(3, b"\x00") + sub(4, b"\x01"))
    assert telnet.take_replies() == sub(101, b"\x00\x0e\x10\x00") + sub(102, b"\x08") + sub(103, b"\x01") + sub(
        104, b"\x01"
    )
    telnet.feed(sub(5, b"\x08") + sub(5, b"\x0b") + sub(5, b"\x07") + sub(5, b"\x0a"))
    assert (port.dtr, port.rts) == (True, True)
    assert telnet.take_replies() == sub(105, b"\x08") + sub(105, b"\x0b") + sub(105, b"\x08") + sub(105, b"\x0b")
    telnet.feed(sub(12, b"\x01") + sub(12, b"\x03"))
    assert port.purged == [(True, False), (True, True)]
