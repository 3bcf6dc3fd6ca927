"""The platform through the real official client: what it tells, and each way in which it fails."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from station.certificate import Secret
from station.errors import Code, PlatformFault
from station.platform.access_key import AccessKey
from station.platform.device_state import DeviceState
from station.platform.openapi_client import OpenApiClient, goes_direct
from station.platform.pace import Pace
from station.platform.platform_api import PlatformApi
from station.platform.refusals import PlatformRefused
from station.platform.settings import PlatformSettings
from station.virtual.platform import Settings, VirtualPlatform
from station.virtual.platform.certificate_authority import make_tls
from tests.ledger.memory_keyring import MemoryKeyring
from tests.platform.accounts import (
    CHAIN,
    PRODUCT,
    Clock,
    access_key,
    api_of,
    client_of,
    give_in_environment,
    settings_of,
    tls_front,
)

WRONG = "5ec4e7-of-the-account"


def test_products_are_listed_and_made(platform: VirtualPlatform) -> None:
    api = api_of(platform)
    made = api.create_product("lamp")

    assert {one.product_key: one.name for one in api.products()} == {PRODUCT: "smart plug", made.product_key: "lamp"}
    assert api.product(made.product_key).name == "lamp"


def test_a_device_is_told_with_its_state(platform: VirtualPlatform) -> None:
    platform.register(PRODUCT, ["plug-0001", "plug-0002"])
    api = api_of(platform)
    api.disable(PRODUCT, "plug-0002")

    assert api.device_status(PRODUCT, "plug-0001").state is DeviceState.UNACTIVE
    assert api.device_status(PRODUCT, "plug-0001").since is None
    states = api.device_states(PRODUCT, ["plug-0001", "plug-0002"])
    assert {name: one.state for name, one in states.items()} == {
        "plug-0001": DeviceState.UNACTIVE,
        "plug-0002": DeviceState.DISABLE,
    }
    api.enable(PRODUCT, "plug-0002")
    detail = api.device(PRODUCT, "plug-0002")
    assert (detail.state, detail.activated, detail.was_activated) == (DeviceState.UNACTIVE, None, False)
    assert detail.device_secret.reveal() == platform.device(PRODUCT, "plug-0002").secret


def test_an_unknown_device_is_a_refusal_with_the_platforms_code(platform: VirtualPlatform) -> None:
    with pytest.raises(PlatformRefused) as caught:
        api_of(platform).device(PRODUCT, "plug-0009")

    assert (caught.value.code, caught.value.is_unknown_device) == (Code.PLATFORM_REFUSED, True)


def test_throttling_is_waited_out_longer_each_time(platform: VirtualPlatform) -> None:
    platform.register(PRODUCT, ["plug-0001"])
    platform.fail_next("GetDeviceStatus", "Throttling.User", "too many", status=400, times=3)
    clock = Clock()

    assert api_of(platform, clock).device_status(PRODUCT, "plug-0001").state is DeviceState.UNACTIVE
    assert clock.pauses == [0.5, 1.0, 2.0]


def test_throttling_without_end_is_told(platform: VirtualPlatform) -> None:
    platform.fail_next("GetDeviceStatus", "Throttling.User", "too many", status=400, times=6)

    with pytest.raises(PlatformFault) as caught:
        api_of(platform).device_status(PRODUCT, "plug-0001")

    assert caught.value.code is Code.PLATFORM_THROTTLED


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ServiceUnavailable", 503, Code.PLATFORM_UNREACHABLE),
        ("Forbidden.RAM", 403, Code.PLATFORM_KEY_REFUSED),
        ("InvalidTimeStamp.Expired", 400, Code.PLATFORM_KEY_REFUSED),
        ("iot.system.SystemException", 200, Code.PLATFORM_REFUSED),
    ],
)
def test_a_refusal_has_its_code(platform: VirtualPlatform, code: str, status: int, expected: Code) -> None:
    platform.fail_next("QueryProduct", code, "\x1b[31mno", status=status, times=3)

    with pytest.raises(PlatformFault) as caught:
        api_of(platform).product(PRODUCT)

    assert caught.value.code is expected
    assert code in caught.value.cause
    assert "\x1b" not in str(caught.value)


def test_a_lost_answer_is_asked_for_again_but_nothing_is_made_twice(platform: VirtualPlatform) -> None:
    platform.fail_next("QueryProduct", "ServiceUnavailable", "", status=503, times=2)
    platform.fail_next("CreateProduct", "ServiceUnavailable", "", status=503, times=1)
    api = api_of(platform)

    assert api.product(PRODUCT).product_key == PRODUCT
    with pytest.raises(PlatformFault):
        api.create_product("lamp")


@pytest.mark.parametrize("wrong", [{"id": "another"}, {"secret": Secret(WRONG)}])
def test_a_wrong_access_key_is_told_without_its_secret(platform: VirtualPlatform, wrong: dict[str, object]) -> None:
    right = access_key(platform)
    key = AccessKey(**{"id": right.id, "secret": right.secret, **wrong})  # type: ignore[arg-type]  # one of the two
    clock = Clock()

    with pytest.raises(PlatformFault) as caught:
        PlatformApi(OpenApiClient(settings_of(platform), key, clock=clock, pause=clock.pause)).products()

    assert caught.value.code is Code.PLATFORM_KEY_REFUSED
    assert WRONG not in f"{caught.value!r}{caught.value}{key!r}"
    assert caught.value.__context__ is None or WRONG not in str(caught.value.__context__)
    assert clock.pauses == []


def test_each_call_names_the_instance() -> None:
    with VirtualPlatform(Settings(instance_id="iot-060a02m5")) as platform:
        platform.create_product("smart plug", product_key=PRODUCT)

        assert api_of(platform).product(PRODUCT).name == "smart plug"

        other = PlatformSettings(endpoint=platform.openapi_endpoint, protocol="http")
        with pytest.raises(PlatformFault) as caught:
            PlatformApi(OpenApiClient(other, access_key(platform))).products()
    assert caught.value.code is Code.PLATFORM_REFUSED
    assert "instance_id in station.yaml (it names none)" in caught.value.mend


def test_a_platform_that_is_gone_is_told(platform: VirtualPlatform) -> None:
    settings, clock = PlatformSettings(endpoint="127.0.0.1:1", protocol="http"), Clock()
    api = PlatformApi(OpenApiClient(settings, access_key(platform), clock=clock, pause=clock.pause))

    with pytest.raises(PlatformFault) as caught:
        api.products()

    assert (caught.value.code, caught.value.place) == (Code.PLATFORM_UNREACHABLE, "127.0.0.1:1")
    assert "127.0.0.1:1 cannot be reached" in caught.value.cause


def test_proxies_of_the_environment_are_not_used_for_loopback(
    platform: VirtualPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert [one.product_key for one in api_of(platform).products()] == [PRODUCT]
    assert not goes_direct("http://iot.cn-shanghai.aliyuncs.com/")
    monkeypatch.setenv("no_proxy", ".aliyuncs.com")
    assert goes_direct("http://iot.cn-shanghai.aliyuncs.com/")


def test_the_library_prints_no_request(
    platform: VirtualPlatform, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEBUG", "sdk")
    logging.getLogger().setLevel(logging.DEBUG)

    api_of(platform).products()

    out, err = capfd.readouterr()
    assert out + err == ""


def test_a_station_without_access_key_says_so(platform: VirtualPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{CHAIN}.environment_access_key_id", None)
    monkeypatch.setattr(f"{CHAIN}.environment_ecs_metadata_disabled", "true")
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setattr("keyring.get_keyring", MemoryKeyring)

    with pytest.raises(PlatformFault) as caught:
        OpenApiClient(settings_of(platform), None)

    assert caught.value.code is Code.PLATFORM_KEY_REFUSED
    assert "station platform login" in caught.value.mend


def test_the_official_clients_chain_is_used(platform: VirtualPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    give_in_environment(monkeypatch, access_key(platform))
    monkeypatch.setattr("keyring.get_keyring", MemoryKeyring)

    assert PlatformApi(OpenApiClient(settings_of(platform))).products()


def test_a_station_without_the_extra_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "alibabacloud_iot20180120.models", None)

    with pytest.raises(PlatformFault) as caught:
        OpenApiClient(PlatformSettings(), AccessKey("id", Secret(WRONG)))

    assert caught.value.code is Code.PLATFORM_CLIENT_MISSING
    assert caught.value.mend == "Run: pip install 'flashing-station[platform]'"


def test_calls_of_one_action_keep_their_distance() -> None:
    clock = Clock()
    pace = Pace(clock, clock.pause)
    for _ in range(11):
        pace.wait("BatchCheckDeviceNames")
    for _ in range(51):
        pace.wait("QueryPageByApplyId")

    assert clock.now == pytest.approx(1.2 * (1.0 + 1.0))


def test_the_pace_never_meets_the_platforms_limits() -> None:
    with VirtualPlatform() as platform:
        platform.create_product("smart plug", product_key=PRODUCT)
        api = PlatformApi(OpenApiClient(settings_of(platform), access_key(platform)))
        for number in range(12):
            api.check_names(PRODUCT, [f"plug-{number:04d}"])

        assert {event.data["code"] for event in platform.events("openapi")} == {""}


def test_an_answer_of_another_shape_is_not_taken(platform: VirtualPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(platform)
    body = client.call("QueryProduct", product_key=PRODUCT)
    body.data.product_key = None
    monkeypatch.setattr(client, "call", lambda *_, **__: body)

    with pytest.raises(PlatformFault) as caught:
        PlatformApi(client).product(PRODUCT)

    assert caught.value.code is Code.PLATFORM_REFUSED
    assert "not understood" in caught.value.cause


@pytest.mark.parametrize("number", [0, -1, 1 << 63, None, "many"])
def test_an_order_number_that_is_none_is_not_taken(
    platform: VirtualPlatform, monkeypatch: pytest.MonkeyPatch, number: object
) -> None:
    client = client_of(platform)
    body = client.call("BatchCheckDeviceNames", product_key=PRODUCT, device_name=["plug-0001"])
    body.data.apply_id = number
    monkeypatch.setattr(client, "call", lambda *_, **__: body)

    with pytest.raises(PlatformFault):
        PlatformApi(client).check_names(PRODUCT, ["plug-0001"])


def test_what_a_device_reports_cannot_disturb_a_screen(
    platform: VirtualPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.register(PRODUCT, ["plug-0001"])
    client = client_of(platform)
    body = client.call("QueryDeviceDetail", product_key=PRODUCT, device_name="plug-0001")
    body.data.firmware_version = "1.0\x1b[2J"
    monkeypatch.setattr(client, "call", lambda *_, **__: body)

    assert PlatformApi(client).device(PRODUCT, "plug-0001").firmware_version == "1.0?[2J"


def test_a_platform_must_prove_who_it_is(tmp_path: Path) -> None:
    context, root = make_tls()
    pem, key, clock = tmp_path / "root.pem", AccessKey("id", Secret(WRONG)), Clock()
    pem.write_text(root, encoding="utf-8")
    with tls_front(context) as endpoint:
        api = PlatformApi(OpenApiClient(PlatformSettings(endpoint=endpoint), key, clock=clock, pause=clock.pause))
        with pytest.raises(PlatformFault) as caught:
            api.device_status(PRODUCT, "plug-0001")
    with tls_front(context) as endpoint:
        known = PlatformSettings(endpoint=endpoint, ca_file=str(pem))

        assert PlatformApi(OpenApiClient(known, key)).device_status(PRODUCT, "plug-0001").state is DeviceState.ONLINE
    assert caught.value.code is Code.PLATFORM_UNREACHABLE
    assert "does not prove who it is (TLS)" in caught.value.cause
    assert "ca_file" in caught.value.mend
