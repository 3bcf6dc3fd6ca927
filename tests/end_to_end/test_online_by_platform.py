"""A flashed unit against the virtual platform, asked through the official client: what the platform says decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from station.virtual.bench import Bench
from station.virtual.platform import DeviceState, VirtualPlatform
from tests.cli.calling import Done
from tests.end_to_end.conftest import Desk
from tests.platform.accounts import access_key, give_in_environment

PRODUCT = "a1SmartPlug"
NAMES = ("plug-0001", "plug-0002")


@dataclass(frozen=True)
class Site:
    """A platform with two devices, a profile that points to it, and a lane."""

    desk: Desk
    platform: VirtualPlatform
    profile: Path
    bench: Bench

    def import_batch(self, spoil: str = "") -> None:
        """Take the platform's CSV into the ledger; `spoil` names the device whose secret gets one wrong character."""
        csv = self.desk.data.parent / "batch.csv"
        text = self.platform.csv(PRODUCT).decode("utf-8-sig")
        if spoil:
            secret = self.platform.device(PRODUCT, spoil).secret
            text = text.replace(secret, ("1" if secret[0] != "1" else "2") + secret[1:])
        csv.write_text(text, encoding="utf-8")
        assert self.desk.here("batch", "import", csv).code == 0

    def flash(self, *words: object) -> Done:
        at = ("--port", self.bench.ports[0], "--endpoint", self.platform.openapi_endpoint, "--protocol", "http")
        return self.desk.here("flash", self.profile, *at, "--json", *words)


@pytest.fixture
def site(desk: Desk, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with VirtualPlatform() as platform:
        platform.create_product("plug", product_key=PRODUCT)
        platform.register(PRODUCT, NAMES)
        profile = desk.profiles / "plug.yaml"
        text = (desk.profiles / "smart-plug.yaml").read_text(encoding="utf-8")
        text = text.replace("{i32: 1883}", f"{{i32: {platform.mqtt_port}}}").replace("within: 30s", "within: 5s")
        profile.write_text(text, encoding="utf-8")
        give_in_environment(monkeypatch, access_key(platform))
        yield Site(desk, platform, profile, bench)


def test_a_unit_is_activated_and_a_rework_comes_online_anew(site: Site) -> None:
    site.import_batch()
    site.bench.insert(1)
    first = site.flash()
    assert first.code == 0, first.out + first.err
    name = first.verdicts[0]["device_name"]
    assert site.platform.device(PRODUCT, name).activated_at is not None
    before = site.platform.device(PRODUCT, name).online_at
    assert site.flash().code == 0
    again = site.platform.device(PRODUCT, name).online_at
    assert before is not None
    assert again is not None
    assert again > before
    assert "activated" in site.desk.here("unit", "show", name).out


def test_one_wrong_character_of_a_secret_is_refused_by_the_platform_and_told_as_such(site: Site) -> None:
    site.import_batch(spoil=NAMES[0])
    site.bench.insert(1)
    done = site.flash()
    assert done.code == 1, done.out + done.err
    verdict = done.verdicts[0]
    assert (verdict["verdict"], verdict["code"], verdict["device_name"]) == ("FAIL", "F41", NAMES[0])
    assert "refused (4" in verdict["message"]
    assert [event["step"] for event in done.events if event.get("state") == "failed"] == ["online"]
    assert site.platform.device(PRODUCT, NAMES[0]).state is DeviceState.UNACTIVE


def test_a_disabled_or_deleted_device_is_told_as_such(site: Site) -> None:
    site.import_batch()
    site.platform.disable(PRODUCT, NAMES[0])
    site.bench.insert(1)
    refused = site.flash()
    assert (refused.code, refused.verdicts[0]["code"]) == (1, "F41")
    assert "disabled" in refused.verdicts[0]["message"]
    site.platform.delete(PRODUCT, NAMES[0])
    unknown = site.flash()
    assert (unknown.code, unknown.verdicts[0]["code"]) == (1, "F41")
    assert "does not know" in unknown.verdicts[0]["message"]


def test_a_platform_that_is_away_is_the_stations_fault_and_the_unit_goes_on_later(site: Site) -> None:
    site.import_batch()
    site.bench.insert(1)
    away = site.desk.here(
        "flash",
        site.profile,
        "--port",
        site.bench.ports[0],
        "--endpoint",
        "127.0.0.1:9",
        "--protocol",
        "http",
        "--json",
    )
    assert (away.code, away.verdicts[0]["code"]) == (3, "E30"), away.out + away.err
    back = site.flash()
    assert back.code == 0, back.out + back.err
    assert back.verdicts[0]["device_name"] == away.verdicts[0]["device_name"]
