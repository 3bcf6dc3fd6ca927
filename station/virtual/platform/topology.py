"""Sub-devices: which belong to which gateway, and their sessions over it.

Codes from the platform's documentation of gateways and sub-devices.
"""

from __future__ import annotations

from typing import Any, Final

from station.virtual.platform.alink import BAD_PARAMETER, NO_SUCH_DEVICE, AlinkFault, Request
from station.virtual.platform.connection import Connection
from station.virtual.platform.core import Core
from station.virtual.platform.device import Device, DeviceKey
from station.virtual.platform.signature import is_signature

NO_SESSION: Final = 520
DISABLED: Final = 522
WRONG_SIGNATURE: Final = 6287
NOT_IN_TOPOLOGY: Final = 6401
ITSELF: Final = 6402
_UNSIGNED: Final = {"sign", "signmethod", "signMethod", "cleanSession"}


class Topology:
    """The sub-devices of each gateway."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._gateways: dict[DeviceKey, DeviceKey] = {}
        """The gateway of each sub-device."""

    def add(self, gateway: DeviceKey, request: Request) -> list[dict[str, str]]:
        """A gateway takes sub-devices, each proven by its own signature, from whichever had them. AlinkFault."""
        if not self._core.registry.product(gateway.product_key).is_gateway:
            # The platform's own code for this could not be verified.
            raise AlinkFault(BAD_PARAMETER, "the product is not a gateway")
        wanted = [(self._device(entry), entry) for entry in _list(request)]
        for device, entry in wanted:
            if device.key == gateway:
                raise AlinkFault(ITSELF, "a gateway is not its own sub-device")
            _check_signature(device, entry)
        for device, _ in wanted:
            before = self._gateways.get(device.key, gateway)
            if before != gateway:
                self._leave(before, device.key)
            self._gateways[device.key] = gateway
            self._core.log.add("topo", device.key, change="add", gateway=gateway)
        return [_names(device.key) for device, _ in wanted]

    def delete(self, gateway: DeviceKey, request: Request) -> list[dict[str, str]]:
        """A gateway gives sub-devices up. AlinkFault."""
        keys = [self._mine(gateway, self._device(entry).key) for entry in _list(request)]
        for key in keys:
            self._leave(gateway, key)
            del self._gateways[key]
            self._core.log.add("topo", key, change="delete", gateway=gateway)
        return [_names(key) for key in keys]

    def list(self, gateway: DeviceKey) -> list[dict[str, str]]:
        """The sub-devices of a gateway."""
        return [_names(key) for key, owner in self._gateways.items() if owner == gateway]

    def login(self, gateway: DeviceKey, connection: Connection, request: Request) -> dict[str, str]:
        """A sub-device comes online over its gateway. AlinkFault."""
        entry = request.fields()
        device = self._device(entry)
        self._mine(gateway, device.key)
        _check_signature(device, entry)
        if device.is_disabled:
            raise AlinkFault(DISABLED, "the sub-device is disabled")
        self._core.broker.let_in_sub_device(connection, device)
        return _names(device.key)

    def logout(self, gateway: DeviceKey, request: Request) -> dict[str, str]:
        """A sub-device goes offline. AlinkFault."""
        key = self._mine(gateway, self._device(request.fields()).key)
        if not self._leave(gateway, key):
            raise AlinkFault(NO_SESSION, "the sub-device has no session")
        return _names(key)

    def forget(self, key: DeviceKey) -> None:
        """A device was deleted."""
        self._gateways = {sub: owner for sub, owner in self._gateways.items() if key not in {sub, owner}}

    def _leave(self, gateway: DeviceKey, key: DeviceKey) -> bool:
        connection = self._core.broker.connection_of(key)
        if connection is None or connection.key != gateway:
            return False
        self._core.broker.drop(key, "logged out by its gateway")
        return True

    def _mine(self, gateway: DeviceKey, key: DeviceKey) -> DeviceKey:
        if self._gateways.get(key) != gateway:
            raise AlinkFault(NOT_IN_TOPOLOGY, "not a sub-device of this gateway")
        return key

    def _device(self, entry: Any) -> Device:
        if not isinstance(entry, dict):
            raise AlinkFault(BAD_PARAMETER, "a sub-device is not an object")
        device = self._core.registry.find(DeviceKey(str(entry.get("productKey")), str(entry.get("deviceName"))))
        if device is None:
            raise AlinkFault(NO_SUCH_DEVICE, "there is no such device")
        return device


def _list(request: Request) -> list[Any]:
    if not isinstance(request.params, list) or not request.params:
        raise AlinkFault(BAD_PARAMETER, "params is not a list of sub-devices")
    return request.params


def _check_signature(device: Device, entry: dict[str, Any]) -> None:
    method = str(entry.get("signmethod") or entry.get("signMethod") or "")
    signed = {name: str(value) for name, value in entry.items() if name not in _UNSIGNED}
    if not is_signature(method, device.secret, signed, str(entry.get("sign", ""))):
        raise AlinkFault(WRONG_SIGNATURE, "the sub-device's signature is wrong")


def _names(key: DeviceKey) -> dict[str, str]:
    return {"deviceName": key.device_name, "productKey": key.product_key}
