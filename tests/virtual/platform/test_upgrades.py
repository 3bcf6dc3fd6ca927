"""OTA: the offer, the file over HTTP, the progress; done is what the device reports to run."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from station.virtual.platform.registry import RegistryFault
from tests.virtual.platform.conftest import BARE, Site
from tests.virtual.platform.mqtt_client import Device

FILE = bytes(range(256)) * 200


class Upgraded:
    """A device and its OTA topics."""

    def __init__(self, site: Site, device: Device) -> None:
        self.platform, self.device, self.name = site.platform, device, device.certificate.device_name

    def say(self, what: str, **params: Any) -> None:
        self.device.publish(f"/ota/device/{what}/{BARE}/{self.name}", {"id": 1, "params": params})

    def offer(self) -> dict[str, Any]:
        pushed = self.device.next(f"/ota/device/upgrade/{BARE}/{self.name}")
        assert (pushed["code"], pushed["message"]) == ("1000", "success")
        offer: dict[str, Any] = pushed["data"]
        return offer

    def ask(self, module: str = "default") -> dict[str, Any]:
        offer: dict[str, Any] = self.device.ask("thing/ota/firmware/get", {"module": module})["data"]
        return offer


@pytest.fixture
def unit(site: Site) -> Iterator[Upgraded]:
    with Device(site.platform, site.device()) as device:
        yield Upgraded(site, device)


def test_a_device_is_moved_from_one_version_to_the_next(site: Site, unit: Upgraded) -> None:
    unit.say("inform", version="1.0.0")
    assert not site.wait("ota_version", unit.device.certificate, version="1.0.0").data["is_upgraded"]
    assert unit.ask() == {}
    url = site.platform.order_upgrade(BARE, [unit.name], "1.1.0", FILE)
    offer = unit.offer()
    assert (offer["version"], offer["size"], offer["url"]) == ("1.1.0", len(FILE), url)
    assert (offer["signMethod"], offer["sign"]) == ("SHA256", hashlib.sha256(FILE).hexdigest())
    with urllib.request.urlopen(url) as answer:  # noqa: S310  the virtual platform's
        assert answer.headers["Content-Length"] == str(len(FILE))
        assert answer.read() == FILE
    assert unit.ask() == offer
    unit.say("progress", step="50", desc="half")
    unit.say("progress", step=100)
    site.wait("ota_progress", unit.device.certificate, step=50, description="half")
    site.wait("ota_progress", unit.device.certificate, step=100)
    assert site.platform.device(BARE, unit.name).firmware_version == "1.0.0", "progress alone proves nothing"
    unit.say("inform", version="1.0.0")
    assert unit.offer() == offer, "one that runs the old version is told again"
    unit.say("inform", version="1.1.0")
    assert site.wait("ota_version", unit.device.certificate, version="1.1.0").data["is_upgraded"]
    assert site.platform.device(BARE, unit.name).firmware_version == "1.1.0"
    assert unit.ask() == {}


def test_each_module_has_an_upgrade_of_its_own(site: Site, unit: Upgraded) -> None:
    site.platform.order_upgrade(BARE, [unit.name], "7", b"mcu", module="mcu", sign_method="Md5")
    offer = unit.offer()
    assert offer["module"] == "mcu"
    assert offer["md5"] == offer["sign"] == hashlib.md5(b"mcu").hexdigest()  # noqa: S324  the platform offers it
    assert unit.ask() == {}
    assert unit.ask("mcu") == offer
    unit.say("inform", version="7", module="mcu")
    assert site.wait("ota_version", unit.device.certificate, module="mcu").data["is_upgraded"]
    assert site.platform.device(BARE, unit.name).firmware_version == ""


def test_a_device_that_was_offline_is_told_when_it_reports(site: Site) -> None:
    certificate = site.device()
    site.platform.order_upgrade(BARE, [certificate.device_name], "2", b"file")
    with Device(site.platform, certificate) as device:
        unit = Upgraded(site, device)
        unit.say("inform", version="1")
        assert unit.offer()["version"] == "2"


def test_a_report_of_another_form_is_noted_and_changes_nothing(site: Site, unit: Upgraded) -> None:
    unit.say("inform", module="default")
    assert site.wait("unhandled", unit.device.certificate).data["reason"] == "version is missing"
    unit.say("progress", step="many")
    unit.say("progress", step=101)
    site.wait("unhandled", unit.device.certificate, reason="step is not a number")
    site.wait("unhandled", unit.device.certificate, reason="step is not -4 to 100")
    assert not {"ota_version", "ota_progress"} & set(site.kinds(unit.device.certificate))


def test_an_upgrade_is_ordered_for_devices_that_are_there(site: Site) -> None:
    with pytest.raises(RegistryFault):
        site.platform.order_upgrade(BARE, ["nobody"], "2", b"file")
    with pytest.raises(ValueError, match="Crc32"):
        site.platform.order_upgrade(BARE, [], "2", b"file", sign_method="Crc32")
