"""OTA: firmware files, who shall have which, and how far each device is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from station.virtual.platform.alink import BAD_PARAMETER, AlinkFault, Request, dump
from station.virtual.platform.core import Core
from station.virtual.platform.device import DEFAULT_MODULE, DeviceKey
from station.virtual.platform.registry import RegistryFault

PROGRESS_STEPS: Final = range(-4, 101)
"""Percent; below 0 what went wrong: upgrade, download, check, writing."""
_METHODS: Final = {"Md5": hashlib.md5, "SHA256": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Firmware:
    """One firmware file of a product."""

    id: str
    product_key: str
    version: str
    module: str
    data: bytes
    sign_method: str
    url: str

    def offer(self) -> dict[str, Any]:
        """What a device is told about it."""
        sign = _METHODS[self.sign_method](self.data).hexdigest()
        offer = {
            "size": len(self.data),
            "version": self.version,
            "isDiff": 0,
            "url": self.url,
            "sign": sign,
            "signMethod": self.sign_method,
            "module": self.module,
        }
        return {**offer, "md5": sign} if self.sign_method == "Md5" else offer


class Upgrades:
    """Firmware and upgrade jobs. A job is done when the device reports the version: progress alone proves nothing."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._firmware: dict[str, Firmware] = {}
        self._jobs: dict[tuple[DeviceKey, str], Firmware] = {}

    def add_firmware(
        self,
        product_key: str,
        version: str,
        data: bytes,
        *,
        module: str = DEFAULT_MODULE,
        sign_method: str = "SHA256",
    ) -> Firmware:
        """Keep a file and serve it. RegistryFault; ValueError: the method is not Md5 or SHA256."""
        self._core.registry.product(product_key)
        if sign_method not in _METHODS:
            raise ValueError(f"no such signMethod: {sign_method}")
        number = f"fw{self._core.next_id()}"
        url = self._core.publish_file(f"ota/{number}.bin", data)
        firmware = Firmware(number, product_key, version, module, data, sign_method, url)
        self._firmware[number] = firmware
        return firmware

    def order(self, firmware_id: str, names: list[str]) -> None:
        """Order devices to be upgraded; those that are online are told at once. RegistryFault."""
        if firmware_id not in self._firmware:
            raise RegistryFault("iot.ota.FirmwareNotExisted", "The firmware does not exist.")
        firmware = self._firmware[firmware_id]
        keys = [DeviceKey(firmware.product_key, name) for name in names]
        for key in keys:
            self._core.registry.device(key)
        for key in keys:
            self._jobs[key, firmware.module] = firmware
            self._push(key, firmware)

    def take_version(self, key: DeviceKey, request: Request) -> None:
        """A device says what it runs. AlinkFault."""
        version, module = request.text("version"), str(request.fields().get("module") or DEFAULT_MODULE)
        self._core.registry.device(key).versions[module] = version
        job = self._jobs.get((key, module))
        is_done = job is not None and job.version == version
        if is_done:
            del self._jobs[key, module]
        self._core.log.add("ota_version", key, version=version, module=module, is_upgraded=is_done)
        if job is not None and not is_done:
            self._push(key, job)

    def take_progress(self, key: DeviceKey, request: Request) -> None:
        """A device says how far it is: 0 to 100, or -1 to -4 for what went wrong. AlinkFault."""
        fields = request.fields()
        try:
            step = int(fields.get("step", ""))
        except (TypeError, ValueError):
            raise AlinkFault(BAD_PARAMETER, "step is not a number") from None
        if step not in PROGRESS_STEPS:
            raise AlinkFault(BAD_PARAMETER, "step is not -4 to 100")
        self._core.log.add("ota_progress", key, step=step, description=fields.get("desc", ""))

    def firmware_for(self, key: DeviceKey, request: Request) -> dict[str, Any]:
        """A device asks what it should have; empty when nothing is ordered."""
        module = str(request.fields().get("module") or DEFAULT_MODULE)
        job = self._jobs.get((key, module))
        return {} if job is None else job.offer()

    def forget(self, key: DeviceKey) -> None:
        """A device was deleted."""
        self._jobs = {wanted: job for wanted, job in self._jobs.items() if wanted[0] != key}

    def _push(self, key: DeviceKey, firmware: Firmware) -> None:
        message = {"code": "1000", "data": firmware.offer(), "id": int(self._core.next_id()), "message": "success"}
        topic = f"/ota/device/upgrade/{key.product_key}/{key.device_name}"
        self._core.broker.send(key, topic, dump(message))
