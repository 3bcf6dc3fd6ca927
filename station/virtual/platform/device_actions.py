"""The OpenAPI's actions on devices: state, details, disabling, deleting, shadow."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from station.virtual.platform.api_call import ApiCall, ApiFault
from station.virtual.platform.core import Core
from station.virtual.platform.device import Device, DeviceKey, DeviceState
from station.virtual.platform.product_actions import page_of, pages
from station.virtual.platform.registry import Registry
from station.virtual.platform.uplink import Uplink

STATES_A_CALL_MAX: Final = 50
DETAILS_A_CALL_MAX: Final = 100
DEVICES_A_PAGE_MAX: Final = 50
_DEVICES_A_PAGE: Final = 10
_CHINA: Final = timezone(timedelta(hours=8))
"""Times named Gmt… are China's in the documents' examples."""
DISABLED: Final = "Disabled"
DELETED: Final = "Deleted"


class DeviceActions:
    """Asks and changes what the platform holds of devices."""

    def __init__(self, core: Core, uplink: Uplink) -> None:
        self._core = core
        self._uplink = uplink

    @property
    def actions(self) -> Mapping[str, Callable[[ApiCall], dict[str, Any]]]:
        return {
            "QueryDevice": self._list,
            "QueryDeviceDetail": self._show,
            "BatchQueryDeviceDetail": self._show_many,
            "GetDeviceStatus": self._status,
            "BatchGetDeviceState": self._states,
            "DisableThing": lambda call: self._set_disabled(call, is_disabled=True),
            "EnableThing": lambda call: self._set_disabled(call, is_disabled=False),
            "DeleteDevice": self._delete,
            "GetDeviceShadow": self._shadow,
        }

    def set_disabled(self, key: DeviceKey, *, is_disabled: bool) -> None:
        """Forbid or allow a device to connect; forbidding ends its connection. RegistryFault."""
        device = self._core.registry.device(key)
        device.is_disabled = is_disabled
        if is_disabled:
            self._core.broker.drop(key, DISABLED)

    def delete(self, key: DeviceKey) -> None:
        """Remove a device for ever, and all that is kept of it. RegistryFault."""
        self._core.registry.device(key)
        self._core.broker.drop(key, DELETED)
        self._core.registry.delete(key)
        self._uplink.forget(key)

    def _list(self, call: ApiCall) -> dict[str, Any]:
        page = call.number("CurrentPage", 1)
        size = call.number("PageSize", _DEVICES_A_PAGE, most=DEVICES_A_PAGE_MAX)
        devices = list(self._core.registry.product(call.text("ProductKey")).devices.values())
        listed = [
            {
                "ProductKey": one.key.product_key,
                "DeviceName": one.key.device_name,
                "DeviceSecret": one.secret,
                "DeviceStatus": one.state,
                "IotId": one.iot_id,
                "Nickname": one.nickname,
                "UtcCreate": _utc(one.created_at),
            }
            for one in page_of(devices, page, size)
        ]
        numbers = {"Page": page, "PageSize": size, "PageCount": pages(len(devices), size), "Total": len(devices)}
        return {**numbers, "Data": {"DeviceInfo": listed}}

    def _show(self, call: ApiCall) -> dict[str, Any]:
        return {"Data": self._detail(chosen_device(self._core.registry, call))}

    def _show_many(self, call: ApiCall) -> dict[str, Any]:
        names = _some_of(call, "DeviceName", DETAILS_A_CALL_MAX)
        devices = self._core.registry.product(call.text("ProductKey")).devices
        return {"Data": {"Data": [self._detail(devices[name]) for name in names if name in devices]}}

    def _status(self, call: ApiCall) -> dict[str, Any]:
        device = chosen_device(self._core.registry, call)
        return {"Data": {"Status": device.state, "Timestamp": _since_ms(device)}}

    def _states(self, call: ApiCall) -> dict[str, Any]:
        registry = self._core.registry
        if "IotId.1" in call.parameters:
            devices = [registry.device_of_iot_id(one) for one in _some_of(call, "IotId", STATES_A_CALL_MAX)]
        else:
            names = _some_of(call, "DeviceName", STATES_A_CALL_MAX)
            known = registry.product(call.text("ProductKey")).devices
            devices = [known[name] for name in names if name in known]
        listed = [
            {
                "DeviceName": one.key.device_name,
                "IotId": one.iot_id,
                "Status": one.state,
                "Timestamp": _since_ms(one),
                "LastOnlineTime": _utc(one.online_at),
            }
            for one in devices
        ]
        return {"DeviceStatusList": {"DeviceStatus": listed}}

    def _set_disabled(self, call: ApiCall, *, is_disabled: bool) -> dict[str, Any]:
        self.set_disabled(chosen_device(self._core.registry, call).key, is_disabled=is_disabled)
        return {}

    def _delete(self, call: ApiCall) -> dict[str, Any]:
        self.delete(chosen_device(self._core.registry, call).key)
        return {}

    def _shadow(self, call: ApiCall) -> dict[str, Any]:
        key = DeviceKey(call.text("ProductKey"), call.text("DeviceName"))
        self._core.registry.device(key)
        shadow = self._uplink.shadows.of(key)
        message = {"method": "reply", "payload": {"status": "success", **shadow.view()}, "version": shadow.version}
        return {"ShadowMessage": json.dumps(message, ensure_ascii=False)}

    def _detail(self, device: Device) -> dict[str, Any]:
        product = self._core.registry.product(device.key.product_key)
        return {
            "ProductKey": device.key.product_key,
            "ProductName": product.name,
            "DeviceName": device.key.device_name,
            "DeviceSecret": device.secret,
            "Nickname": device.nickname,
            "IotId": device.iot_id,
            "NodeType": int(product.is_gateway),
            "Region": self._core.settings.region,
            "Status": device.state,
            "FirmwareVersion": device.firmware_version,
            "IpAddress": device.address,
            "GmtCreate": _gmt(device.created_at),
            "GmtActive": _gmt(device.activated_at),
            "GmtOnline": _gmt(device.online_at),
            "UtcCreate": _utc(device.created_at),
            "UtcActive": _utc(device.activated_at),
            "UtcOnline": _utc(device.online_at),
        }


def chosen_device(registry: Registry, call: ApiCall) -> Device:
    """The device that IotId, or ProductKey and DeviceName, name. RegistryFault, ApiFault."""
    if call.parameters.get("IotId"):
        return registry.device_of_iot_id(call.parameters["IotId"])
    return registry.device(DeviceKey(call.text("ProductKey"), call.text("DeviceName")))


def _some_of(call: ApiCall, name: str, most: int) -> list[str]:
    given = call.texts(name)
    if not given:
        raise ApiFault(f"Missing{name}", f"{name} is mandatory for this action.", 400)
    if len(given) > most:
        raise ApiFault("iot.device.TooManyDevices", f"At most {most} devices in one call.")
    return given


def _since_ms(device: Device) -> int:
    """When the state began; 0 for a device that never connected."""
    if device.state is DeviceState.UNACTIVE or device.state_at is None:
        return 0
    return int(device.state_at * 1000)


def _utc(at: float | None) -> str:
    if at is None:
        return ""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _gmt(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, _CHINA).strftime("%Y-%m-%d %H:%M:%S")
