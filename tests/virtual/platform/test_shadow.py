"""Shadows: what a device reports and what the cloud wants, each change a higher version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.virtual.platform.conftest import BARE, Site
from tests.virtual.platform.mqtt_client import Device


class ShadowDevice:
    """A device and its two shadow topics."""

    def __init__(self, device: Device) -> None:
        self.device, self.name = device, device.certificate.device_name
        self._tail = f"{BARE}/{self.name}"

    def say(self, message: Any) -> dict[str, Any]:
        self.device.publish(f"/shadow/update/{self._tail}", message)
        return self.hear()

    def hear(self) -> dict[str, Any]:
        heard: dict[str, Any] = self.device.next(f"/shadow/get/{self._tail}")
        return heard


@pytest.fixture
def shadow(site: Site) -> Iterator[ShadowDevice]:
    with Device(site.platform, site.device()) as device:
        yield ShadowDevice(device)


def update(version: int, **state: Any) -> dict[str, Any]:
    return {"method": "update", "state": state, "version": version}


def error(answer: dict[str, Any]) -> str:
    assert answer["payload"]["status"] == "error"
    return str(answer["payload"]["content"]["errorcode"])


def test_a_device_reports_and_reads_it_back(site: Site, shadow: ShadowDevice) -> None:
    assert shadow.say({"method": "get"})["version"] == 0
    answer = shadow.say(update(1, reported={"color": "red", "size": 2}))
    assert answer["method"] == "reply"
    assert answer["payload"] == {"status": "success", "version": 1}
    shadow.say(update(2, reported={"size": 3}))
    read = shadow.say({"method": "get"})
    assert (read["method"], read["version"], read["payload"]["status"]) == ("reply", 2, "success")
    assert read["payload"]["state"] == {"reported": {"color": "red", "size": 3}}
    assert set(read["payload"]["metadata"]["reported"]["size"]) == {"timestamp"}
    assert site.platform.shadow(BARE, shadow.name)["version"] == 2


def test_what_the_cloud_wants_is_pushed_and_cleared_by_the_device(site: Site, shadow: ShadowDevice) -> None:
    assert site.platform.desire(BARE, shadow.name, {"color": "green"}) == 1
    pushed = shadow.hear()
    assert (pushed["method"], pushed["version"]) == ("control", 1)
    assert pushed["payload"]["state"]["desired"] == {"color": "green"}
    shadow.say(update(2, reported={"color": "green"}, desired="null"))
    assert site.platform.shadow(BARE, shadow.name)["state"] == {"reported": {"color": "green"}}


def test_a_version_must_grow_and_minus_one_starts_anew(shadow: ShadowDevice) -> None:
    shadow.say(update(5, reported={"a": 1}))
    for version in (5, 4, 0):
        assert error(shadow.say(update(version, reported={"a": 2}))) == "409"
    assert shadow.say({"method": "get"})["payload"]["state"]["reported"] == {"a": 1}
    shadow.say(update(-1, reported={"a": 3}))
    assert shadow.say({"method": "get"})["version"] == 0
    assert shadow.say(update(1, reported={"a": 4}))["payload"]["status"] == "success"


def test_attributes_are_deleted_by_name_or_altogether(shadow: ShadowDevice) -> None:
    shadow.say(update(1, reported={"a": 1, "b": 2, "c": 3}))
    shadow.say({"method": "delete", "state": {"reported": {"a": "null"}}, "version": 2})
    shadow.say(update(3, reported={"b": None}))
    assert shadow.say({"method": "get"})["payload"]["state"]["reported"] == {"c": 3}
    shadow.say({"method": "delete", "state": {"reported": "null"}, "version": 4})
    assert shadow.say({"method": "get"})["payload"]["state"]["reported"] == {}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ([], "400"),
        ({"state": {"reported": {"a": 1}}, "version": 1}, "401"),
        ({"method": "update", "version": 1}, "402"),
        ({"method": "update", "state": {"reported": {"a": 1}}}, "403"),
        (update(1, other={"a": 1}), "404"),
        ({"method": "delete", "state": {"desired": "null"}, "version": 1}, "404"),
        ({"method": "put", "version": 1}, "406"),
        (update(1, reported={str(number): 1 for number in range(129)}), "408"),
        (update(1, reported={"a": 1}, desired=[1]), "400"),
    ],
)
def test_a_wrong_message_gets_the_platforms_code_and_changes_nothing(
    shadow: ShadowDevice, message: Any, code: str
) -> None:
    assert error(shadow.say(message)) == code
    read = shadow.say({"method": "get"})
    assert (read["version"], read["payload"]["state"]) == (0, {"reported": {}})
