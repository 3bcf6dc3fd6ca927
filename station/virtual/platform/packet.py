"""MQTT 3.1.1 packets: what a client sends is read, what a server sends is made (OASIS standard, chapters 2 and 3)."""

from __future__ import annotations

import struct
from asyncio import StreamReader
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

PACKET_BYTES_MAX: Final = 256 * 1024 + 1024
"""A message may have 256 KB; beyond it the platform closes the connection."""
_LENGTH_BYTES_MAX: Final = 4
_CONNECT, _PUBLISH, _PUBACK, _SUBSCRIBE, _UNSUBSCRIBE, _PING, _DISCONNECT = 1, 3, 4, 8, 10, 12, 14
_KINDS: Final = {_CONNECT, _PUBLISH, _PUBACK, _SUBSCRIBE, _UNSUBSCRIBE, _PING, _DISCONNECT}
"""What a client sends; the others are QoS 2's and the server's."""
_PROTOCOLS: Final = {("MQTT", 4), ("MQIsdp", 3)}


class MalformedPacket(ValueError):
    """The bytes are no packet that a client may send."""


class WrongProtocol(MalformedPacket):
    """A CONNECT of another MQTT version than 3.1 or 3.1.1."""


@dataclass(frozen=True, slots=True)
class Connect:
    client_id: str
    username: str | None
    password: str | None = field(repr=False)
    keepalive_s: int
    is_clean: bool


@dataclass(frozen=True, slots=True)
class Publish:
    topic: str
    payload: bytes
    qos: int = 0
    packet_id: int = 0


@dataclass(frozen=True, slots=True)
class PublishAcknowledged:
    packet_id: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    packet_id: int
    filters: tuple[tuple[str, int], ...]
    """Each filter with the QoS asked for."""


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    packet_id: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ping:
    pass


@dataclass(frozen=True, slots=True)
class Disconnect:
    pass


Packet = Connect | Publish | PublishAcknowledged | Subscribe | Unsubscribe | Ping | Disconnect


async def read_packet(reader: StreamReader) -> Packet:
    """Read one packet. MalformedPacket; asyncio.IncompleteReadError when the connection ended."""
    first = (await reader.readexactly(1))[0]
    _check_kind(first)  # before the rest is awaited, which garbage never sends
    size_bytes = 0
    for place in range(_LENGTH_BYTES_MAX):
        byte = (await reader.readexactly(1))[0]
        size_bytes |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            break
    else:
        raise MalformedPacket("the length has more than four bytes")
    if size_bytes > PACKET_BYTES_MAX:
        raise MalformedPacket("the packet is too large")
    return decode_packet(first, await reader.readexactly(size_bytes))


def decode_packet(first: int, body: bytes) -> Packet:
    """Give the packet with this first byte and body; MalformedPacket."""
    _check_kind(first)
    fields = _Fields(body)
    packet: Packet
    match first >> 4:
        case 3:
            return _publish(first & 0b0111, fields)
        case 1:
            packet = _connect(fields)
        case 4:
            packet = PublishAcknowledged(fields.packet_id())
        case 8:
            packet = _subscribe(fields)
        case 10:
            packet = _unsubscribe(fields)
        case 12:
            packet = Ping()
        case _:
            packet = Disconnect()
    fields.end()
    return packet


def _check_kind(first: int) -> None:
    kind, flags = first >> 4, first & 0x0F
    if kind not in _KINDS:
        raise MalformedPacket(f"a client may not send packet type {kind}")
    if kind == _PUBLISH:
        if flags & 0b100:
            raise MalformedPacket("the platform takes QoS 0 and 1")
    elif flags != (2 if kind in {_SUBSCRIBE, _UNSUBSCRIBE} else 0):
        raise MalformedPacket("reserved flags are set")


def connect_answer(code: int, *, is_session_present: bool = False) -> bytes:
    return bytes([0x20, 2, is_session_present, code])


def publish(topic: str, payload: bytes, qos: int = 0, packet_id: int = 0, *, is_repeated: bool = False) -> bytes:
    body = _text(topic) + (struct.pack(">H", packet_id) if qos else b"") + payload
    return _packet(_PUBLISH << 4 | (8 if is_repeated else 0) | qos << 1, body)


def publish_answer(packet_id: int) -> bytes:
    return _packet(_PUBACK << 4, struct.pack(">H", packet_id))


def subscribe_answer(packet_id: int, codes: Sequence[int]) -> bytes:
    return _packet(9 << 4, struct.pack(">H", packet_id) + bytes(codes))


def unsubscribe_answer(packet_id: int) -> bytes:
    return _packet(11 << 4, struct.pack(">H", packet_id))


def ping_answer() -> bytes:
    return _packet(13 << 4, b"")


class _Fields:
    """Reads the fields of a body from the front."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    @property
    def is_empty(self) -> bool:
        return self._at == len(self._body)

    def take(self, size_bytes: int) -> bytes:
        data = self._body[self._at : self._at + size_bytes]
        if len(data) != size_bytes:
            raise MalformedPacket("the packet is too short")
        self._at += size_bytes
        return data

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def packet_id(self) -> int:
        packet_id = self.number()
        if not packet_id:
            raise MalformedPacket("packet identifier 0")
        return packet_id

    def text(self) -> str:
        try:
            text = self.take(self.number()).decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedPacket("text is not UTF-8") from None
        if "\0" in text:
            raise MalformedPacket("text has a null character")
        return text

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._at)

    def end(self) -> None:
        if not self.is_empty:
            raise MalformedPacket("bytes after the end")


def _connect(fields: _Fields) -> Connect:
    if (fields.text(), fields.byte()) not in _PROTOCOLS:
        raise WrongProtocol("not MQTT 3.1 or 3.1.1")
    flags, keepalive_s, client_id = fields.byte(), fields.number(), fields.text()
    if flags & 0x01 or (flags >> 3 & 3) == 3:
        raise MalformedPacket("wrong CONNECT flags")
    if flags & 0x04:  # the platform keeps no will
        fields.text()
        fields.take(fields.number())
    elif flags & 0x38:
        raise MalformedPacket("flags of a will without a will")
    username = fields.text() if flags & 0x80 else None
    # A password is bytes in the standard; this platform's is hex, so anything else is a wrong one, not a broken packet.
    password = fields.take(fields.number()).decode("utf-8", "replace") if flags & 0x40 else None
    return Connect(client_id, username, password, keepalive_s, bool(flags & 0x02))


def _publish(flags: int, fields: _Fields) -> Publish:
    qos = flags >> 1
    topic = fields.text()
    packet_id = fields.packet_id() if qos else 0
    return Publish(topic, fields.rest(), qos, packet_id)


def _subscribe(fields: _Fields) -> Subscribe:
    packet_id, filters = fields.packet_id(), []
    while not fields.is_empty:
        name, qos = fields.text(), fields.byte()
        if qos > 2:
            raise MalformedPacket("no such QoS")
        filters.append((name, qos))
    if not filters:
        raise MalformedPacket("a SUBSCRIBE without a filter")
    return Subscribe(packet_id, tuple(filters))


def _unsubscribe(fields: _Fields) -> Unsubscribe:
    packet_id, filters = fields.packet_id(), []
    while not fields.is_empty:
        filters.append(fields.text())
    if not filters:
        raise MalformedPacket("an UNSUBSCRIBE without a filter")
    return Unsubscribe(packet_id, tuple(filters))


def _packet(first: int, body: bytes) -> bytes:
    length, size_bytes = bytearray(), len(body)
    while True:
        length.append(size_bytes & 0x7F | (0x80 if size_bytes > 0x7F else 0))
        size_bytes >>= 7
        if not size_bytes:
            return bytes([first]) + bytes(length) + body


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack(">H", len(data)) + data
