"""The flashed application on a virtual chip against the virtual platform: real sockets, the platform's own judgement."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from littlefs import LittleFS

from station.virtual.images import make_bench_images
from station.virtual.micropython.device_files import BLOCK_SIZE_BYTES
from tests.firmware.board import APP, source_files
from tests.firmware.packages import make_package
from tests.virtual.boot_chip import RunningChip, flash_with, nvs_image

if TYPE_CHECKING:
    from station.virtual.platform import DeviceState, PlatformEvent, VirtualPlatform
else:
    # The platform needs packages that a bench without it can do without.
    VirtualPlatform = pytest.importorskip("station.virtual.platform", exc_type=ImportError).VirtualPlatform
    DeviceState = pytest.importorskip("station.virtual.platform", exc_type=ImportError).DeviceState

VFS_OFFSET = 0x200000
VFS_SIZE_BYTES = 0x200000
NVS_OFFSET = 0x9000
ONLINE = "station-app online\r\n"
PRODUCT, NAME = "a1SmartPlug", "plug-0001"
METER_PRODUCT, METER = "a1PowerMetr", "meter-7"
WRONG_SECRET = "00" * 16
THING_MODEL = json.loads((APP.parent / "thing_model.json").read_bytes())


@dataclass(frozen=True)
class Site:
    """A platform with a plug and a meter, and the firmware of the plug."""

    platform: VirtualPlatform
    firmware: bytes

    def secret(self, product_key: str, name: str) -> str:
        return self.platform.device(product_key, name).secret

    def chip(self, *, secret: str = "", is_tls: bool = False, root: bytes = b"") -> RunningChip:
        """Give a chip flashed with the application and the plug's certificate."""
        meter = ",".join((METER_PRODUCT, METER, self.secret(METER_PRODUCT, METER)))
        certificate = {
            "ProductKey": PRODUCT,
            "DeviceName": NAME,
            "DeviceSecret": secret or self.secret(PRODUCT, NAME),
            "SubDevices": meter,
        }
        port = self.platform.tls_port if is_tls else self.platform.mqtt_port
        nvs = nvs_image(
            {
                "aliyun-key": {key: ("hex2bin", value.encode().hex()) for key, value in certificate.items()},
                "sdk": {
                    "mqtt_host": ("hex2bin", b"127.0.0.1".hex()),
                    "mqtt_port": ("i32", str(port)),
                    "mqtt_tls": ("i32", str(int(is_tls))),
                },
            }
        )
        vfs = LittleFS(
            block_size=BLOCK_SIZE_BYTES, block_count=VFS_SIZE_BYTES // BLOCK_SIZE_BYTES, disk_version=0x20000
        )
        vfs.makedirs("aliyun")
        root = root or ssl.PEM_cert_to_DER_cert(self.platform.ca_pem)
        contents = {path: text.encode() for path, text in source_files().items()} | {"ca.der": root}
        for path, data in contents.items():
            with vfs.open(path, "wb") as file:
                file.write(data)
        image = bytes(vfs.context.buffer)
        return RunningChip(flash_with((0x1000, self.firmware), (NVS_OFFSET, nvs), (VFS_OFFSET, image)))


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder: Path = tmp_path_factory.mktemp("images")
    make_bench_images(folder)
    return (folder / "micropython" / "firmware.bin").read_bytes()


@pytest.fixture
def site(firmware: bytes) -> Iterator[Site]:
    with VirtualPlatform() as platform:
        platform.create_product("plug", product_key=PRODUCT, is_gateway=True, thing_model=THING_MODEL)
        platform.create_product("meter", product_key=METER_PRODUCT)
        platform.register(PRODUCT, [NAME])
        platform.register(METER_PRODUCT, [METER])
        yield Site(platform, firmware)


@pytest.mark.parametrize("is_tls", [False, True], ids=["tcp", "tls"])
def test_a_flashed_unit_is_activated_posts_and_answers(site: Site, is_tls: bool) -> None:
    platform = site.platform
    assert platform.device(PRODUCT, NAME).state is DeviceState.UNACTIVE
    with site.chip(is_tls=is_tls) as chip:
        chip.console.wait_for(ONLINE)
        assert platform.device(PRODUCT, NAME).state is DeviceState.ONLINE
        assert platform.push_property_set(PRODUCT, NAME, {"PowerSwitch": 1}).data["code"] == 200
        answer = platform.invoke_service(PRODUCT, NAME, "Toggle", {})
        assert answer.data["value"] == {"PowerSwitch": 0}
        assert platform.get_properties(PRODUCT, NAME, ["PowerSwitch"]).data["value"] == {"PowerSwitch": 0}


def test_a_unit_with_a_wrong_secret_is_refused_and_says_so(site: Site) -> None:
    with site.chip(secret=WRONG_SECRET) as chip:
        text = chip.console.wait_for("station-app: refused (")
    assert ONLINE not in text
    assert site.platform.device(PRODUCT, NAME).state is DeviceState.UNACTIVE


def test_a_server_that_the_root_certificate_does_not_vouch_for_is_not_trusted(site: Site) -> None:
    with VirtualPlatform() as other:
        stranger = ssl.PEM_cert_to_DER_cert(other.ca_pem)
    with site.chip(is_tls=True, root=stranger) as chip:
        text = chip.console.wait_for("station-app: not connected (")
    assert ONLINE not in text
    assert site.platform.device(PRODUCT, NAME).state is DeviceState.UNACTIVE


def test_its_sub_device_comes_online_with_its_own_secret(site: Site) -> None:
    with site.chip() as chip:
        chip.console.wait_for(f"station-app: sub-device online {METER}\r\n")
        assert site.platform.device(METER_PRODUCT, METER).state is DeviceState.ONLINE


def test_a_desired_value_in_the_shadow_is_followed_and_reported(site: Site) -> None:
    platform = site.platform
    platform.desire(PRODUCT, NAME, {"PowerSwitch": 1})
    with site.chip() as chip:
        chip.console.wait_for(ONLINE)
        platform.wait_for(
            "shadow", PRODUCT, NAME, where=lambda event: event.data["state"]["reported"] == {"PowerSwitch": 1}
        )
    assert platform.shadow(PRODUCT, NAME)["state"].get("desired", {}) == {}


def test_a_unit_is_moved_from_version_a_to_b_by_the_platforms_order(site: Site) -> None:
    platform = site.platform
    source = source_files()["station_app.py"].replace('VERSION = "0.1.0"', 'VERSION = "0.2.0"')
    with site.chip() as chip:
        chip.console.wait_for(ONLINE)
        platform.wait_for("ota_version", PRODUCT, NAME, where=lambda event: event.data["module"] == "firmware")
        platform.order_upgrade(PRODUCT, [NAME], "0.2.0", make_package({"station_app.py": source}))
        text = chip.console.wait_for(ONLINE, times=2)
        platform.wait_for("ota_version", PRODUCT, NAME, where=lambda event: event.data["version"] == "0.2.0")
    assert "station-app ready: station-app 0.2.0 device=plug-0001\r\n" in text
    assert platform.device(PRODUCT, NAME).firmware_version == "0.2.0"
    steps = [event.data["step"] for event in platform.events("ota_progress")]
    assert (steps[0], steps[-1]) == (0, 100)


def on_topic(part: str) -> Callable[[PlatformEvent], bool]:
    """Tell whether a message's topic holds this part."""
    return lambda event: part in event.data["topic"]


def test_what_it_says_by_itself_fits_the_thing_model_and_what_it_asks_is_answered(site: Site) -> None:
    platform = site.platform
    config = platform.push_config(PRODUCT, b'{"PostPeriod": 60}')
    assert config == 0, "nobody is online yet"
    with site.chip() as chip:
        chip.console.wait_for(ONLINE)
        assert platform.wait_for("property", PRODUCT, NAME).data["value"] == 0
        assert platform.wait_for("event", PRODUCT, NAME).data["name"] == "Started"
        for answer in ("/ext/ntp/", "/shadow/get/", "/thing/config/get_reply"):
            platform.wait_for("sent", PRODUCT, NAME, where=on_topic(answer))
        assert platform.push_config(PRODUCT, b'{"PostPeriod": 120}') == 1
        platform.wait_for("received", PRODUCT, NAME, where=on_topic("/thing/config/push_reply"))
        platform.wait_for("online", METER_PRODUCT, METER)
    assert platform.events("unhandled") == platform.events("forbidden") == ()


def test_a_unit_whose_power_goes_during_an_order_starts_and_is_moved_afterwards(site: Site) -> None:
    platform = site.platform
    source = source_files()["station_app.py"].replace('VERSION = "0.1.0"', 'VERSION = "0.2.0"')
    with site.chip() as chip:
        chip.console.wait_for(ONLINE)
        platform.wait_for("ota_version", PRODUCT, NAME)
        platform.order_upgrade(PRODUCT, [NAME], "0.2.0", make_package({"station_app.py": source}))
        platform.wait_for("ota_progress", PRODUCT, NAME)
    with RunningChip(chip.flash) as again:
        again.console.wait_for(ONLINE)
        platform.wait_for("ota_version", PRODUCT, NAME, where=lambda event: event.data["version"] == "0.2.0")
        again.console.wait_for("station-app ready: station-app 0.2.0")
    assert platform.device(PRODUCT, NAME).firmware_version == "0.2.0"


def test_a_version_that_falls_over_gives_way_to_the_one_before_which_comes_back_online(site: Site) -> None:
    platform = site.platform
    with site.chip() as chip:
        chip.console.wait_for(ONLINE)
        platform.wait_for("ota_version", PRODUCT, NAME)
        platform.order_upgrade(PRODUCT, [NAME], "0.2.0", make_package({"station_app.py": "raise ValueError\n"}))
        text = chip.console.wait_for(ONLINE, times=2)
    assert "restarting into the update" in text
    assert "station-app 0.2.0" not in text
    assert platform.device(PRODUCT, NAME).firmware_version == "0.1.0"
