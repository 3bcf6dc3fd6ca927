"""The OpenAPI's actions for updates over the air: upload a file, make a firmware of it, order devices to run it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from station.virtual.platform.api_call import ApiCall
from station.virtual.platform.core import Core
from station.virtual.platform.device import DEFAULT_MODULE
from station.virtual.platform.registry import RegistryFault
from station.virtual.platform.upgrades import Firmware, Upgrades

FIRMWARE_BYTES_MAX: Final = 1 << 30
_METHODS: Final = {"MD5": "Md5", "SHA256": "SHA256"}


class UpgradeActions:
    """What `GenerateOTAUploadURL` gives is a form for a file, as the object storage's; the file is posted there."""

    def __init__(self, core: Core, upgrades: Upgrades) -> None:
        self._core = core
        self._upgrades = upgrades
        self._firmware: dict[str, Firmware] = {}
        self._awaited: set[str] = set()

    @property
    def actions(self) -> Mapping[str, Callable[[ApiCall], dict[str, Any]]]:
        return {
            "GenerateOTAUploadURL": self._offer_upload,
            "CreateOTAFirmware": self._create_firmware,
            "CreateOTAStaticUpgradeJob": self._create_job,
        }

    def take_upload(self, path: str, data: bytes) -> bool:
        """Keep a posted file; False when nobody was told to post it there."""
        if path not in self._awaited:
            return False
        self._awaited.discard(path)
        self._core.publish_file(path, data)
        return True

    def _offer_upload(self, call: ApiCall) -> dict[str, Any]:
        path = f"upload/{secrets.token_hex(8)}.{call.parameters.get('FileSuffix', 'bin')}"
        self._awaited.add(path)
        url = f"{self._core.file_url}/{path}"
        return {"Data": {"Host": f"{self._core.file_url}/upload", "Key": path, "FirmwareUrl": url}}

    def _create_firmware(self, call: ApiCall) -> dict[str, Any]:
        path = call.text("FirmwareUrl").removeprefix(f"{self._core.file_url}/")
        data = self._core.files.get(path)
        if data is None:
            raise RegistryFault("iot.ota.FirmwareFileNotExisted", "No file was uploaded there.")
        method = _METHODS.get(call.parameters.get("SignMethod", "MD5").upper())
        if method is None:
            raise RegistryFault("iot.ota.InvalidSignMethod", "The sign method is MD5 or SHA256.")
        digest = hashlib.new(method.lower(), data, usedforsecurity=False).hexdigest()
        if call.parameters.get("FirmwareSign", digest).lower() != digest:
            raise RegistryFault("iot.ota.FirmwareSignNotMatched", "The sign is not that of the file.")
        if call.number("FirmwareSize", len(data), most=FIRMWARE_BYTES_MAX) != len(data):
            raise RegistryFault("iot.ota.FirmwareSizeNotMatched", "The size is not that of the file.")
        firmware = self._upgrades.add_firmware(
            call.text("ProductKey"),
            call.text("DestVersion"),
            data,
            module=call.parameters.get("ModuleName") or DEFAULT_MODULE,
            sign_method=method,
        )
        self._firmware[firmware.id] = firmware
        return {"Data": {"FirmwareId": firmware.id}}

    def _create_job(self, call: ApiCall) -> dict[str, Any]:
        product = self._core.registry.product(call.text("ProductKey"))
        firmware = self._firmware.get(call.text("FirmwareId"))
        if firmware is None or firmware.product_key != product.product_key:
            raise RegistryFault("iot.ota.FirmwareNotExisted", "The firmware does not exist.")
        names = call.texts("TargetDeviceName")
        if call.text("TargetSelection") == "ALL":
            names = list(product.devices)
        if not names:
            raise RegistryFault("iot.ota.InvalidTargetDeviceName", "No device is named.")
        self._upgrades.order(firmware.id, names)
        return {"Data": {"JobId": f"job{self._core.next_id()}"}}
