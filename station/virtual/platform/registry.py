"""The products and devices of a platform, and the batches in which devices are ordered."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from station.virtual.platform.batch import Batch
from station.virtual.platform.device import Device, DeviceKey
from station.virtual.platform.thing_model import ThingModel

DEVICE_NAME: Final = re.compile(r"[A-Za-z0-9\-_@.:]{4,32}")
NAMES_A_BATCH_MAX: Final = 10_000
_KEY_CHARACTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PRODUCT_KEY_CHARACTERS: Final = 11


class RegistryFault(ValueError):
    """An order cannot be taken; `code` is the OpenAPI's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Product:
    """One product and what all its devices share."""

    product_key: str
    name: str
    secret: str = field(repr=False)
    created_at: float
    is_gateway: bool = False
    thing_model: ThingModel | None = None
    config: bytes | None = None
    """The remote configuration; None while it is not switched on."""
    description: str = ""
    devices: dict[str, Device] = field(default_factory=dict)


class Registry:
    """Everything that is registered; used by the platform's loop only."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.products: dict[str, Product] = {}
        self.batches: dict[int, Batch] = {}
        self._iot_ids: dict[str, DeviceKey] = {}
        self._next_batch = 1000

    def create_product(
        self,
        name: str,
        *,
        product_key: str | None = None,
        is_gateway: bool = False,
        thing_model: dict[str, Any] | None = None,
        description: str = "",
    ) -> Product:
        """Make a product. RegistryFault: the name or the key is taken; ModelFault: `thing_model` is no TSL JSON."""
        if any(name == product.name for product in self.products.values()):
            raise RegistryFault("iot.prod.AlreadyExistedProductName", "The product name already exists.")
        key = product_key or "k" + "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(_PRODUCT_KEY_CHARACTERS - 1))
        if key in self.products:
            raise RegistryFault("iot.prod.InvalidFormattedProductkey", "The product key already exists.")
        model = None if thing_model is None else ThingModel(thing_model)
        product = Product(
            key, name, secrets.token_hex(8), self._clock(), is_gateway, thing_model=model, description=description
        )
        self.products[key] = product
        return product

    def product(self, product_key: str) -> Product:
        """Give a product; RegistryFault."""
        if product_key not in self.products:
            raise RegistryFault("iot.prod.NotExistedProduct", "The product does not exist.")
        return self.products[product_key]

    def device(self, key: DeviceKey) -> Device:
        """Give a device; RegistryFault."""
        device = self.find(key)
        if device is None:
            raise RegistryFault("iot.device.NotExistedDevice", "The device does not exist.")
        return device

    def device_of_iot_id(self, iot_id: str) -> Device:
        """Give the device with this IotId; RegistryFault."""
        key = self._iot_ids.get(iot_id)
        if key is None:
            raise RegistryFault("iot.device.NotExistedDevice", "The device does not exist.")
        return self.device(key)

    def find(self, key: DeviceKey) -> Device | None:
        """Give a device, None when there is none."""
        product = self.products.get(key.product_key)
        return None if product is None else product.devices.get(key.device_name)

    def name_fault(self, product_key: str, name: str) -> str | None:
        """Why a device may not get this name, as an OpenAPI code."""
        if not DEVICE_NAME.fullmatch(name):
            return "iot.device.InvalidFormattedDeviceName"
        if name in self.product(product_key).devices:
            return "iot.device.AlreadyExistedDeviceName"
        return None

    def add_device(self, product_key: str, name: str = "", *, secret: str | None = None, nickname: str = "") -> Device:
        """Register one device, with a secret of its own unless one is given; RegistryFault."""
        product = self.product(product_key)
        name = name or self._free_name(product)
        fault = self.name_fault(product_key, name)
        if fault is not None:
            raise RegistryFault(fault, f"The device name cannot be used: {name}")
        key = DeviceKey(product_key, name)
        iot_id = "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(20)) + "000100"
        device = Device(key, secret or secrets.token_hex(16), iot_id, self._clock(), nickname)
        product.devices[name] = device
        self._iot_ids[iot_id] = key
        return device

    def delete(self, key: DeviceKey) -> None:
        """Remove a device for ever; RegistryFault."""
        device = self.device(key)
        del self.products[key.product_key].devices[key.device_name]
        del self._iot_ids[device.iot_id]

    def order(self, product_key: str, names: Iterable[str], *, nicknames: dict[str, str], polls: int) -> Batch:
        """Take an order of devices by name; its names are checked, nothing is created yet. RegistryFault."""
        wanted = list(names)
        self.product(product_key)
        if not 0 < len(wanted) <= NAMES_A_BATCH_MAX:
            raise RegistryFault("iot.device.DeviceCountExceeded", "A batch has 1 to 10000 devices.")
        faults: dict[str, str] = {}
        for name in wanted:
            fault = self.name_fault(product_key, name)
            if fault is not None:
                faults[name] = fault
        return self._keep(Batch(self._next_batch, product_key, tuple(dict.fromkeys(wanted)), faults, nicknames, polls))

    def order_count(self, product_key: str, count: int, *, polls: int) -> Batch:
        """Take an order of devices whose names the platform chooses; RegistryFault."""
        product = self.product(product_key)
        if not 0 < count <= NAMES_A_BATCH_MAX:
            raise RegistryFault("iot.device.DeviceCountExceeded", "A batch has 1 to 10000 devices.")
        names: set[str] = set()
        while len(names) < count:
            names.add(self._free_name(product))
        batch = self._keep(Batch(self._next_batch, product_key, tuple(sorted(names)), {}, {}, polls))
        batch.create()
        return batch

    def batch(self, apply_id: int) -> Batch:
        """Give a batch; RegistryFault."""
        if apply_id not in self.batches:
            raise RegistryFault("iot.device.DeviceApplyIsNotFound", "The application form does not exist.")
        return self.batches[apply_id]

    def fulfil(self, batch: Batch) -> None:
        """Register the devices of a batch that is due, once; a name that was taken since its check becomes a fault."""
        for name in batch.missing():
            fault = self.name_fault(batch.product_key, name)
            if fault is not None:
                batch.faults[name] = fault
                continue
            self.add_device(batch.product_key, name, nickname=batch.nicknames.get(name, ""))
            batch.created.append(name)

    def _keep(self, batch: Batch) -> Batch:
        self.batches[batch.apply_id] = batch
        self._next_batch += 1
        return batch

    def _free_name(self, product: Product) -> str:
        while True:
            name = hashlib.sha256(secrets.token_bytes(16)).hexdigest()[:20]
            if name not in product.devices:
                return name
