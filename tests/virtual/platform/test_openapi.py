"""The OpenAPI, called by the official client with nothing but its endpoint changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession, FormData
from alibabacloud_iot20180120 import models
from alibabacloud_iot20180120.client import Client
from alibabacloud_tea_openapi.models import Config
from Tea.exceptions import TeaException

from station.virtual.platform import DeviceState, Settings, VirtualPlatform
from station.virtual.platform.api_call import ApiFault, HttpRequest, read_call

ACCESS_KEY = ("virtual-access-key", "virtual-access-secret")
TSL: dict[str, Any] = {
    "properties": [{"identifier": "Level", "accessMode": "rw", "dataType": {"type": "int", "specs": {"max": "9"}}}],
    "services": [{"identifier": "Blink", "callType": "async", "inputData": [], "outputData": []}],
}


@dataclass(frozen=True)
class Account:
    """The official client as an account's user has it."""

    client: Any

    def call(self, action: str, **parameters: Any) -> Any:
        """Give the answer's body; `QueryProduct` is the action."""
        method = next(name for name in dir(self.client) if name.replace("_", "") == action.lower())
        return getattr(self.client, method)(getattr(models, f"{action}Request")(**parameters)).body

    def refused(self, action: str, **parameters: Any) -> str:
        """Give the code with which a call is refused, however it is told."""
        try:
            body = self.call(action, **parameters)
        except TeaException as error:
            return f"HTTP {error.status_code} {error.code}"
        assert body.success is False
        return str(body.code)


def account(platform: VirtualPlatform, key: str = ACCESS_KEY[0], secret: str = ACCESS_KEY[1]) -> Account:
    config = Config(
        access_key_id=key,
        access_key_secret=secret,
        endpoint=platform.openapi_endpoint,
        protocol="HTTP",
        region_id="cn-shanghai",
    )
    return Account(Client(config))


@pytest.fixture(scope="module")
def platform() -> Iterator[VirtualPlatform]:
    with VirtualPlatform(Settings(has_call_limits=False)) as served:
        yield served


@pytest.fixture(scope="module")
def user(platform: VirtualPlatform) -> Account:
    return account(platform)


@pytest.fixture
def product(request: pytest.FixtureRequest, platform: VirtualPlatform) -> str:
    """A product of this test's own; gives its key."""
    return platform.create_product(request.node.name, thing_model=TSL)


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


def test_devices_are_ordered_by_name_and_their_certificates_come_in_pages(user: Account, product: str) -> None:
    names = [f"plug-{number:03d}" for number in range(60)]
    checked = user.call("BatchCheckDeviceNames", product_key=product, device_name=names)
    apply_id = checked.data.apply_id
    assert user.call("QueryBatchRegisterDeviceStatus", product_key=product, apply_id=apply_id).data.status == (
        "CHECK_SUCCESS"
    )
    assert user.call("QueryPageByApplyId", apply_id=apply_id).total == 0
    user.call("BatchRegisterDeviceWithApplyId", product_key=product, apply_id=apply_id)
    done = user.call("QueryBatchRegisterDeviceStatus", product_key=product, apply_id=apply_id).data
    assert (done.status, done.valid_list.name) == ("CREATE_SUCCESS", names)
    first = user.call("QueryPageByApplyId", apply_id=apply_id, page_size=50, current_page=1)
    second = user.call("QueryPageByApplyId", apply_id=apply_id, page_size=50, current_page=2)
    assert (first.total, first.page_count) == (60, 2)
    rows = [*first.apply_device_list.apply_device_info, *second.apply_device_list.apply_device_info]
    assert [row.device_name for row in rows] == names
    assert len({row.device_secret for row in rows}) == 60
    assert user.refused("QueryPageByApplyId", apply_id=apply_id, page_size=51) == "HTTP 400 InvalidPageSize"
    again = user.call("BatchCheckDeviceNames", product_key=product, device_name=names[:2]).data.apply_id
    told = user.call("QueryBatchRegisterDeviceStatus", product_key=product, apply_id=again).data
    assert (told.status, told.invalid_list.name) == ("CHECK_FAILED", names[:2])
    assert "AlreadyExisted" in told.invalid_detail_list.invalid_detail_list[0].error_msg


def test_names_that_cannot_be_had_are_named(user: Account, product: str) -> None:
    names = ["good-1", "bad name", "good-1"]
    data = user.call("BatchCheckDeviceNames", product_key=product, device_name=names).data
    assert data.invalid_device_name_list.invalid_device_name == ["bad name"]
    assert data.repeated_device_name_list.repeat_devie_name_list == ["good-1"]
    nicknamed = models.BatchCheckDeviceNamesRequestDeviceNameList(device_name="lamp-1", device_nickname="the lamp")
    apply_id = user.call("BatchCheckDeviceNames", product_key=product, device_name_list=[nicknamed]).data.apply_id
    user.call("BatchRegisterDeviceWithApplyId", product_key=product, apply_id=apply_id)
    user.call("QueryBatchRegisterDeviceStatus", product_key=product, apply_id=apply_id)
    assert user.call("QueryDeviceDetail", product_key=product, device_name="lamp-1").data.nickname == "the lamp"
    too_many = [f"name-{number}" for number in range(10_001)]
    assert user.refused("BatchCheckDeviceNames", product_key=product, device_name=too_many).endswith("CountExceeded")


def test_an_order_by_count_that_is_given_twice_is_two_orders(user: Account, product: str) -> None:
    orders = [user.call("BatchRegisterDevice", product_key=product, count=3).data.apply_id for _ in range(2)]
    for apply_id in orders:
        told = user.call("QueryBatchRegisterDeviceStatus", product_key=product, apply_id=apply_id)
        assert told.data.status == "CREATE_SUCCESS"
    assert orders[0] != orders[1]
    assert user.call("QueryProduct", product_key=product).data.device_count == 6
    assert user.refused("BatchRegisterDevice", product_key=product, count=10_001).endswith("CountExceeded")


def test_a_batch_is_checked_and_created_over_several_looks() -> None:
    with VirtualPlatform(Settings(job_polls=2)) as slow:
        user, product = account(slow), slow.create_product("slow")
        apply_id = user.call("BatchCheckDeviceNames", product_key=product, device_name=["plug-1"]).data.apply_id

        def look() -> str:
            told = user.call("QueryBatchRegisterDeviceStatus", product_key=product, apply_id=apply_id)
            return str(told.data.status)

        assert [look() for _ in range(3)] == ["CHECK", "CHECK", "CHECK_SUCCESS"]
        user.call("BatchRegisterDeviceWithApplyId", product_key=product, apply_id=apply_id)
        assert [look() for _ in range(3)] == ["CREATE", "CREATE", "CREATE_SUCCESS"]


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
