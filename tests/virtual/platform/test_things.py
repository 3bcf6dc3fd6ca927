"""Properties, events and services of a device that has a thing model."""

from __future__ import annotations

import time
from typing import Any

import pytest

from station.virtual.platform.event_log import NothingHappened
from station.virtual.platform.registry import RegistryFault
from tests.virtual.platform.conftest import PLUG, Site
from tests.virtual.platform.mqtt_client import Device

POST = "thing/event/property/post"


@pytest.fixture
def plug(site: Site) -> Any:
    with Device(site.platform, site.device(PLUG)) as device:
        yield device


def test_posted_properties_are_kept(site: Site, plug: Device) -> None:
    now_ms = int(time.time() * 1000)
    posted = {"Level": 7, "Power": {"value": 1.5, "time": now_ms}, "Place": {"x": 1}}
    assert plug.ask(POST, posted)["code"] == 200
    known = site.platform.device(PLUG, plug.certificate.device_name).properties
    assert known == {"Level": 7, "Power": 1.5, "Place": {"x": 1}}


@pytest.mark.parametrize(
    "params",
    [{"Level": 101}, {"Level": 5, "Nothing": 1}, {"Power": 1}, [1], {"Level": {"value": 1, "time": 9_999_999_999_999}}],
)
def test_properties_that_do_not_fit_are_refused_altogether(site: Site, plug: Device, params: Any) -> None:
    assert plug.ask(POST, params)["code"] == 460
    assert not site.platform.device(PLUG, plug.certificate.device_name).properties


def test_an_event_is_checked_and_noted(site: Site, plug: Device) -> None:
    assert plug.ask("thing/event/Alarm/post", {"value": {"code": 3}})["code"] == 200
    assert plug.ask("thing/event/Alarm/post", {"code": 4})["code"] == 200
    assert plug.ask("thing/event/Alarm/post", {"code": "4"})["code"] == 460
    assert plug.ask("thing/event/Fire/post", {})["code"] == 460
    events = [event for event in site.platform.events("event") if event.key == tuple(key_of(plug))]
    assert [event.data["value"] for event in events] == [{"code": 3}, {"code": 4}]


def key_of(device: Device) -> tuple[str, str]:
    return device.certificate.product_key, device.certificate.device_name


def test_properties_are_set_and_asked_for(site: Site, plug: Device) -> None:
    plug.on("thing/service/property/set", {})
    plug.on("thing/service/property/get", {"Level": 9})
    answer = site.platform.push_property_set(*key_of(plug), {"Level": 9})
    assert (answer.data["code"], answer.data["fault"]) == (200, "")
    asked = plug.next(plug.certificate.topic("thing/service/property/set"))
    assert (asked["method"], asked["params"]) == ("thing.service.property.set", {"Level": 9})
    assert site.platform.get_properties(*key_of(plug), ["Level"]).data["value"] == {"Level": 9}
    assert plug.next(plug.certificate.topic("thing/service/property/get"))["params"] == ["Level"]
    plug.on("thing/service/property/get", {"Level": 900})
    assert "Level" in site.platform.get_properties(*key_of(plug), ["Level"]).data["fault"]


@pytest.mark.parametrize("values", [{"Power": 1.0}, {"Level": -1}, {"Nothing": 1}])
def test_what_may_not_be_set_never_leaves_the_platform(site: Site, plug: Device, values: dict[str, Any]) -> None:
    with pytest.raises(RegistryFault):
        site.platform.push_property_set(*key_of(plug), values)
    assert "sent" not in site.kinds(plug.certificate)


def test_an_asynchronous_service_is_called_on_its_topic_and_answered(site: Site, plug: Device) -> None:
    plug.on("thing/service/Blink", {})
    assert site.platform.invoke_service(*key_of(plug), "Blink", {}).data["code"] == 200
    asked = plug.next(plug.certificate.topic("thing/service/Blink"))
    assert (asked["method"], asked["params"]) == ("thing.service.Blink", {})


def test_a_synchronous_service_goes_by_rrpc_and_its_answer_is_checked(site: Site, plug: Device) -> None:
    plug.on("rrpc/request", {"Switch": 1})
    answer = site.platform.invoke_service(*key_of(plug), "Toggle", {"delay": 1})
    assert (answer.data["value"], answer.data["fault"]) == ({"Switch": 1}, "")
    assert f"/rrpc/request/{answer.data['id']}" in site.wait("sent", plug.certificate).data["topic"]
    plug.on("rrpc/request", {"Switch": 7})
    assert "Switch" in site.platform.invoke_service(*key_of(plug), "Toggle", {"delay": 1}).data["fault"]


def test_a_service_that_is_not_answered_or_cannot_be_called_says_so(site: Site, plug: Device) -> None:
    with pytest.raises(NothingHappened):
        site.platform.invoke_service(*key_of(plug), "Blink", {}, timeout_s=0.05)
    for service, arguments in (("Toggle", {}), ("Fly", {}), ("set", {"Level": 1})):
        with pytest.raises(RegistryFault) as fault:
            site.platform.invoke_service(*key_of(plug), service, arguments)
        assert fault.value.code == "iot.device.InvokeThingServiceFailed"
    offline = site.device(PLUG)
    with pytest.raises(RegistryFault) as fault:
        site.platform.invoke_service(PLUG, offline.device_name, "Blink", {})
    assert fault.value.code == "iot.messagebroker.OFFLINE"


def test_an_answer_that_nobody_waits_for_is_noted_as_such(site: Site, plug: Device) -> None:
    plug.publish(plug.certificate.topic("thing/service/Blink_reply"), {"id": "4711", "code": 200, "data": {}})
    assert "nobody waits" in site.wait("unhandled", plug.certificate).data["reason"]
