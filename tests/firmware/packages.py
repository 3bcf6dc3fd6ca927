"""Application packages as a maker builds them with tar."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from typing import Any, Final

from tests.firmware.fake_platform import DEVICE_NAME, PRODUCT_KEY

OWN: Final = f"{PRODUCT_KEY}/{DEVICE_NAME}"
UPGRADE: Final = f"/ota/device/upgrade/{OWN}"
INFORM: Final = f"/ota/device/inform/{OWN}"
PROGRESS: Final = f"/ota/device/progress/{OWN}"


def make_package(files: Mapping[str, str | bytes]) -> bytes:
    """Give a ustar archive of these files, with entries for their folders, as `tar --format=ustar -cf … -C folder .`."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        folders = {"."} | {f"./{path.rpartition('/')[0]}" for path in files if "/" in path}
        for folder in sorted(folders):
            entry = tarfile.TarInfo(folder)
            entry.type = tarfile.DIRTYPE
            tar.addfile(entry)
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(f"./{path}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return archive.getvalue()


def order(package: bytes, version: str, **changes: Any) -> dict[str, Any]:
    """Give the platform's upgrade message for a package that lies under /package."""
    data = {
        "size": len(package),
        "version": version,
        "url": "http://files.example:8080/package",
        "signMethod": "SHA256",
        "sign": hashlib.sha256(package).hexdigest(),
    }
    return {"code": "1000", "id": 1, "message": "success", "data": data | changes}
