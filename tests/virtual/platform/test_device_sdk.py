"""The platform's official Python device SDK, with nothing changed but the address, takes the virtual platform for the real one."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from station.virtual.platform import DeviceState
from tests.virtual.platform.conftest import PLUG, Site
from tests.virtual.platform.mqtt_client import LIMIT_S, Certificate, Device
from tests.virtual.platform.test_thing_model import TSL

linkkit = pytest.importorskip("linkkit.linkkit", reason="the SDK's crcmod needs a C compiler")


class SdkDevice:
    """One LinkKit and what its callbacks were told, by their names."""

    def __init__(
        self, site: Site, certificate: Certificate, *, is_tls: bool = False, model: Path | None = None
    ) -> None:
        platform = site.platform
        self.kit = linkkit.LinkKit("127.0.0.1", certificate.product_key, certificate.device_name, certificate.secret)
        if is_tls:
            self.kit.config_mqtt(port=platform.tls_port, endpoint="127.0.0.1", cadata=platform.ca_pem)
        else:
            self.kit.config_mqtt(port=platform.mqtt_port, endpoint="127.0.0.1", secure="")
        self.kit.thing_setup(None if model is None else str(model))
        self._told: dict[str, queue.Queue[tuple[Any, ...]]] = {}
        for name in (
            "on_connect",
            "on_disconnect",
            "on_thing_enable",
            "on_thing_prop_post",
            "on_thing_prop_changed",
            "on_thing_event_post",
            "on_thing_call_service",
            "on_thing_shadow_get",
            "on_topic_message",
        ):
            setattr(self.kit, name, self._listener(name))
        self.kit.connect_async()

    def heard(self, name: str) -> tuple[Any, ...]:
        """Give what a callback was told next, without its last parameter, which is the user's own."""
        return self._told[name].get(timeout=LIMIT_S)[:-1]

    def close(self) -> None:
        """End it, in spite of two faults of its `destruct` when the connection ends at that moment.

        It stumbles over the closed socket; or it waits for ever, because its loop begins anew and overwrites the state.
        """

        def end() -> None:
            with contextlib.suppress(OSError):
                self.kit.destruct()

        ending = threading.Thread(target=end, daemon=True)
        ending.start()
        ending.join(3.0)
        if ending.is_alive():
            self.kit._LinkKit__handler_task.stop()
            ending.join(LIMIT_S)
        assert not ending.is_alive()

    def _listener(self, name: str) -> Callable[..., None]:
        told = self._told.setdefault(name, queue.Queue())
        return lambda *parameters: told.put(parameters)


@contextlib.contextmanager
def connected(site: Site, certificate: Certificate, **options: Any) -> Iterator[SdkDevice]:
    device = SdkDevice(site, certificate, **options)
    try:
        assert device.heard("on_connect")[1] == 0
        device.heard("on_thing_enable")
        yield device
    finally:
        device.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sdk") / "tsl.json"
    path.write_text(json.dumps(TSL), encoding="utf-8")
    return path


@pytest.mark.parametrize("is_tls", [False, True], ids=["tcp", "tls"])
def test_it_connects_posts_a_property_and_reads_its_shadow(site: Site, model: Path, is_tls: bool) -> None:
    certificate = site.device(PLUG)
    with connected(site, certificate, is_tls=is_tls, model=model) as device:
        assert site.state(certificate) is DeviceState.ONLINE
        code, request_id = device.kit.thing_post_property({"Level": 42})
        assert code == 0
        answered_id, answer_code, data, message = device.heard("on_thing_prop_post")
        assert (str(answered_id), answer_code, data, message) == (request_id, 200, {}, "success")
        assert site.platform.device(PLUG, certificate.device_name).properties == {"Level": 42}
        device.kit.thing_post_property({"Level": 4200})
        assert device.heard("on_thing_prop_post")[1] == 460
        device.kit.thing_update_shadow({"color": "red"}, 1)
        device.heard("on_thing_shadow_get")
        device.kit.thing_get_shadow()
        (shadow,) = device.heard("on_thing_shadow_get")
        assert shadow["payload"]["state"] == {"reported": {"color": "red"}}
        assert device.kit.local_get_latest_shadow().get_version() == 1
    site.wait("offline", certificate)


def test_it_is_asked_and_answers(site: Site, model: Path) -> None:
    certificate = site.device(PLUG)
    name = certificate.device_name
    with connected(site, certificate, model=model) as device:
        device.kit.on_thing_call_service = lambda service, number, _parameters, _user: device.kit.thing_answer_service(
            service, number, 200, {}
        )
        assert site.platform.invoke_service(PLUG, name, "Blink", {}).data["code"] == 200
        assert site.platform.push_property_set(PLUG, name, {"Level": 5}).data["code"] == 200
        assert device.heard("on_thing_prop_changed") == ({"Level": 5},)
        device.kit.thing_trigger_event(("Alarm", {"code": 7}))
        assert device.heard("on_thing_event_post")[2] == 200
        assert site.wait("event", certificate, name="Alarm").data["value"] == {"code": 7}
        assert site.platform.desire(PLUG, name, {"color": "green"}) == 1
        assert device.heard("on_thing_shadow_get")[0]["method"] == "control"


def test_it_takes_an_upgrade(site: Site, tmp_path: Path) -> None:
    certificate = site.device(PLUG)
    with connected(site, certificate) as device:
        device.kit.ota_report_version("", "1.0.0")
        site.wait("ota_version", certificate, version="1.0.0")
        site.platform.order_upgrade(PLUG, [certificate.device_name], "1.1.0", b"new firmware" * 1000)
        topic, payload, *_ = device.heard("on_topic_message")
        assert topic == f"/ota/device/upgrade/{PLUG}/{certificate.device_name}"
        offer = json.loads(payload)["data"]
        file = tmp_path / "firmware.bin"
        done = device.kit.download_ota_firmware(offer["url"], str(file), offer["signMethod"], offer["sign"])
        assert done == linkkit.LinkKit.ErrorCode.SUCCESS
        assert file.read_bytes() == b"new firmware" * 1000
        device.kit.ota_report_version("", "1.1.0")
        assert site.wait("ota_version", certificate, version="1.1.0").data["is_upgraded"]


def test_it_and_a_thief_of_its_certificate_kick_each_other_off(site: Site) -> None:
    certificate = site.device(PLUG)
    with connected(site, certificate) as device, Device(site.platform, certificate) as thief:
        device.heard("on_disconnect")
        assert site.wait("offline", certificate).data["reason"] == "Kicked by the same device"
        assert device.heard("on_connect")[1] == 0, "it comes back by itself"
        assert thief.gone.wait(LIMIT_S)
    site.wait("offline", certificate, reason="the client disconnected")
    assert site.kinds(certificate) == ["online", "offline"] * 3


def test_a_wrong_secret_never_gets_it_connected(site: Site) -> None:
    certificate = site.device(PLUG)
    device = SdkDevice(site, Certificate(PLUG, certificate.device_name, "0" * 32))
    try:
        site.wait("refused", certificate, code=4)
        assert device.kit.check_state() is linkkit.LinkKit.LinkKitState.CONNECTING
    finally:
        device.close()
    assert site.state(certificate) is DeviceState.UNACTIVE
