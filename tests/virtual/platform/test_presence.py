"""One certificate has one connection; whoever is silent, gone or talking nonsense is not ONLINE."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import tracemalloc

import pytest

from station.virtual.platform import VirtualPlatform
from station.virtual.platform.device import DeviceState
from station.virtual.platform.settings import Settings
from tests.virtual.platform.conftest import BARE, Site
from tests.virtual.platform.mqtt_client import (
    LIMIT_S,
    Certificate,
    Device,
    RawClient,
    connect_packet,
    packet,
    subscribe_packet,
)

KICKED = "Kicked by the same device"


def test_a_stolen_certificate_kicks_the_first_connection_off_whatever_its_client_id(site: Site) -> None:
    certificate = site.device()
    with Device(site.platform, certificate, client_id="the unit") as unit:
        with Device(site.platform, certificate, client_id="the thief", is_tls=True) as thief:
            assert unit.gone.wait(5)
            assert not thief.gone.is_set()
            assert site.state(certificate) is DeviceState.ONLINE
        site.wait("offline", certificate, reason="the client disconnected")
    assert site.kinds(certificate) == ["online", "offline", "online", "offline"]
    assert site.wait("offline", certificate).data["reason"] == KICKED


def test_of_twenty_that_come_at_once_one_stays_online(site: Site) -> None:
    certificate = site.device()
    start = threading.Barrier(20)
    codes: list[int] = []
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(site.platform.mqtt_port)) for _ in range(20)]

        def come(number: int) -> None:
            start.wait()
            with contextlib.suppress(ConnectionError):
                codes.append(clients[number].login(certificate, client_id=f"client-{number}"))

        threads = [threading.Thread(target=come, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert site.kinds(certificate).count("online") == 20
        assert site.kinds(certificate).count("offline") == 19
        assert site.state(certificate) is DeviceState.ONLINE
        alive = [client for client in clients if answers_a_ping(client)]
        assert len(alive) == 1
    site.wait("offline", certificate, reason="the client went away")
    assert site.kinds(certificate) == ["online", "offline"] * 20
    assert site.state(certificate) is DeviceState.OFFLINE
    assert set(codes) <= {0, -1}


def answers_a_ping(client: RawClient) -> bool:
    try:
        client.send(b"\xc0\x00")
        return client.read(2) == b"\xd0\x00"
    except ConnectionError:
        return False


def test_what_a_kicked_client_had_said_counts_no_more(site: Site) -> None:
    """Both packets wait for the platform at once, the second CONNECT before the first client's SUBSCRIBE."""
    certificate = site.device()
    name = certificate.device_name
    topic = f"/{BARE}/{name}/user/get"
    gate = threading.Event()
    port = site.platform.mqtt_port
    with RawClient(port) as first, RawClient(port) as second, RawClient(port) as third:
        assert first.login(certificate, flags=0) == 0
        assert third.login(site.device()) == 0  # so the second is accepted too
        site.platform._loop.call_soon_threadsafe(gate.wait, LIMIT_S)
        second.begin_login(certificate, flags=0)
        first.send(subscribe_packet(topic))
        first.publish(certificate.topic("thing/event/property/post"))
        gate.set()
        assert second.read(4)[3] == 0
        assert first.is_closed()
        assert not site.platform.send(BARE, name, topic, b"{}"), "the first client's filter is in the kept session"
    site.wait("offline", certificate, reason="the client went away")
    assert "received" not in site.kinds(certificate)


def test_a_session_that_was_asked_for_outlives_its_connection(site: Site) -> None:
    certificate = site.device()
    topic = f"/{BARE}/{certificate.device_name}/user/get"
    with RawClient(site.platform.mqtt_port) as first:
        assert first.login(certificate, flags=0) == 0
        assert first.subscribe(topic) == 1
    with RawClient(site.platform.mqtt_port) as again:
        assert again.login(certificate, flags=0) == 0
        assert site.platform.send(BARE, certificate.device_name, topic, b"kept")
        assert again.read(2 + 2 + len(topic) + 2 + 4)[-4:] == b"kept"
    with RawClient(site.platform.mqtt_port) as clean:
        assert clean.login(certificate) == 0
        assert not site.platform.send(BARE, certificate.device_name, topic, b"gone")


def test_a_device_that_takes_a_deleted_ones_name_has_nothing_of_it(site: Site) -> None:
    certificate = site.device()
    name = certificate.device_name
    topic = f"/{BARE}/{name}/user/get"
    with RawClient(site.platform.mqtt_port) as old:
        assert old.login(certificate, flags=0) == 0
        assert old.subscribe(topic) == 1
        site.platform.delete(BARE, name)
        assert old.is_closed()
    (made,) = site.platform.register(BARE, [name])
    assert site.state(certificate) is DeviceState.UNACTIVE
    with RawClient(site.platform.mqtt_port) as new:
        assert new.login(Certificate(BARE, name, made.secret), flags=0) == 0
        assert not site.platform.send(BARE, name, topic, b"gone")


def test_silence_of_one_and_a_half_keepalives_ends_a_connection(hasty_site: Site) -> None:
    certificate = hasty_site.device()
    with RawClient(hasty_site.platform.mqtt_port) as client:
        assert client.login(certificate, keepalive_s=40) == 0
        assert client.is_closed()
    event = hasty_site.wait("offline", certificate, reason="Keepalive timeout after 60 sec")
    assert event.at - hasty_site.wait("online", certificate).at >= 60 * hasty_site.platform.settings.second_s
    assert hasty_site.state(certificate) is DeviceState.OFFLINE


def test_a_packet_that_never_ends_is_silence_too(hasty_site: Site) -> None:
    certificate = hasty_site.device()
    with RawClient(hasty_site.platform.mqtt_port) as client:
        assert client.login(certificate, keepalive_s=30) == 0
        client.send(b"\x30\xff\x01half")
        assert client.is_closed()
    hasty_site.wait("offline", certificate, reason="Keepalive timeout after 45 sec")


@pytest.mark.parametrize("data", [b"", b"\x10", b"\x10\xff\x01\x00\x04MQTT", b"\x16\x03\x01"], ids=len)
def test_who_does_not_finish_a_connect_is_cut_off(hasty_site: Site, data: bytes) -> None:
    for port in (hasty_site.platform.mqtt_port, hasty_site.platform.tls_port):
        with RawClient(port) as client:
            client.send(data)
            assert client.is_closed()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 50,
        b"\xff" * 50,
        b"\x10\xff\xff\xff\xff\xff\xff",
        b"\x10\xff\xff\xff\x7f",
        b"\xc0\x00",
        connect_packet("x", "u", "p", flags=3),
        connect_packet("x", "u", "p", flags=0x1A),
    ],
)
def test_garbage_instead_of_a_connect_is_cut_off_at_once(site: Site, data: bytes) -> None:
    before = site.platform.mark
    with RawClient(site.platform.mqtt_port) as client:
        client.socket.settimeout(site.platform.settings.connect_timeout_s / 2)
        client.send(data)
        assert client.is_closed()
    assert not site.platform.events("online", since=before)


def test_another_mqtt_version_is_told_so(site: Site) -> None:
    with RawClient(site.platform.mqtt_port) as client:
        client.send(packet(0x10, b"\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01x"))
        assert client.read(4) == b"\x20\x02\x00\x01"
        assert client.is_closed()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x30\xff\xff\xff\xff\x01", "more than four bytes"),
        (b"\x30\xff\xff\xff\x7f", "too large"),
        (packet(0x34, b"\x00\x01a\x00\x01"), "QoS 0 and 1"),
        (packet(0x30, b"\x00\x0a$SYS/thing{}"), "nobody may publish"),
        (packet(0x30, b"\x00\x01#{}"), "nobody may publish"),
        (packet(0x30, b"\x00\x00{}"), "nobody may publish"),
        (packet(0x30, struct.pack(">H", 129) + b"/" + b"x" * 128), "nobody may publish"),
        (connect_packet("x", "u", "p"), "a second CONNECT"),
        (packet(0xF0, b""), "packet type 15"),
    ],
)
def test_a_device_that_breaks_the_protocol_is_offline_at_once(site: Site, data: bytes, reason: str) -> None:
    certificate = site.device()
    with RawClient(site.platform.mqtt_port) as client:
        assert client.login(certificate) == 0
        client.send(data)
        assert client.is_closed()
    assert reason in site.wait("offline", certificate).data["reason"]
    assert site.kinds(certificate)[-1] == "offline"
    assert site.state(certificate) is DeviceState.OFFLINE


def test_a_client_that_does_not_read_is_cut_off(hasty_site: Site) -> None:
    certificate = hasty_site.device()
    with RawClient(hasty_site.platform.mqtt_port) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert client.login(certificate, keepalive_s=1200) == 0
        topic = f"/{BARE}/{certificate.device_name}/user/get"
        assert client.subscribe(topic, 0) == 0
        for _ in range(100):
            if not hasty_site.platform.send(BARE, certificate.device_name, topic, bytes(200_000)):
                break
        assert hasty_site.wait("offline", certificate).data["reason"] == "the client does not read"


def test_broken_clients_leave_no_memory_behind(site: Site) -> None:
    certificate = site.device()

    def misbehave() -> None:
        for data in (b"", b"\x10\xfe\x7f" + b"x" * 5000, b"\xff" * 100, connect_packet("x" * 5000, "u" * 5000, "p")):
            with RawClient(site.platform.mqtt_port) as client:
                client.send(data)
        with RawClient(site.platform.mqtt_port) as client:
            client.login(certificate)
            client.send(b"\x30\xfe\x7f" + b"x" * 5000)

    misbehave()
    tracemalloc.start()
    try:
        for _ in range(20):
            misbehave()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(40):
            misbehave()
        # The log keeps a little of each: a user name of 5000 characters.
        assert tracemalloc.get_traced_memory()[0] - before < 40 * 12_000
    finally:
        tracemalloc.stop()
    site.wait("offline", certificate, reason="the client went away")


def test_a_platform_that_stops_cuts_everybody_off_and_leaves_no_thread() -> None:
    threads = threading.active_count()
    with VirtualPlatform(Settings()) as platform:
        platform.create_product("bare", product_key=BARE)
        (device,) = platform.register(BARE, ["unit"])
        silent = RawClient(platform.mqtt_port)
        in_handshake = RawClient(platform.tls_port)
        online = RawClient(platform.mqtt_port)
        assert online.login(Certificate(BARE, "unit", device.secret)) == 0
    for client in (silent, online, in_handshake):
        with client:
            assert client.is_closed()
    assert platform.events("offline")[0].data["reason"] == "the platform stops"
    assert threading.active_count() == threads
