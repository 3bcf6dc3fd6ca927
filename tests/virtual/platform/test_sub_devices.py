"""A gateway's sub-devices: proven by their own signature, online over its connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from station.virtual.platform.device import DeviceState
from tests.virtual.platform.conftest import BARE, GATEWAY, Site
from tests.virtual.platform.mqtt_client import Certificate, Device

POST = "thing/event/property/post"


@pytest.fixture
def gateway(site: Site) -> Iterator[Device]:
    with Device(site.platform, site.device(GATEWAY)) as device:
        yield device


@pytest.fixture
def meter(site: Site) -> Certificate:
    return site.device()


def names(*certificates: Certificate) -> list[dict[str, str]]:
    return [{"deviceName": each.device_name, "productKey": each.product_key} for each in certificates]


def join(gateway: Device, meter: Certificate) -> None:
    assert gateway.ask("thing/topo/add", [meter.proof()])["code"] == 200
    assert gateway.session("login", {**meter.proof(), "cleanSession": "true"})["code"] == 200


def test_a_sub_device_is_added_logged_in_and_speaks_through_its_gateway(
    site: Site, gateway: Device, meter: Certificate
) -> None:
    assert gateway.ask("thing/topo/get", {})["data"] == []
    added = gateway.ask("thing/topo/add", [meter.proof("hmacSha1")])
    assert (added["code"], added["data"]) == (200, names(meter))
    assert gateway.ask("thing/topo/get", {})["data"] == names(meter)
    assert site.state(meter) is DeviceState.UNACTIVE
    assert gateway.session("login", meter.proof())["data"] == names(meter)[0]
    assert site.state(meter) is DeviceState.ONLINE
    assert gateway.ask(POST, {"Reading": 5}, owner=meter)["code"] == 200
    assert site.platform.device(BARE, meter.device_name).properties == {"Reading": 5}
    assert gateway.subscribe(meter.topic("thing/service/#")) == 1
    assert gateway.session("logout", names(meter)[0])["code"] == 200
    assert site.state(meter) is DeviceState.OFFLINE
    assert gateway.session("logout", names(meter)[0])["code"] == 520
    gateway.publish(meter.topic(POST), {"id": "1", "params": {"Reading": 6}})
    site.wait("forbidden", gateway.certificate, topic=meter.topic(POST))
    assert gateway.ask("thing/topo/delete", names(meter))["code"] == 200
    assert gateway.session("login", meter.proof())["code"] == 6401
    assert site.kinds(meter).count("online") == site.kinds(meter).count("offline") == 1


def test_a_login_said_twice_is_one_presence(site: Site, gateway: Device, meter: Certificate) -> None:
    join(gateway, meter)
    assert gateway.session("login", meter.proof())["code"] == 200
    gateway.__exit__(None, None, None)
    site.wait("offline", meter)
    assert site.kinds(meter).count("online") == site.kinds(meter).count("offline") == 1


def test_a_sub_device_is_refused_without_its_own_signature_or_place(
    site: Site, gateway: Device, meter: Certificate
) -> None:
    forged = Certificate(BARE, meter.device_name, "0" * 32)
    assert gateway.ask("thing/topo/add", [forged.proof()])["code"] == 6287
    assert gateway.ask("thing/topo/add", [{**meter.proof(), "signmethod": "sha256"}])["code"] == 6287
    assert gateway.ask("thing/topo/add", [Certificate(BARE, "nobody", "1").proof()])["code"] == 6100
    assert gateway.ask("thing/topo/add", [gateway.certificate.proof()])["code"] == 6402
    assert gateway.ask("thing/topo/add", {})["code"] == 460
    assert gateway.ask("thing/topo/add", ["x"])["code"] == 460
    assert gateway.ask("thing/topo/delete", names(meter))["code"] == 6401
    assert gateway.session("login", meter.proof())["code"] == 6401
    assert gateway.ask("thing/topo/get", {})["data"] == []
    assert gateway.ask("thing/topo/add", [meter.proof()])["code"] == 200
    assert gateway.session("login", forged.proof())["code"] == 6287
    site.platform.disable(BARE, meter.device_name)
    assert gateway.session("login", meter.proof())["code"] == 522
    assert site.state(meter) is DeviceState.DISABLE


def test_a_product_that_is_no_gateway_has_no_sub_devices(site: Site, meter: Certificate) -> None:
    with Device(site.platform, site.device()) as device:
        assert device.ask("thing/topo/add", [meter.proof()])["code"] == 460


def test_a_sub_device_goes_with_its_gateway(site: Site, gateway: Device, meter: Certificate) -> None:
    join(gateway, meter)
    gateway.__exit__(None, None, None)
    site.wait("offline", meter, reason="the client disconnected")
    assert site.state(meter) is DeviceState.OFFLINE


def test_a_sub_device_that_connects_by_itself_or_over_another_gateway_leaves_the_first(
    site: Site, gateway: Device, meter: Certificate
) -> None:
    join(gateway, meter)
    with Device(site.platform, meter) as itself:
        assert itself.ask(POST, {"Reading": 1})["code"] == 200
        gateway.publish(meter.topic(POST), {"id": "1", "params": {"Reading": 2}})
        site.wait("forbidden", gateway.certificate, topic=meter.topic(POST))
        assert gateway.session("login", meter.proof())["code"] == 200
        assert itself.gone.wait(5)
    with Device(site.platform, site.device(GATEWAY)) as other:
        assert other.ask("thing/topo/add", [meter.proof()])["code"] == 200
        assert site.state(meter) is DeviceState.OFFLINE
        assert gateway.ask("thing/topo/get", {})["data"] == []
        assert other.session("login", meter.proof())["code"] == 200
        assert site.state(meter) is DeviceState.ONLINE
    site.wait("offline", meter, reason="the client disconnected")
    assert not gateway.gone.is_set()


def test_a_disabled_or_deleted_sub_device_is_offline_and_its_gateway_stays(
    site: Site, gateway: Device, meter: Certificate
) -> None:
    join(gateway, meter)
    site.platform.disable(BARE, meter.device_name)
    site.wait("offline", meter)
    site.platform.enable(BARE, meter.device_name)
    assert gateway.session("login", meter.proof())["code"] == 200
    site.platform.delete(BARE, meter.device_name)
    assert gateway.ask("thing/topo/get", {})["data"] == []
    assert gateway.session("login", meter.proof())["code"] == 6100
    assert site.kinds(meter).count("online") == site.kinds(meter).count("offline") == 2
