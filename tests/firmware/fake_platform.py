"""The far side as the SDK sees it, all in memory: an MQTT 3.1.1 platform that checks the signature, and an HTTP server."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import Callable
from typing import Any, Final

PRODUCT_KEY: Final = "a1B2c3D4e5F"
DEVICE_NAME: Final = "plug-0001"
SECRET: Final = "5e" * 16
SUB_DEVICE: Final = ("a1Meter0000", "meter-7", "d4" * 16)
SECRETS: Final = {(PRODUCT_KEY, DEVICE_NAME): SECRET, SUB_DEVICE[:2]: SUB_DEVICE[2]}

Reply = Callable[[dict[str, Any]], "dict[str, Any] | None"]


def signature_of(secret: str, **fields: str) -> str:
    """Sign as the platform does: names and values in the names' order, HMAC-SHA256, hex."""
    text = "".join(name + fields[name] for name in sorted(fields))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class FakePlatform:
    """Keeps what was published; answers by topic with what `replies` makes of the body; `push` sends to the device."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Any]] = []
        self.subscribed: list[str] = []
        self.replies: dict[str, Reply] = {}
        self.connects: list[dict[str, Any]] = []
        self.refuse_with: int | None = None
        self.refused_topics: set[str] = set()
        self.is_reachable = True
        self.answers_pings = True
        self.socket: FakeSocket | None = None

    def open(self) -> FakeSocket:
        """Take a TCP connection."""
        if not self.is_reachable:
            raise OSError(111, "ECONNREFUSED")
        self.socket = FakeSocket(self)
        return self.socket

    def push(self, topic: str, body: object) -> None:
        """Send a message to the device, subscribed or not; bytes go out as they are."""
        assert self.socket is not None
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        content = len(topic).to_bytes(2, "big") + topic.encode() + payload
        self.socket.answers += b"\x30" + _length(len(content)) + content

    def hang_up(self) -> None:
        """End the device's connection."""
        assert self.socket is not None
        self.socket.is_open = False

    def bodies(self, topic: str) -> list[Any]:
        """Give what came under a topic."""
        return [body for name, body in self.published if name == topic]

    def take(self, socket: FakeSocket, first: int, body: bytes) -> None:
        """Handle one packet."""
        kind = first >> 4
        if kind == 1:
            socket.answers += bytes((0x20, 2, 0, self._judge(body)))
        elif kind == 8:
            topic = body[4 : 4 + int.from_bytes(body[2:4], "big")].decode()
            self.subscribed.append(topic)
            granted = 0x80 if topic in self.refused_topics else 0
            socket.answers += b"\x90\x03" + body[:2] + bytes([granted])
        elif kind == 12 and self.answers_pings:
            socket.answers += b"\xd0\x00"
        elif kind == 3:
            end = 2 + int.from_bytes(body[:2], "big")
            topic, payload = body[2:end].decode(), body[end:]
            if first & 0x06:
                socket.answers += b"\x40\x02" + payload[:2]
                payload = payload[2:]
            self._take_message(topic, json.loads(payload))

    def _take_message(self, topic: str, body: Any) -> None:
        self.published.append((topic, body))
        reply = self.replies.get(topic)
        answer = reply(body) if reply is not None else None
        if answer is not None:
            back = {"id": body.get("id")} | answer
            place = {"/shadow/update/": "/shadow/get/", "/request": "/response"}
            topic_back = topic + "_reply"
            for sent, received in place.items():
                if sent in topic:
                    topic_back = topic.replace(sent, received)
            self.push(topic_back, back)

    def _judge(self, body: bytes) -> int:
        keepalive, rest = int.from_bytes(body[8:10], "big"), body[10:]
        fields = []
        while rest:
            size = int.from_bytes(rest[:2], "big")
            fields.append(rest[2 : 2 + size].decode())
            rest = rest[2 + size :]
        wire_id, user, password = fields
        client_id, _, options = wire_id.partition("|")
        settings = dict(option.split("=") for option in options.strip("|").split(","))
        self.connects.append({"client_id": client_id, "user": user, "keepalive": keepalive} | settings)
        if self.refuse_with is not None:
            return self.refuse_with
        device_name, _, product_key = user.partition("&")
        names = {"clientId": client_id, "deviceName": device_name, "productKey": product_key}
        secret = SECRETS.get((product_key, device_name), "")
        return 0 if password == signature_of(secret, timestamp=settings["timestamp"], **names) else 4


class FakeSocket:
    """The device's end of one connection."""

    def __init__(self, platform: FakePlatform) -> None:
        self._platform = platform
        self._sent = bytearray()
        self.answers = bytearray()
        self.is_open = True

    def sendall(self, data: bytes) -> None:
        if not self.is_open:
            raise OSError(104, "ECONNRESET")
        self._sent += data
        while len(self._sent) > 1:
            size, shift, place = 0, 0, 1
            while True:
                byte = self._sent[place]
                size, shift, place = size | (byte & 0x7F) << shift, shift + 7, place + 1
                if not byte & 0x80:
                    break
            if len(self._sent) < place + size:
                return
            first, body = self._sent[0], bytes(self._sent[place : place + size])
            del self._sent[: place + size]
            self._platform.take(self, first, body)

    def recv(self, size: int) -> bytes:
        if not self.answers:
            if not self.is_open:
                return b""
            raise BlockingIOError
        data = bytes(self.answers[:size])
        del self.answers[:size]
        return data

    def settimeout(self, _timeout_s: float | None) -> None: ...

    def setblocking(self, _is_blocking: bool) -> None: ...

    def close(self) -> None:
        self.is_open = False


def _length(size: int) -> bytes:
    data = bytearray()
    while True:
        data.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return bytes(data)


class FakeWeb:
    """Files by path over HTTP; `cuts` are the numbers of bytes after which the next connections break."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.cuts: list[int] = []
        self.requests: list[tuple[str, int]] = []

    def answer(self, request: bytes) -> bytes:
        """Give the whole answer to a request."""
        lines = request.decode().split("\r\n")
        path = lines[0].split(" ")[1]
        start = next((int(line[13:-1]) for line in lines if line.startswith("Range: bytes=")), 0)
        self.requests.append((path, start))
        if path in self.redirects:
            return f"HTTP/1.1 302 Found\r\nLocation: {self.redirects[path]}\r\n\r\n".encode()
        if path not in self.files:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        status = b"206 Partial Content" if start else b"200 OK"
        body = self.files[path][start:]
        if self.cuts:
            body = body[: self.cuts.pop(0)]
        return b"HTTP/1.1 " + status + b"\r\nServer: fake\r\n\r\n" + body

    def socket(self) -> WebSocket:
        return WebSocket(self)

    def getaddrinfo(self, host: str, port: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(2, 1, 0, "", (host, port))]


class WebSocket(io.RawIOBase):
    """A socket and its stream in one, as MicroPython's are."""

    def __init__(self, web: FakeWeb) -> None:
        super().__init__()
        self._web = web
        self._sent = b""
        self._answer: io.BytesIO | None = None

    def settimeout(self, _timeout_s: float) -> None: ...

    def connect(self, _address: object) -> None: ...

    def write(self, data: bytes) -> int:  # type: ignore[override]  # bytes are all that is written
        self._sent += data
        return len(data)

    def readline(self, _size: int | None = -1) -> bytes:
        return self._stream().readline()

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # a memoryview at run time
        return self._stream().readinto(buffer)

    def _stream(self) -> io.BytesIO:
        if self._answer is None:
            self._answer = io.BytesIO(self._web.answer(self._sent))
        return self._answer
