"""The IoT platform as the station uses it: products, orders of devices, states. Strings of the OpenAPI end here.

All methods raise PlatformFault; PlatformRefused when the platform answered with a code of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

from station.certificate import Secret
from station.platform import refusals
from station.platform.device_state import DeviceState, DeviceStatus
from station.platform.openapi_client import OpenApiClient
from station.platform.records import (
    CertificatePage,
    DeviceCertificate,
    DeviceDetail,
    Job,
    JobState,
    Product,
)

NAMES_A_JOB_MAX: Final = 10_000
"""BatchCheckDeviceNames takes no more."""
CERTIFICATES_A_PAGE: Final = 50
STATES_A_CALL_MAX: Final = 50
_PRODUCTS_A_PAGE: Final = 50
_DIRECTLY_CONNECTED: Final = 0
_GATEWAY: Final = 1
_ALINK_JSON: Final = 1
Answer = TypeVar("Answer")


class PlatformApi:
    """One platform, for one account. Threads may share it."""

    def __init__(self, client: OpenApiClient) -> None:
        self._client = client
        self.settings = client.settings

    # Products

    def products(self) -> list[Product]:
        """Give all products, as the platform orders them."""
        found: list[Product] = []
        page = 1
        while True:
            body = self._client.call("QueryProductList", current_page=page, page_size=_PRODUCTS_A_PAGE)
            listed, pages = self._read("QueryProductList", partial(_product_page, body))
            found += listed
            if page >= pages or not listed:
                return found
            page += 1

    def product(self, product_key: str) -> Product:
        """Give one product."""
        body = self._client.call("QueryProduct", product_key=product_key)
        return self._read("QueryProduct", lambda: _product(body.data))

    def create_product(self, name: str, *, is_gateway: bool = False) -> Product:
        """Make a product whose devices speak the platform's own JSON over WiFi, and prove themselves by DeviceSecret."""
        body = self._client.call(
            "CreateProduct",
            product_name=name,
            node_type=_GATEWAY if is_gateway else _DIRECTLY_CONNECTED,
            data_format=_ALINK_JSON,
            net_type="WIFI",
            auth_type="secret",
            aliyun_commodity_code="iothub_senior",
        )
        key = self._read("CreateProduct", lambda: _text(body.product_key or body.data.product_key))
        return Product(key, name, 0, is_gateway, None)

    # Orders of devices

    def check_names(self, product_key: str, names: Sequence[str]) -> int:
        """Ask for up to 10,000 names and give the ApplyId under which they are checked; nothing is registered yet."""
        body = self._client.call("BatchCheckDeviceNames", product_key=product_key, device_name=list(names))
        return self._read("BatchCheckDeviceNames", lambda: _apply_id(body.data.apply_id))

    def register(self, product_key: str, apply_id: int) -> None:
        """Have the checked names of an ApplyId registered. Never repeated by itself: look at the job first."""
        self._client.call("BatchRegisterDeviceWithApplyId", product_key=product_key, apply_id=apply_id)

    def job(self, product_key: str, apply_id: int) -> Job:
        """Give how far an ApplyId is."""
        action = "QueryBatchRegisterDeviceStatus"
        body = self._client.call(action, product_key=product_key, apply_id=apply_id)
        return self._read(action, lambda: Job(JobState(body.data.status), _invalid_names(body.data)))

    def certificates(self, apply_id: int, page: int) -> CertificatePage:
        """Give one page (from 1) of the devices that an ApplyId registered, 50 on each."""
        action = "QueryPageByApplyId"
        body = self._client.call(action, apply_id=apply_id, current_page=page, page_size=CERTIFICATES_A_PAGE)

        def read() -> CertificatePage:
            listed = body.apply_device_list.apply_device_info or []
            devices = tuple(
                DeviceCertificate(_text(one.device_name), Secret(_text(one.device_secret))) for one in listed
            )
            return CertificatePage(devices, int(body.page_count), int(body.total))

        return self._read(action, read)

    # Devices

    def device_status(self, product_key: str, device_name: str) -> DeviceStatus:
        """Give the state of one device, and since when."""
        body = self._client.call("GetDeviceStatus", product_key=product_key, device_name=device_name)

        def read() -> DeviceStatus:
            return DeviceStatus(DeviceState(body.data.status), _moment_of_ms(body.data.timestamp))

        return self._read("GetDeviceStatus", read)

    def device_states(self, product_key: str, device_names: Sequence[str]) -> dict[str, DeviceStatus]:
        """Give the states of up to 50 devices by DeviceName; one that the platform does not know is left out."""
        body = self._client.call("BatchGetDeviceState", product_key=product_key, device_name=list(device_names))

        def read() -> dict[str, DeviceStatus]:
            return {
                _text(one.device_name): DeviceStatus(DeviceState(one.status), _moment_of_ms(one.timestamp))
                for one in body.device_status_list.device_status or []
            }

        return self._read("BatchGetDeviceState", read)

    def device(self, product_key: str, device_name: str) -> DeviceDetail:
        """Give one device with its secret and the time of its activation."""
        body = self._client.call("QueryDeviceDetail", product_key=product_key, device_name=device_name)
        return self._read("QueryDeviceDetail", lambda: _detail(body.data))

    def disable(self, product_key: str, device_name: str) -> None:
        """Forbid a device to connect, and end its connection; can be undone."""
        self._client.call("DisableThing", product_key=product_key, device_name=device_name)

    def enable(self, product_key: str, device_name: str) -> None:
        """Allow a device to connect again."""
        self._client.call("EnableThing", product_key=product_key, device_name=device_name)

    def _read(self, action: str, read: Callable[[], Answer]) -> Answer:
        """Read an answer; PlatformFault when a field that must be there is not, or holds something else."""
        try:
            return read()
        except (
            AttributeError,
            TypeError,
            ValueError,
            OverflowError,
            OSError,
        ):  # OSError: Windows, for a time out of range
            raise refusals.not_understood(action, self.settings) from None


def _product_page(body: Any) -> tuple[list[Product], int]:
    listed = body.data.list.product_info if body.data.list else None
    return [_product(one) for one in listed or []], int(body.data.page_count)


def _product(data: Any) -> Product:
    return Product(
        _text(data.product_key),
        _shown(data.product_name),
        int(data.device_count or 0),
        data.node_type == _GATEWAY,
        _moment_of_ms(data.gmt_create),
    )


def _invalid_names(data: Any) -> tuple[str, ...]:
    return tuple(str(name) for name in (data.invalid_list.name if data.invalid_list else None) or ())


def _detail(data: Any) -> DeviceDetail:
    return DeviceDetail(
        _text(data.product_key),
        _text(data.device_name),
        DeviceState(data.status),
        Secret(_text(data.device_secret)),
        _moment(data.utc_active),
        _moment(data.utc_online),
        _shown(data.firmware_version),
    )


def _text(value: Any) -> str:
    """Give a text that must be there; ValueError."""
    if not isinstance(value, str) or not value:
        raise ValueError("a field is missing")
    return value


def _shown(value: Any) -> str:
    """Give a text that somebody else wrote, without what could disturb a screen."""
    return "".join(one if one.isprintable() else "?" for one in str(value or ""))


def _apply_id(value: Any) -> int:
    number = int(value)
    if not 0 < number < 1 << 63:
        raise ValueError("an ApplyId is a positive number of 64 bits")
    return number


def _moment_of_ms(milliseconds: Any) -> datetime | None:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None


def _moment(text: Any) -> datetime | None:
    """Read the OpenAPI's UTC times: `2018-08-06T10:47:50.000Z`, empty for never."""
    return datetime.fromisoformat(str(text)).astimezone(UTC) if text else None
