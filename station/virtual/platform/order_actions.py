"""The OpenAPI's actions that order devices and give their certificates.

A batch is ordered twice when it is asked for twice by count; by names the second order finds them taken: so does the platform.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from station.virtual.platform.api_call import ApiCall
from station.virtual.platform.batch import Batch
from station.virtual.platform.core import Core
from station.virtual.platform.product_actions import page_of, pages
from station.virtual.platform.registry import RegistryFault

CERTIFICATES_A_PAGE_MAX: Final = 50
_CERTIFICATES_A_PAGE: Final = 10


class OrderActions:
    """Checks names, registers, tells how far a batch is, gives its certificates."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def actions(self) -> Mapping[str, Callable[[ApiCall], dict[str, Any]]]:
        return {
            "BatchCheckDeviceNames": self._check,
            "BatchRegisterDevice": self._register_count,
            "BatchRegisterDeviceWithApplyId": self._register,
            "QueryBatchRegisterDeviceStatus": self._status,
            "QueryPageByApplyId": self._page,
        }

    def _check(self, call: ApiCall) -> dict[str, Any]:
        records = call.records("DeviceNameList")
        names = call.texts("DeviceName") or [record.get("DeviceName", "") for record in records]
        nicknames = {
            record["DeviceName"]: record["DeviceNickname"] for record in records if record.get("DeviceNickname")
        }
        polls = self._core.settings.job_polls
        batch = self._core.registry.order(call.text("ProductKey"), names, nicknames=nicknames, polls=polls)
        invalid = [name for name, fault in batch.faults.items() if "InvalidFormatted" in fault]
        data = {
            "ApplyId": batch.apply_id,
            "InvalidDeviceNameList": {"InvalidDeviceName": invalid},
            "RepeatedDeviceNameList": {"RepeatDevieNameList": repeated(names)},
        }
        return {"Data": data}

    def _register_count(self, call: ApiCall) -> dict[str, Any]:
        polls = self._core.settings.job_polls
        batch = self._core.registry.order_count(call.text("ProductKey"), call.number("Count"), polls=polls)
        self._core.registry.fulfil(batch)
        return {"Data": {"ApplyId": batch.apply_id}}

    def _register(self, call: ApiCall) -> dict[str, Any]:
        batch = self._batch(call)
        batch.create()
        self._core.registry.fulfil(batch)
        return {"Data": {"ApplyId": batch.apply_id}}

    def _status(self, call: ApiCall) -> dict[str, Any]:
        batch = self._batch(call)
        state = batch.look()
        self._core.registry.fulfil(batch)
        details = [{"DeviceName": name, "ErrorMsg": fault} for name, fault in batch.faults.items()]
        data = {
            "Status": state,
            "ValidList": {"Name": list(batch.valid)},
            "InvalidList": {"Name": list(batch.faults)},
            "InvalidDetailList": {"invalidDetailList": details},
        }
        return {"Data": data}

    def _page(self, call: ApiCall) -> dict[str, Any]:
        batch = self._core.registry.batch(call.number("ApplyId"))
        page = call.number("CurrentPage", 1)
        size = call.number("PageSize", _CERTIFICATES_A_PAGE, most=CERTIFICATES_A_PAGE_MAX)
        product = self._core.registry.product(batch.product_key)
        devices = [product.devices[name] for name in batch.created if name in product.devices]
        listed = [
            {
                "DeviceName": one.key.device_name,
                "DeviceSecret": one.secret,
                "IotId": one.iot_id,
                "DeviceId": one.iot_id,
            }
            for one in page_of(devices, page, size)
        ]
        numbers = {"Page": page, "PageSize": size, "PageCount": pages(len(devices), size), "Total": len(devices)}
        return {**numbers, "ApplyDeviceList": {"ApplyDeviceInfo": listed}}

    def _batch(self, call: ApiCall) -> Batch:
        batch = self._core.registry.batch(call.number("ApplyId"))
        if batch.product_key != call.text("ProductKey"):
            raise RegistryFault("iot.device.DeviceApplyIsNotFound", "The application form does not exist.")
        return batch


def repeated(names: Iterable[str]) -> list[str]:
    """The names that stand more than once."""
    return sorted(name for name, times in Counter(names).items() if times > 1)
