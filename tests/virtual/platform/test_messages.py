"""What a connected device may send and hear."""

from __future__ import annotations

import pytest

from station.virtual.platform import VirtualPlatform
from station.virtual.platform.settings import Settings
from tests.virtual.platform.conftest import BARE, PLUG, Site
from tests.virtual.platform.mqtt_client import Certificate, Device, RawClient

POST = "thing/event/property/post"


def test_a_reply_reaches_a_device_that_never_subscribed(site: Site) -> None:
    with Device(site.platform, site.device()) as device:
        assert device.ask(POST, {"Any": 1})["code"] == 200


def test_a_device_that_wants_no_reply_gets_none(site: Site) -> None:
    certificate = site.device()
    with Device(site.platform, certificate) as device:
        quiet = {"id": "1", "version": "1.0", "sys": {"ack": 0}, "params": {"Quiet": 1}, "method": "x"}
        device.publish(certificate.topic(POST), quiet)
        assert device.ask(POST, {"Loud": 1})["code"] == 200
    sent = [event.data["payload"] for event in site.platform.events("sent") if event.key == event_key(certificate)]
    assert len(sent) == 1


def event_key(certificate: Certificate) -> tuple[str, str]:
    return certificate.product_key, certificate.device_name


def test_another_devices_topic_is_neither_sent_to_nor_heard(site: Site) -> None:
    mine, other = site.device(), site.device()
    mark = site.platform.mark
    with Device(site.platform, mine) as device, Device(site.platform, other) as neighbour:
        device.publish(other.topic(POST), {"id": "1", "params": {"Stolen": 1}})
        site.wait("forbidden", mine, topic=other.topic(POST))
        for wanted in (other.topic("thing/service/#"), f"/sys/{BARE}/+/thing/#", "#", "/#", f"/{BARE}/+/user/get"):
            assert device.subscribe(wanted) == 0x80
        assert neighbour.ask(POST, {"Own": 1})["code"] == 200
    names = [event.data["name"] for event in site.platform.events("property", since=mark)]
    assert names == ["Own"]


def test_wildcards_below_the_own_device_are_granted_and_heard(site: Site) -> None:
    certificate = site.device()
    own = f"/{BARE}/{certificate.device_name}/user"
    with Device(site.platform, certificate) as device:
        assert device.subscribe(certificate.topic("thing/service/#")) == 1
        assert device.subscribe(f"{own}/+", 0) == 0
        assert device.subscribe(f"{own}/deep/#", 2) == 0x80
        device.publish(f"{own}/update", {"n": 1})
        assert device.next(f"{own}/update") == {"n": 1}
        assert not site.platform.send(BARE, certificate.device_name, f"{own}/a/b", b"{}")


def test_a_device_subscribes_a_hundred_topics(site: Site) -> None:
    certificate = site.device()
    with RawClient(site.platform.mqtt_port) as client:
        assert client.login(certificate) == 0
        own = f"/{BARE}/{certificate.device_name}/user"
        assert [client.subscribe(f"{own}/t{number}") for number in range(100)] == [1] * 100
        assert client.subscribe(f"{own}/t0", 0) == 0
        assert client.subscribe(f"{own}/t100") == 0x80


def test_beyond_thirty_messages_a_second_they_are_dropped_and_the_device_stays() -> None:
    now = 1_700_000_000.0
    with VirtualPlatform(Settings(clock=lambda: now)) as platform:
        platform.create_product("bare", product_key=BARE)
        (made,) = platform.register(BARE, ["unit"])
        certificate = Certificate(BARE, "unit", made.secret)
        with Device(platform, certificate) as device:
            for number in range(32):
                device.publish(certificate.topic(POST), {"id": "1", "sys": {"ack": 0}, "params": {"n": number}})
            platform.wait_for("dropped", BARE, "unit")
            now += 1
            assert device.ask(POST, {"n": 99})["code"] == 200
            values = [event.data["value"] for event in platform.events("property")]
            assert values == [*range(30), 99]
            assert len(platform.events("dropped")) == 2


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"id":"\\ud800"}',
        b'{"params":{"a":NaN}}',
        b'{"params":{"a":1e999}}',
        b"[" * 9000,
    ],
    ids=range(8),
)
def test_a_message_that_is_no_alink_object_is_answered_with_460(site: Site, payload: bytes) -> None:
    certificate = site.device(PLUG)
    with RawClient(site.platform.mqtt_port) as client:
        assert client.login(certificate) == 0
        client.publish(certificate.topic(POST), payload)
        site.wait("unhandled", certificate, code=460)
        for topic in (
            f"/shadow/update/{PLUG}/{certificate.device_name}",
            f"/ota/device/inform/{PLUG}/{certificate.device_name}",
            f"/ota/device/progress/{PLUG}/{certificate.device_name}",
            f"/ext/ntp/{PLUG}/{certificate.device_name}/request",
            certificate.topic("thing/topo/add"),
            certificate.topic("thing/service/property/set_reply"),
            certificate.topic("nothing/of/the/kind"),
        ):
            client.publish(topic, payload)
        client.send(b"\xc0\x00")
        data = b""
        while not data.endswith(b"\xd0\x00"):
            part = client.socket.recv(65536)
            assert part, "the connection broke"
            data += part


def test_the_time_is_told(site: Site) -> None:
    certificate = site.device()
    own = f"/ext/ntp/{BARE}/{certificate.device_name}"
    with Device(site.platform, certificate) as device:
        device.publish(f"{own}/request", {"deviceSendTime": "1571724098000"})
        answer = device.next(f"{own}/response")
    assert answer["deviceSendTime"] == "1571724098000"
    now_ms = site.wait("received", certificate).at * 1000
    assert int(answer["serverRecvTime"]) == pytest.approx(now_ms, abs=2000)
    assert int(answer["serverRecvTime"]) <= int(answer["serverSendTime"])


def test_the_remote_configuration_is_asked_for_and_pushed(site: Site) -> None:
    product_key = site.platform.create_product("configured")
    certificate = site.device(product_key)
    with Device(site.platform, certificate) as device:
        wanted = {"configScope": "product", "getType": "file"}
        assert device.ask("thing/config/get", wanted)["code"] == 6713
        assert site.platform.push_config(product_key, b'{"period_s": 5}') == 1
        pushed = device.next(certificate.topic("thing/config/push"))
        assert pushed["method"] == "thing.config.push"
        answer = device.ask("thing/config/get", wanted)["data"]
    assert answer == pushed["params"]
    assert answer["configSize"] == 15
