"""One client's connection to the broker: from CONNECT to the end."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass, field
from typing import Final, Protocol

from station.virtual.platform import packet as mqtt
from station.virtual.platform.device import DeviceKey
from station.virtual.platform.settings import Settings
from station.virtual.platform.signature import ConnectCode, LoginRefused
from station.virtual.platform.topic import is_filter, is_publishable, matches, owner_of

KEEPALIVE_S: Final = range(30, 1201)
"""Beyond it the platform refuses; with which code is not documented."""
SILENCE_FACTOR: Final = 1.5
_UNSENT_BYTES_MAX: Final = 4 * 1024 * 1024
_WAITING_MAX: Final = 1000
_FILTERS_MAX: Final = 100
"""How many topics a device may subscribe (the platform's page of limits)."""
_FAREWELL_S: Final = 1.0
"""How long the last bytes may take."""
_REFUSED: Final = 0x80


@dataclass(slots=True)
class Session:
    """What outlives a connection that asked for it (clean session 0)."""

    filters: dict[str, int] = field(default_factory=dict)
    unacknowledged: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    """Messages of QoS 1 that the client has not acknowledged, by packet identifier, oldest first."""
    last_id: int = 0

    def next_id(self) -> int:
        while True:
            self.last_id = self.last_id % 0xFFFF + 1
            if self.last_id not in self.unacknowledged:
                return self.last_id


class Desk(Protocol):
    """Where connections are let in and their messages are taken."""

    settings: Settings

    def let_in(self, connect: mqtt.Connect, connection: Connection) -> bool:
        """Check the CONNECT, make `connection` the device's only one, tell whether a session was kept. LoginRefused."""

    def refuse(self, connect: mqtt.Connect, connection: Connection, refusal: LoginRefused) -> None:
        """Note that a CONNECT was refused."""

    def forbid(self, connection: Connection, topic: str, reason: str) -> None:
        """Note that a topic was refused."""

    def take(self, connection: Connection, topic: str, payload: bytes) -> None:
        """Take a message that the device was allowed to send."""

    def leave(self, connection: Connection, reason: str) -> None:
        """Note that a connection is over."""


class Connection:
    """Reads a client's packets until it goes, is silent for too long, breaks the protocol or is kicked off."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, desk: Desk, *, is_encrypted: bool) -> None:
        self._reader, self._writer, self._desk = reader, writer, desk
        self.is_encrypted = is_encrypted
        self.key: DeviceKey | None = None
        self.sub_devices: set[DeviceKey] = set()
        """Devices that are logged in through this one."""
        self.session = Session()
        self._end = "the client went away"
        self._retransmission: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str:
        """The client's IP address."""
        name = self._writer.get_extra_info("peername")
        return str(name[0]) if name else ""

    async def serve(self) -> None:
        """Serve the client to the end."""
        settings = self._desk.settings
        try:
            async with asyncio.timeout(settings.connect_timeout_s):
                connect = await mqtt.read_packet(self._reader)
            if isinstance(connect, mqtt.Connect) and self._begin(connect):
                await self._go_on(connect.keepalive_s)
        except mqtt.WrongProtocol:
            self._write(mqtt.connect_answer(ConnectCode.WRONG_PROTOCOL))
        except mqtt.MalformedPacket as fault:
            self._end = f"protocol error: {fault}"
        except TimeoutError:
            self._end = "no CONNECT in time"
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._desk.leave(self, self._end)
            if self._retransmission is not None:
                self._retransmission.cancel()
            await self._close()

    def kick(self, reason: str) -> None:
        """End the connection from our side."""
        self._end = reason
        self._writer.transport.abort()

    def send(self, topic: str, payload: bytes, *, is_unasked: bool) -> bool:
        """Send a message at the QoS that was subscribed; `is_unasked` also sends what was not. Tells whether it was sent."""
        granted = [qos for pattern, qos in self.session.filters.items() if matches(pattern, topic)]
        if not granted and not is_unasked:
            return False
        if max(granted, default=0) == 0:
            self._write(mqtt.publish(topic, payload))
            return True
        if len(self.session.unacknowledged) >= _WAITING_MAX:
            return False
        packet_id = self.session.next_id()
        self.session.unacknowledged[packet_id] = (topic, payload)
        self._write(mqtt.publish(topic, payload, 1, packet_id))
        self._plan_retransmission()
        return True

    def _begin(self, connect: mqtt.Connect) -> bool:
        try:
            if connect.keepalive_s not in KEEPALIVE_S:
                raise LoginRefused(ConnectCode.WRONG_CLIENT_ID, "the keepalive is not 30 to 1200 s")  # noqa: TRY301  one way out
            is_kept = self._desk.let_in(connect, self)
        except LoginRefused as refusal:
            self._desk.refuse(connect, self, refusal)  # first, so that who is answered finds it noted
            self._write(mqtt.connect_answer(refusal.code))
            return False
        self._write(mqtt.connect_answer(ConnectCode.ACCEPTED, is_session_present=is_kept))
        self._repeat()
        return True

    async def _go_on(self, keepalive_s: int) -> None:
        silence_s = SILENCE_FACTOR * keepalive_s * self._desk.settings.second_s
        while True:
            try:
                async with asyncio.timeout(silence_s):
                    packet = await mqtt.read_packet(self._reader)
            except TimeoutError:
                self._end = f"Keepalive timeout after {SILENCE_FACTOR * keepalive_s:.0f} sec"
                return
            if self._writer.is_closing():
                return  # kicked off: what it sent before it knew counts no more
            if isinstance(packet, mqtt.Disconnect):
                self._end = "the client disconnected"
                return
            self._handle(packet)

    def _handle(self, packet: mqtt.Packet) -> None:
        match packet:
            case mqtt.Publish():
                self._take(packet)
            case mqtt.PublishAcknowledged(packet_id):
                self.session.unacknowledged.pop(packet_id, None)
            case mqtt.Subscribe(packet_id, filters):
                self._write(mqtt.subscribe_answer(packet_id, [self._subscribe(*wanted) for wanted in filters]))
            case mqtt.Unsubscribe(packet_id, names):
                for name in names:
                    self.session.filters.pop(name, None)
                self._write(mqtt.unsubscribe_answer(packet_id))
            case mqtt.Ping():
                self._write(mqtt.ping_answer())
            case _:
                raise mqtt.MalformedPacket("a second CONNECT")

    def _take(self, packet: mqtt.Publish) -> None:
        if not is_publishable(packet.topic):
            self._desk.forbid(self, packet.topic, "no topic for publishing")
            raise mqtt.MalformedPacket("a topic that nobody may publish to")
        if self._owns(packet.topic):
            self._desk.take(self, packet.topic, packet.payload)
        else:
            self._desk.forbid(self, packet.topic, "not a topic of this device")
        if packet.qos:
            self._write(mqtt.publish_answer(packet.packet_id))

    def _subscribe(self, name: str, qos: int) -> int:
        is_too_many = name not in self.session.filters and len(self.session.filters) >= _FILTERS_MAX
        if qos > 1 or is_too_many or not is_filter(name) or not self._owns(name):
            self._desk.forbid(self, name, "may not be subscribed")
            return _REFUSED
        self.session.filters[name] = qos
        return qos

    def _owns(self, topic: str) -> bool:
        owner = owner_of(topic)
        return owner is not None and (owner == self.key or owner in self.sub_devices)

    def _repeat(self) -> None:
        """Send again what was never acknowledged."""
        self._retransmission = None
        for packet_id, (topic, payload) in self.session.unacknowledged.items():
            self._write(mqtt.publish(topic, payload, 1, packet_id, is_repeated=True))
        self._plan_retransmission()

    def _plan_retransmission(self) -> None:
        if self.session.unacknowledged and self._retransmission is None and not self._writer.is_closing():
            loop = asyncio.get_running_loop()
            self._retransmission = loop.call_later(self._desk.settings.retransmit_s, self._repeat)

    def _write(self, data: bytes) -> None:
        transport = self._writer.transport
        if transport.is_closing():
            return
        self._writer.write(data)
        if transport.get_write_buffer_size() > _UNSENT_BYTES_MAX:
            self.kick("the client does not read")

    async def _close(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await self._writer.wait_closed()
        except TimeoutError:
            self._writer.transport.abort()  # a client that does not read would keep what is unsent for ever
        except OSError:
            pass
