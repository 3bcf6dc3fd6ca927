"""Orders of devices over the OpenAPI, by the official client."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_iot20180120 import models

from station.virtual.platform import Settings, VirtualPlatform
from station.virtual.platform.api_call import ApiCall
from station.virtual.platform.batch import Batch
from station.virtual.platform.order_actions import repeated
from tests.virtual.platform.official_client import Account, account


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


def test_an_order_is_carried_out_though_nobody_asks_how_far_it_is(user: Account, product: str) -> None:
    orders = [user.call("BatchRegisterDevice", product_key=product, count=3).data.apply_id for _ in range(2)]
    assert user.call("QueryProduct", product_key=product).data.device_count == 6
    assert [user.call("QueryPageByApplyId", apply_id=apply_id).total for apply_id in orders] == [3, 3]


@pytest.mark.parametrize("polls", [0, 1])
def test_a_name_that_was_taken_since_the_check_is_refused_and_the_others_are_made(polls: int) -> None:
    with VirtualPlatform(Settings(job_polls=polls, has_call_limits=False)) as served:
        user, product = account(served), served.create_product("plug")

        def look(apply_id: int) -> Any:
            return user.call("QueryBatchRegisterDeviceStatus", product_key=product, apply_id=apply_id).data

        wanted = [["same-1", "own-1"], ["same-1", "own-2"], ["same-1"]]
        orders = [
            user.call("BatchCheckDeviceNames", product_key=product, device_name=names).data.apply_id for names in wanted
        ]
        for apply_id in orders:
            user.call("BatchRegisterDeviceWithApplyId", product_key=product, apply_id=apply_id)
        told = [[look(apply_id) for _ in range(polls + 1)][-1] for apply_id in orders]
        assert [one.status for one in told] == ["CREATE_SUCCESS", "CREATE_SUCCESS", "CREATE_FAILED"]
        assert [one.valid_list.name for one in told] == [["same-1", "own-1"], ["own-2"], []]
        assert [one.invalid_list.name for one in told] == [[], ["same-1"], ["same-1"]]
        assert [user.call("QueryPageByApplyId", apply_id=apply_id).total for apply_id in orders] == [2, 1, 0]


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


def _check_names(count: int) -> Callable[[], object]:
    names = [f"plug-{number:05d}" for number in range(count - 1)]
    call = ApiCall("", {f"DeviceName.{place}": name for place, name in enumerate([*names, names[0]], start=1)})
    return lambda: repeated(call.texts("DeviceName"))


def _read_records(count: int) -> Callable[[], object]:
    call = ApiCall("", {f"DeviceNameList.{place}.DeviceName": "plug" for place in range(1, count + 1)})
    return lambda: call.records("DeviceNameList")


def _look_at_a_done_batch(count: int) -> Callable[[], object]:
    names = tuple(f"plug-{number:05d}" for number in range(count))
    batch = Batch(1, "a1Plug", names, {}, {}, polls=0, created=list(names))
    batch.create()
    return batch.missing


@pytest.mark.parametrize("make", [_check_names, _read_records, _look_at_a_done_batch])
def test_a_batch_ten_times_as_large_costs_about_ten_times_as_much(make: Callable[[int], Callable[[], object]]) -> None:
    def cost_s(count: int) -> float:
        work, costs = make(count), []
        for _ in range(5):
            begun = time.thread_time()
            work()
            costs.append(time.thread_time() - begun)
        return min(costs)

    assert cost_s(3000) < 35 * cost_s(300)
