"""The product of the simulation: a real recipe cut down to a flash of 64 KB, and certificates whose secrets can be found."""

from __future__ import annotations

import functools
import hashlib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from station.certificate import Certificate, Identity, Secret
from station.image.flash_plan import Region, make_flash_plan
from station.line.packing import pack_static
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe
from station.virtual.images import make_bench_images

FLASH_BYTES: Final = 64 * 1024
CLAIMED_FLASH_BYTES: Final = 4 << 20
BATCH: Final = "first"
SECOND_BATCH: Final = "second"
_PROFILE: Final = Path(__file__).parents[2] / "profiles" / "training.yaml"
STAMP: Final = "5ec4e7"
"""Every DeviceSecret of the simulation begins so."""
SECRET_PATTERN: Final = re.compile(rb"5ec4e7([0-9]{4})[0-9a-f]{22}")


@functools.cache
def recipe() -> Recipe:
    """Give the training profile with small images: the walk and the NVS code do not see the difference."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        profile = folder / "training.yaml"
        profile.write_text(_PROFILE.read_text(encoding="utf-8"), encoding="utf-8")
        make_bench_images(folder / "images")
        real = prepare_recipe(profile)
    regions = [
        Region.of("bootloader", 0x1000, _noise("bootloader", 4096)),
        Region.of("app", 0x3000, _noise("app", 9000)),
        Region.of("nvs", 0x8000, b"\xff" * 4096),
    ]
    return replace(
        real,
        static_plan=make_flash_plan(regions, FLASH_BYTES),
        credentials_partition=replace(real.credentials_partition, offset=0xC000, size_bytes=0x3000),
    )


@functools.cache
def packed_static() -> tuple[object, ...]:
    """Give the static regions, deflated once for all simulations."""
    return pack_static(recipe())


def _noise(seed: str, size_bytes: int) -> bytes:
    return hashlib.shake_256(seed.encode()).digest(size_bytes)


def device_name(number: int) -> str:
    """Give the DeviceName of the n-th certificate."""
    return f"unit-{number:04d}"


def secret_of(number: int) -> str:
    """Give the DeviceSecret of the n-th certificate: 32 characters, found again by SECRET_PATTERN."""
    return STAMP + f"{number:04d}" + hashlib.sha256(f"secret {number}".encode()).hexdigest()[:22]


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """One CSV of the simulation."""

    name: str
    numbers: tuple[int, ...]

    def write(self, folder: Path) -> Path:
        """Write it as the platform's console does."""
        path = folder / f"{self.name}.csv"
        product_key = recipe().profile.product_key
        lines = [f"{device_name(number)},{secret_of(number)},{product_key}\r\n" for number in self.numbers]
        path.write_bytes(("\ufeffDeviceName,DeviceSecret,ProductKey\r\n" + "".join(lines)).encode())
        return path


@functools.cache
def foreign_image(number: int) -> bytes:
    """Give the credentials partition of a unit that another station has written: with the n-th certificate, or (0) its own."""
    identity = Identity(recipe().profile.product_key, device_name(number) if number else "elsewhere-1")
    secret = secret_of(number) if number else "f" * 32
    secrets: Mapping[str, Secret] = MappingProxyType({"DeviceSecret": Secret(secret)})
    return recipe().credentials_image(Certificate(identity, secrets, {}))
