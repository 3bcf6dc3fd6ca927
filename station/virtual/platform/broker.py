"""The MQTT broker: who is connected, and the way from and to each device."""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from collections.abc import Callable, Coroutine
from typing import Any, Final

from station.virtual.platform import packet as mqtt
from station.virtual.platform.connection import Connection, Session
from station.virtual.platform.device import Device, DeviceKey
from station.virtual.platform.event_log import EventLog
from station.virtual.platform.message_rate import MessageRate
from station.virtual.platform.registry import Registry
from station.virtual.platform.settings import HOST, Settings
from station.virtual.platform.signature import ConnectCode, LoginRefused, read_login
from station.virtual.platform.topic import owner_of

Receiver = Callable[[DeviceKey, Connection, str, bytes], None]
_ACCEPT_PAUSE_S: Final = 0.1
KICKED: Final = "Kicked by the same device"
"""The platform's own words for it."""


class Broker:
    """Lets devices in by their signature; one certificate has one connection."""

    def __init__(self, settings: Settings, registry: Registry, log: EventLog, receive: Receiver) -> None:
        self.settings = settings
        self._registry, self._log, self._receive = registry, log, receive
        self._routes: dict[DeviceKey, Connection] = {}
        self._kept: dict[DeviceKey, Session] = {}
        self._rates: dict[DeviceKey, MessageRate] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        """Listeners, and what serves a client from its TLS handshake to the end."""
        self._connections: set[Connection] = set()

    async def listen(self, port: int, context: ssl.SSLContext | None = None) -> int:
        """Open a listener on 127.0.0.1 and give its port. OSError."""

        listener = socket.create_server((HOST, port), backlog=200)
        listener.setblocking(False)
        self._start(self._accept(listener, context))
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        """End every connection and every listener."""
        for connection in self._connections:
            connection.kick("the platform stops")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        # asyncio's own server does not know the clients that are still in their TLS handshake, so nothing could end those.
        with listener:
            while True:
                try:
                    client, _ = await asyncio.get_running_loop().sock_accept(listener)
                except OSError:  # it went away again, or no file handle is free just now
                    await asyncio.sleep(_ACCEPT_PAUSE_S)
                else:
                    self._start(self._serve(client, context))

    async def _serve(self, client: socket.socket, context: ssl.SSLContext | None) -> None:
        loop, reader = asyncio.get_running_loop(), StreamReader()
        handshake_s = None if context is None else self.settings.connect_timeout_s
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport, protocol = await loop.connect_accepted_socket(
                lambda: StreamReaderProtocol(reader), client, ssl=context, ssl_handshake_timeout=handshake_s
            )
        except OSError:
            client.close()
            return  # it went away, does not trust us or took too long
        writer = StreamWriter(transport, protocol, reader, loop)
        connection = Connection(reader, writer, self, is_encrypted=context is not None)
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)

    def connection_of(self, key: DeviceKey) -> Connection | None:
        """The connection over which a device is online, its own or its gateway's."""
        return self._routes.get(key)

    def send(self, key: DeviceKey, topic: str, payload: bytes, *, is_unasked: bool = True) -> bool:
        """Send to a device; system messages reach it also when it never subscribed. Tells whether it was sent."""
        connection = self._routes.get(key)
        if connection is None or not connection.send(topic, payload, is_unasked=is_unasked):
            return False
        self._log.add("sent", key, topic=topic, payload=payload)
        return True

    def drop(self, key: DeviceKey, reason: str) -> None:
        """End a device's presence, as when it is disabled or deleted."""
        connection = self._routes.get(key)
        if connection is not None:
            self._part(connection, key, reason)
        self._kept.pop(key, None)
        self._rates.pop(key, None)

    def let_in_sub_device(self, gateway: Connection, device: Device) -> None:
        """A gateway's sub-device comes online, and no longer over another connection."""
        old = self._routes.get(device.key)
        if old is gateway:
            return
        if old is not None:
            self._part(old, device.key, KICKED)
        gateway.sub_devices.add(device.key)
        self._arrive(device, gateway)

    # What connections ask.

    def let_in(self, connect: mqtt.Connect, connection: Connection) -> bool:
        """See Desk; runs without a pause, so twenty logins at once are twenty in a row."""
        login = read_login(connect.client_id, connect.username, connect.password, is_encrypted=connection.is_encrypted)
        device = self._registry.find(login.key)
        if device is None:
            raise LoginRefused(ConnectCode.NOT_AUTHORISED, "there is no such device")
        if not login.is_signed_by(device.secret, connect.password or ""):
            # The documents list 4 for the form and 5 for the right of access; which one it is here they leave open.
            raise LoginRefused(ConnectCode.WRONG_USER_OR_PASSWORD, "the signature is wrong")
        if device.is_disabled:
            raise LoginRefused(ConnectCode.NOT_AUTHORISED, "the device is disabled")
        old = self._routes.get(device.key)
        if old is not None:
            self._part(old, device.key, KICKED)
        connection.key = device.key
        kept = None if connect.is_clean else self._kept.get(device.key)
        connection.session = kept or Session()
        if connect.is_clean:
            self._kept.pop(device.key, None)
        else:
            self._kept[device.key] = connection.session
        self._arrive(device, connection)
        return kept is not None

    def refuse(self, connect: mqtt.Connect, connection: Connection, refusal: LoginRefused) -> None:  # noqa: ARG002  the desk's shape
        """See Desk."""
        name, _, product = (connect.username or "").partition("&")
        self._log.add("refused", DeviceKey(product, name), code=int(refusal.code), reason=refusal.reason)

    def forbid(self, connection: Connection, topic: str, reason: str) -> None:
        """See Desk."""
        self._log.add("forbidden", connection.key, topic=topic, reason=reason)

    def take(self, connection: Connection, topic: str, payload: bytes) -> None:
        """See Desk."""
        owner = owner_of(topic)
        # A device that was kicked off may still have packets on their way: they count no more.
        if owner is None or self._routes.get(owner) is not connection:
            return
        if not self._rates.setdefault(owner, MessageRate()).admits(self.settings.clock()):
            self._log.add("dropped", owner, topic=topic, reason="more than 30 messages in a second")
            return
        self._log.add("received", owner, topic=topic, payload=payload)
        self._receive(owner, connection, topic, payload)

    def leave(self, connection: Connection, reason: str) -> None:
        """See Desk."""
        for key in (connection.key, *connection.sub_devices):
            if key is not None and self._routes.get(key) is connection:
                self._depart(key, reason)

    def _part(self, connection: Connection, key: DeviceKey, reason: str) -> None:
        """Take a device from a connection: the device's own one ends with it, a gateway's goes on."""
        if connection.key != key:
            connection.sub_devices.discard(key)
            self._depart(key, reason)
            return
        self.leave(connection, reason)
        connection.kick(reason)

    def _arrive(self, device: Device, connection: Connection) -> None:
        self._routes[device.key] = connection
        now = self.settings.clock()
        is_first = device.activated_at is None
        if is_first:
            device.activated_at = now
        device.is_online, device.online_at, device.state_at, device.address = True, now, now, connection.address
        self._log.add("online", device.key, is_first=is_first, address=connection.address)

    def _depart(self, key: DeviceKey, reason: str) -> None:
        del self._routes[key]
        device = self._registry.find(key)
        if device is not None:
            device.is_online, device.state_at = False, self.settings.clock()
        self._log.add("offline", key, reason=reason)
