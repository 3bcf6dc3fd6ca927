"""Remote configuration: one file for all devices of a product, asked for or pushed."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from station.virtual.platform.alink import AlinkFault
from station.virtual.platform.core import Core
from station.virtual.platform.device import DeviceKey

SWITCHED_OFF: Final = 6713
"""The product's remote configuration is not available (the platform's code)."""


class RemoteConfig:
    """The configurations of all products."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def get(self, key: DeviceKey) -> dict[str, Any]:
        """A device asks. AlinkFault: nothing is configured."""
        data = self._core.registry.product(key.product_key).config
        if data is None:
            raise AlinkFault(SWITCHED_OFF, "thing config function is not available")
        digest = hashlib.sha256(data).hexdigest()
        return {
            "configId": digest[:32],
            "configSize": len(data),
            "sign": digest,
            "signMethod": "Sha256",
            "url": self._core.publish_file(f"config/{key.product_key}-{digest[:16]}.json", data),
            "getType": "file",
        }

    def push(self, product_key: str, data: bytes) -> int:
        """Configure a product and tell its devices that are online; gives how many. RegistryFault."""
        product = self._core.registry.product(product_key)
        product.config = data
        sent = [
            self._core.command(device.key, "thing/config/push", "thing.config.push", self.get(device.key))
            for device in product.devices.values()
            if device.is_online
        ]
        return len([number for number in sent if number is not None])
