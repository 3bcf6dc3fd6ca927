"""The OpenAPI, called by the official client with nothing but its endpoint changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession, FormData
from Tea.exceptions import TeaException

from station.virtual.platform import DeviceState, Settings, VirtualPlatform
from station.virtual.platform.api_call import ALGORITHM, VERSION, ApiCall, ApiFault, HttpRequest, read_call
from tests.virtual.platform.mqtt_client import Certificate, Device
from tests.virtual.platform.official_client import ACCESS_KEY, Account, account


def test_products_are_made_listed_and_shown(user: Account) -> None:
    made = user.call("CreateProduct", product_name="plug & ~*/é 插座", node_type=0)
    assert made.product_key == made.data.product_key
    assert user.refused("CreateProduct", product_name="plug & ~*/é 插座", node_type=0).endswith("ProductName")
    shown = user.call("QueryProduct", product_key=made.product_key).data
    assert (shown.product_name, shown.node_type, shown.device_count) == ("plug & ~*/é 插座", 0, 0)
    pages = user.call("QueryProductList", current_page=1, page_size=1).data.page_count
    listed = [
        one.product_key
        for page in range(1, pages + 1)
        for one in user.call("QueryProductList", current_page=page, page_size=1).data.list.product_info
    ]
    assert made.product_key in listed
    assert len(listed) == pages
    assert user.refused("QueryProduct", product_key="a1Unknown00") == "iot.prod.NotExistedProduct"


def test_states_and_details_of_devices_are_told(user: Account, platform: VirtualPlatform, product: str) -> None:
    (device,) = platform.register(product, ["plug-1"])
    status = user.call("GetDeviceStatus", product_key=product, device_name="plug-1").data
    assert (status.status, status.timestamp) == (DeviceState.UNACTIVE, 0)
    detail = user.call("QueryDeviceDetail", product_key=product, device_name="plug-1").data
    assert detail.device_secret == device.secret
    assert (detail.utc_active, detail.gmt_active) == ("", "")
    by_id = user.call("GetDeviceStatus", iot_id=detail.iot_id).data
    assert by_id.status == DeviceState.UNACTIVE
    listed = user.call("QueryDevice", product_key=product).data.device_info
    assert [(one.device_name, one.device_secret) for one in listed] == [("plug-1", device.secret)]
    states = user.call("BatchGetDeviceState", product_key=product, device_name=["plug-1", "unknown"])
    assert [one.device_name for one in states.device_status_list.device_status] == ["plug-1"]
    details = user.call("BatchQueryDeviceDetail", product_key=product, device_name=["plug-1"]).data.data
    assert [one.status for one in details] == [DeviceState.UNACTIVE]
    many = [f"plug-{number}" for number in range(51)]
    assert user.refused("BatchGetDeviceState", product_key=product, device_name=many).endswith("TooManyDevices")
    assert user.refused("GetDeviceStatus", product_key=product, device_name="nobody").endswith("NotExistedDevice")


def test_a_device_is_disabled_enabled_and_deleted(user: Account, platform: VirtualPlatform, product: str) -> None:
    platform.register(product, ["plug-1"])
    named = {"product_key": product, "device_name": "plug-1"}
    user.call("DisableThing", **named)
    assert user.call("GetDeviceStatus", **named).data.status == DeviceState.DISABLE
    user.call("EnableThing", **named)
    assert user.call("GetDeviceStatus", **named).data.status == DeviceState.UNACTIVE
    user.call("DeleteDevice", **named)
    assert user.refused("GetDeviceStatus", **named).endswith("NotExistedDevice")


def test_an_offline_device_has_a_shadow_and_refuses_the_rest(
    user: Account, platform: VirtualPlatform, product: str
) -> None:
    platform.register(product, ["plug-1"])
    platform.desire(product, "plug-1", {"Level": 3})
    named = {"product_key": product, "device_name": "plug-1"}
    shadow = json.loads(user.call("GetDeviceShadow", **named).shadow_message)
    assert shadow["payload"]["state"]["desired"] == {"Level": 3}
    assert shadow["version"] == 1
    assert user.refused("SetDeviceProperty", items='{"Level": 3}', **named).endswith("OFFLINE")
    assert user.refused("SetDeviceProperty", items='{"Level": 30}', **named).endswith("SetDevicePropertyFailed")
    assert user.refused("SetDeviceProperty", items="[]", **named).endswith("InvalidFormattedItems")
    assert user.refused("InvokeThingService", identifier="Blink", args="{}", **named).endswith("OFFLINE")
    assert user.refused("InvokeThingService", identifier="Jump", args="{}", **named).endswith("ServiceFailed")


def test_an_online_device_is_told_what_it_shall_do_and_disabling_cuts_it_off(
    user: Account, platform: VirtualPlatform, product: str
) -> None:
    (made,) = platform.register(product, ["plug-1"])
    named = {"product_key": product, "device_name": "plug-1"}
    with Device(platform, Certificate(product, "plug-1", made.secret)) as device:
        device.on("thing/service/property/set", {})
        device.on("rrpc/request", {"Level": 7})
        assert user.call("GetDeviceStatus", **named).data.status == DeviceState.ONLINE
        message_id = user.call("SetDeviceProperty", items='{"Level": 3}', **named).data.message_id
        asked = device.next(device.certificate.topic("thing/service/property/set"))
        assert (asked["id"], asked["params"]) == (message_id, {"Level": 3})
        called = user.call("InvokeThingService", identifier="Blink", args="{}", **named).data
        assert device.next(device.certificate.topic("thing/service/Blink"))["id"] == called.message_id
        measured = user.call("InvokeThingService", identifier="Measure", args="{}", **named).data
        assert json.loads(measured.result) == {"Level": 7}
        device.on("rrpc/request", {"Level": 70})
        assert user.refused("InvokeThingService", identifier="Measure", args="{}", **named).endswith("ServiceFailed")
        user.call("DisableThing", **named)
        assert device.gone.wait(10)
    detail = user.call("QueryDeviceDetail", **named).data
    assert (detail.status, bool(detail.utc_active)) == (DeviceState.DISABLE, True)


async def test_a_firmware_is_uploaded_and_served_whole_and_in_part(
    user: Account, platform: VirtualPlatform, product: str
) -> None:
    platform.register(product, ["plug-1"])
    data = bytes(range(256)) * 40
    offer = (await asyncio.to_thread(user.call, "GenerateOTAUploadURL", file_suffix="bin")).data
    async with ClientSession() as session:
        form = FormData({"key": offer.key})
        form.add_field("file", data, filename="app.bin")
        async with session.post(offer.host, data=form) as answer:
            assert answer.status == 204
        firmware = {
            "product_key": product,
            "firmware_name": "app",
            "dest_version": "2.0.0",
            "firmware_url": offer.firmware_url,
            "firmware_size": len(data),
            "sign_method": "SHA256",
        }
        wrong = await asyncio.to_thread(user.refused, "CreateOTAFirmware", firmware_sign="00" * 32, **firmware)
        assert wrong.endswith("SignNotMatched")
        sign = hashlib.sha256(data).hexdigest()
        made = await asyncio.to_thread(user.call, "CreateOTAFirmware", firmware_sign=sign, **firmware)
        job = await asyncio.to_thread(
            user.call,
            "CreateOTAStaticUpgradeJob",
            product_key=product,
            firmware_id=made.data.firmware_id,
            target_selection="SPECIFIC",
            target_device_name=["plug-1"],
        )
        assert job.data.job_id
        async with session.get(offer.firmware_url) as answer:
            assert (answer.headers["Content-Length"], await answer.read()) == (str(len(data)), data)
        async with session.get(offer.firmware_url, headers={"Range": "bytes=100-199"}) as answer:
            assert (answer.status, await answer.read()) == (206, data[100:200])
            assert answer.headers["Content-Range"] == f"bytes 100-199/{len(data)}"
        async with session.get(offer.firmware_url, headers={"Range": f"bytes={len(data)}-"}) as answer:
            assert answer.status == 416
        async with session.get(offer.firmware_url + "x") as answer:
            assert answer.status == 404


async def test_the_console_gives_a_products_certificates_as_its_csv(platform: VirtualPlatform, product: str) -> None:
    (device,) = await asyncio.to_thread(platform.register, product, ["plug-1"])
    async with ClientSession() as session, session.get(f"{platform.console_url}/{product}.csv") as answer:
        text = (await answer.read()).decode("utf-8")
        assert answer.headers["Content-Disposition"].endswith(f'"{product}.csv"')
    assert text == f"\ufeffDeviceName,DeviceSecret,ProductKey\r\nplug-1,{device.secret},{product}\r\n"


def test_a_wrong_key_is_refused(platform: VirtualPlatform) -> None:
    listing = {"current_page": 1, "page_size": 10}
    assert account(platform, key="unknown").refused("QueryProductList", **listing) == (
        "HTTP 404 InvalidAccessKeyId.NotFound"
    )
    assert (
        account(platform, secret=ACCESS_KEY[0]).refused("QueryProductList", **listing)
        == "HTTP 400 SignatureDoesNotMatch"
    )


def test_a_call_is_good_once_and_for_a_quarter_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_800_000_000.0]
    with VirtualPlatform(Settings(clock=lambda: now[0])) as late:
        refused = account(late).refused("QueryProductList", current_page=1, page_size=10)
    assert refused == "HTTP 400 InvalidTimeStamp.Expired"
    with VirtualPlatform() as served:
        monkeypatch.setattr("alibabacloud_tea_openapi.client.Utils.get_nonce", lambda: "always-the-same")
        user = account(served)
        user.call("QueryProductList", current_page=1, page_size=10)
        refused = user.refused("QueryProductList", current_page=1, page_size=10)
    assert refused == "HTTP 400 SignatureNonceUsed"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"method": "PUT"}, "UnsupportedHTTPMethod"),
        ({"headers": {}}, "MissingAction"),
        ({"headers": {"x-acs-action": "QueryProduct", "x-acs-version": "2015-05-01"}}, "InvalidVersion"),
        ({"headers": {"x-acs-action": "QueryProduct", "x-acs-version": "2018-01-20"}}, "IncompleteSignature"),
    ],
)
def test_what_is_no_signed_call_is_refused(changed: dict[str, Any], code: str) -> None:
    parts: dict[str, Any] = {"method": "POST", "target": "/", "headers": {}, "body": b"", **changed}
    with pytest.raises(ApiFault) as caught:
        read_call(HttpRequest(**parts), Settings())
    assert caught.value.code == code


def test_an_instance_with_an_id_must_be_named() -> None:
    listing = {"current_page": 1, "page_size": 10}
    with VirtualPlatform(Settings(instance_id="iot-060a0bgd")) as instance:
        user = account(instance)
        assert "Instance" in user.refused("QueryProductList", **listing)
        assert "Instance" in user.refused("QueryProductList", iot_instance_id="iot-other", **listing)
        assert user.call("QueryProductList", iot_instance_id="iot-060a0bgd", **listing).success
    with VirtualPlatform() as public:
        assert "Instance" in account(public).refused("QueryProductList", iot_instance_id="iot-060a0bgd", **listing)


def test_who_calls_too_often_is_throttled() -> None:
    with VirtualPlatform() as strict:
        user, product = account(strict), strict.create_product("plug")
        refusals = [user.refused("BatchRegisterDevice", product_key="a1Unknown00", count=1) for _ in range(40)]
        assert "HTTP 400 Throttling.User" in refusals
        assert refusals[:10] == ["iot.prod.NotExistedProduct"] * 10
        assert user.call("QueryProduct", product_key=product).success


def test_a_failure_comes_as_it_was_wished(user: Account, platform: VirtualPlatform) -> None:
    platform.fail_next("QueryProductList", "iot.system.SystemException")
    platform.fail_next("QueryProductList", "ServiceUnavailable", status=503)
    listing = {"current_page": 1, "page_size": 10}
    assert user.refused("QueryProductList", **listing) == "iot.system.SystemException"
    assert user.refused("QueryProductList", **listing) == "HTTP 503 ServiceUnavailable"
    assert user.call("QueryProductList", **listing).success


async def test_a_platform_that_goes_away_answers_no_kept_connection() -> None:
    with VirtualPlatform() as served:
        url = f"{served.console_url}/{served.create_product('plug', product_key='a1Plug')}.csv"
        user = account(served)
        async with ClientSession() as session:
            async with session.get(url) as answer:
                assert (answer.status, await answer.read()) == (
                    200,
                    b"\xef\xbb\xbfDeviceName,DeviceSecret,ProductKey\r\n",
                )
            await asyncio.to_thread(served.stop)
            with pytest.raises(ClientConnectionError):
                await session.get(url)
    with pytest.raises(TeaException):
        await asyncio.to_thread(user.call, "QueryProduct", product_key="a1Plug")


def test_bytes_that_are_no_text_are_a_wrong_signature() -> None:
    headers = {
        "x-acs-action": "QueryProduct",
        "x-acs-version": VERSION,
        "x-acs-date": "2026-11-24T00:00:00Z",
        "x-odd": "\udcff",
        "authorization": f"{ALGORITHM} Credential={ACCESS_KEY[0]},SignedHeaders=host;x-odd,Signature=00",
    }
    settings = Settings(clock=lambda: datetime(2026, 11, 24, tzinfo=UTC).timestamp())
    with pytest.raises(ApiFault) as caught:
        read_call(HttpRequest("POST", "/?A=%FF", headers, b""), settings)
    assert caught.value.code == "SignatureDoesNotMatch"


def test_a_number_without_measure_is_refused(user: Account, product: str) -> None:
    assert user.refused("BatchRegisterDevice", product_key=product, count=10**4200) == "HTTP 400 InvalidCount"
    call = ApiCall("BatchRegisterDevice", {"Count": "9" * 5000})
    with pytest.raises(ApiFault):
        call.number("Count")
