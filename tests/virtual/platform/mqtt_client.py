"""Clients of the virtual platform that share no code with it: a bare socket, paho, and the signature written once more."""

from __future__ import annotations

import hmac
import json
import queue
import socket
import ssl
import struct
import threading
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho

from station.virtual.platform import VirtualPlatform

LIMIT_S = 10.0
HASHES = {"hmacsha256": "sha256", "hmacsha1": "sha1", "hmacmd5": "md5"}


def sign(secret: str, method: str, **signed: str) -> str:
    """The platform's signature as its documents say it: names and values in the order of the names."""
    text = "".join(name + signed[name] for name in sorted(signed))
    return hmac.new(secret.encode(), text.encode(), HASHES[method.lower()]).hexdigest()


class Certificate:
    """One device's certificate, and what it makes a client say in CONNECT."""

    def __init__(self, product_key: str, device_name: str, secret: str) -> None:
        self.product_key, self.device_name, self.secret = product_key, device_name, secret

    @property
    def username(self) -> str:
        return f"{self.device_name}&{self.product_key}"

    def topic(self, tail: str) -> str:
        """A topic below /sys."""
        return f"/sys/{self.product_key}/{self.device_name}/{tail}"

    def password(self, client_id: str, method: str = "hmacsha256", timestamp: str | None = "2524608000000") -> str:
        signed = {"clientId": client_id, "deviceName": self.device_name, "productKey": self.product_key}
        return sign(self.secret, method, **signed, **({} if timestamp is None else {"timestamp": timestamp}))

    def proof(self, method: str = "hmacSha256") -> dict[str, str]:
        """What a gateway sends for this device."""
        signed = {
            "clientId": "sub",
            "deviceName": self.device_name,
            "productKey": self.product_key,
            "timestamp": "1524448722000",
        }
        return {**signed, "signmethod": method, "sign": sign(self.secret, method, **signed)}


def connect_packet(
    client_id: str, user: str | None, password: str | None, *, keepalive_s: int = 60, flags: int = 2
) -> bytes:
    fields = [client_id] + [text for text in (user, password) if text is not None]
    flags |= (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    body = b"\x00\x04MQTT\x04" + bytes([flags]) + struct.pack(">H", keepalive_s)
    return packet(0x10, body + b"".join(struct.pack(">H", len(text.encode())) + text.encode() for text in fields))


def packet(first: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, byte = size >> 7, size & 0x7F
        length.append(byte | (0x80 if size else 0))
        if not size:
            return bytes([first, *length]) + body


def subscribe_packet(topic: str, qos: int = 1) -> bytes:
    return packet(0x82, b"\x00\x01" + struct.pack(">H", len(topic.encode())) + topic.encode() + bytes([qos]))


class RawClient:
    """A socket that says what it is told. Use it with `with`."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, size_bytes: int) -> bytes:
        data = b""
        while len(data) < size_bytes and (part := self.socket.recv(size_bytes - len(data))):
            data += part
        return data

    def is_closed(self) -> bool:
        """Wait until the platform has closed the connection; what it still said is dropped."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        return True

    def login(self, certificate: Certificate, *, client_id: str = "raw", keepalive_s: int = 60, flags: int = 2) -> int:
        """Send a good CONNECT, give the CONNACK's code; -1 when the connection ends before it."""
        self.begin_login(certificate, client_id=client_id, keepalive_s=keepalive_s, flags=flags)
        answer = self.read(4)
        return answer[3] if answer else -1

    def begin_login(
        self, certificate: Certificate, *, client_id: str = "raw", keepalive_s: int = 60, flags: int = 2
    ) -> None:
        """Send a good CONNECT; `flags` 2 asks for a clean session, 0 for one that is kept."""
        wire_id = f"{client_id}|securemode=3,signmethod=hmacsha256,timestamp=2524608000000|"
        password = certificate.password(client_id)
        self.send(connect_packet(wire_id, certificate.username, password, keepalive_s=keepalive_s, flags=flags))

    def publish(self, topic: str, payload: bytes = b"{}") -> None:
        self.send(packet(0x30, struct.pack(">H", len(topic.encode())) + topic.encode() + payload))

    def subscribe(self, topic: str, qos: int = 1) -> int:
        """Give the SUBACK's code."""
        self.send(subscribe_packet(topic, qos))
        return self.read(5)[4]


class Device:
    """A device made of paho 1.6: it subscribes nothing unless it is told to, and answers what `on` was given."""

    def __init__(
        self,
        platform: VirtualPlatform,
        certificate: Certificate,
        *,
        client_id: str = "dev",
        method: str = "hmacsha256",
        timestamp: str | None = "2524608000000",
        is_tls: bool = False,
        is_upper: bool = False,
        more_options: str = "",
    ) -> None:
        self.platform, self.certificate = platform, certificate
        self._inbox: dict[str, queue.Queue[bytes]] = {}
        self._answers: dict[str, Any] = {}
        self._codes: queue.Queue[int] = queue.Queue()
        self._granted: queue.Queue[list[int]] = queue.Queue()
        self.gone = threading.Event()
        options = f"securemode={2 if is_tls else 3},signmethod={method}{more_options}"
        options += "" if timestamp is None else f",timestamp={timestamp}"
        self._client = paho.Client(f"{client_id}|{options}|", clean_session=True, reconnect_on_failure=False)
        password = certificate.password(client_id, method, timestamp)
        self._client.username_pw_set(certificate.username, password.upper() if is_upper else password)
        if is_tls:
            self._client.tls_set_context(ssl.create_default_context(cadata=platform.ca_pem))
        self._port = platform.tls_port if is_tls else platform.mqtt_port
        self._client.on_connect = lambda _client, _data, _flags, code: self._codes.put(code)
        self._client.on_message = self._take
        self._client.on_subscribe = lambda _client, _data, _mid, granted: self._granted.put(list(granted))
        self._client.on_disconnect = lambda *_: self.gone.set()

    def __enter__(self) -> Self:
        assert self.connect() == 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def connect(self) -> int:
        """Give the CONNACK's code."""
        self._client.connect("127.0.0.1", self._port, keepalive=60)
        self._client.loop_start()
        return self._codes.get(timeout=LIMIT_S)

    def publish(self, topic: str, message: Any, qos: int = 1) -> None:
        """Send JSON; at QoS 1 wait until the platform has it."""
        sent = self._client.publish(topic, json.dumps(message), qos)
        sent.wait_for_publish(LIMIT_S)
        assert sent.is_published()

    def subscribe(self, topic: str, qos: int = 1) -> int:
        """Give what the platform granted."""
        self._client.subscribe(topic, qos)
        return self._granted.get(timeout=LIMIT_S)[0]

    def next(self, topic: str) -> Any:
        """Give the next message of a topic, as JSON."""
        return json.loads(self._box(topic).get(timeout=LIMIT_S))

    def ask(self, tail: str, params: Any, owner: Certificate | None = None, *, prefix: str = "") -> dict[str, Any]:
        """Send a request of the Alink protocol and give its reply."""
        topic = prefix or (owner or self.certificate).topic(tail)
        self.publish(topic, {"id": "7", "version": "1.0", "params": params, "method": tail.replace("/", ".")})
        reply: dict[str, Any] = self.next(topic + "_reply")
        assert reply["id"] == "7"
        return reply

    def session(self, what: str, params: Any) -> dict[str, Any]:
        """Log sub-devices in or out."""
        own = f"{self.certificate.product_key}/{self.certificate.device_name}"
        return self.ask("", params, prefix=f"/ext/session/{own}/combine/{what}")

    def on(self, tail: str, data: Any) -> None:
        """Answer requests of the platform on this topic below /sys with this data."""
        self._answers[self.certificate.topic(tail)] = data

    def _box(self, topic: str) -> queue.Queue[bytes]:
        return self._inbox.setdefault(topic, queue.Queue())

    def _take(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._box(message.topic).put(message.payload)
        known = [topic for topic in self._answers if message.topic == topic or message.topic.startswith(topic + "/")]
        if known:
            topic = message.topic
            reply = topic.replace("/request/", "/response/") if "/rrpc/" in topic else topic + "_reply"
            answer = {"id": json.loads(message.payload)["id"], "code": 200, "data": self._answers[known[0]]}
            client.publish(reply, json.dumps(answer), 1)
