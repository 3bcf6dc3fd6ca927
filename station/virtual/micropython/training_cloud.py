"""The platform as a unit on the training bench finds it behind a host's real name: it takes every device and says no more.

The bench has no way out, and training certificates must never reach a real platform. So `umqtt.simple` connects to
loopback alone (the virtual platform, which judges); any other host is answered from here with the MQTT 3.1.1 packets that
a client waits for.
"""

from __future__ import annotations

import ipaddress
from typing import Final

_CONNECT, _PUBLISH, _SUBSCRIBE, _UNSUBSCRIBE, _PING = 1, 3, 8, 10, 12
_CONNACK: Final = b"\x20\x02\x00\x00"
_PING_ANSWER: Final = b"\xd0\x00"


def is_on_the_bench(host: str) -> bool:
    """Say whether a host is on loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class TrainingCloudSocket:
    """A socket whose other end is the training cloud; nothing leaves the process."""

    def __init__(self) -> None:
        self._sent = bytearray()
        self._answers = bytearray()

    def sendall(self, data: bytes) -> None:
        """Take bytes and answer every whole packet."""
        self._sent += data
        while (packet := self._next_packet()) is not None:
            self._answers += _answer(*packet)

    def recv(self, size: int, _flags: int = 0) -> bytes:
        """Give what is answered; raises BlockingIOError when a client would have to wait."""
        if not self._answers:
            raise BlockingIOError
        data = bytes(self._answers[:size])
        del self._answers[:size]
        return data

    def setblocking(self, _is_blocking: bool) -> None:
        """Do nothing: no answer is ever late."""

    def settimeout(self, _timeout_s: float | None) -> None:
        """Do nothing: no answer is ever late."""

    def close(self) -> None:
        self._sent.clear()
        self._answers.clear()

    def _next_packet(self) -> tuple[int, bytes] | None:
        size, shift, place = 0, 0, 1
        while True:
            if place >= len(self._sent):
                return None
            byte = self._sent[place]
            size |= (byte & 0x7F) << shift
            place, shift = place + 1, shift + 7
            if not byte & 0x80:
                break
        if len(self._sent) < place + size:
            return None
        first, body = self._sent[0], bytes(self._sent[place : place + size])
        del self._sent[: place + size]
        return first, body


def _answer(first: int, body: bytes) -> bytes:
    kind = first >> 4
    if kind == _CONNECT:
        return _CONNACK
    if kind == _SUBSCRIBE:
        return b"\x90\x03" + body[:2] + bytes([body[-1]])
    if kind == _UNSUBSCRIBE:
        return b"\xb0\x02" + body[:2]
    if kind == _PUBLISH and first & 0x06:
        place = 2 + int.from_bytes(body[:2], "big")
        return b"\x40\x02" + body[place : place + 2]
    return _PING_ANSWER if kind == _PING else b""
