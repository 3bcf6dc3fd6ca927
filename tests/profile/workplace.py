"""A folder with a profile and the bench's training images, to make mistakes in."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest

from station.certificate import Certificate, Identity, Secret
from station.errors import Fault, ProfileError
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe

GOOD = r"""# A smart plug.
schema: 1
name: smart-plug
product_key: a1B2c3D4e5F
chip: esp32
flash_size: 4MB
baud: [921600, 115200]
firmware:
  version: 1.0.0
  images:
    - {file: images/bootloader.bin, at: 0x1000}
    - {file: images/partition-table.bin, at: 0x8000}
    - {file: images/app.bin, at: factory}
  erase: [nvs]
credentials: {preset: esp-aliyun}
sdk_config:
  namespace: sdk
  values:
    region: cn-shanghai
    mqtt_port: {u16: 1883}
checks:
  boot: {expect: 'ready: \S+', within: 20s}
  online: {by: console, expect: 'online', within: 1m30s}
"""

Row = tuple[str, int, int, int, int]
"""Name, type, subtype, offset, size in bytes of a partition."""
NVS: Row = ("nvs", 1, 2, 0x9000, 0x6000)
FACTORY: Row = ("factory", 0, 0, 0x10000, 0x100000)
FCTRY: Row = ("fctry", 1, 2, 0x110000, 0x6000)


def pack_table(*rows: Row) -> bytes:
    """Give a binary partition table with its MD5 row."""
    packed = b"".join(
        struct.pack("<2sBBII16sI", b"\xaa\x50", kind, subtype, offset, size, name.encode(), 0)
        for name, kind, subtype, offset, size in rows
    )
    md5 = hashlib.md5(packed, usedforsecurity=False).digest()
    return (packed + b"\xeb\xeb" + b"\xff" * 14 + md5).ljust(0xC00, b"\xff")


def certificate(name: str = "plug0001", **extras: str) -> Certificate:
    """Give a certificate of the profile's product."""
    return Certificate(Identity("a1B2c3D4e5F", name), {"DeviceSecret": Secret("s3cret" * 5)}, extras)


@dataclass(frozen=True, slots=True)
class Workplace:
    """The folder. `write` changes the good profile by (old, new) pairs; `faults` checks it."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "plug.yaml"

    def write(self, *changes: tuple[str, str]) -> Path:
        """Write the good profile with changes; each must hit."""
        text = GOOD
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        return self.write_text(text)

    def write_text(self, text: str) -> Path:
        """Write a whole profile."""
        self.path.write_bytes(text.encode("utf-8"))
        return self.path

    def write_image(self, name: str, data: bytes) -> None:
        """Write or replace a file in `images`."""
        (self.folder / "images" / name).write_bytes(data)

    def line(self, needle: str) -> int:
        """Give the number of the first line of the profile that holds a text."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return next(number for number, line in enumerate(lines, 1) if needle in line)

    def faults(self) -> tuple[Fault, ...]:
        """Give all mistakes of the profile."""
        with pytest.raises(ProfileError) as caught:
            prepare_recipe(self.path)
        assert caught.value.exit_code == 2
        assert caught.value.faults
        return caught.value.faults

    def only_fault(self) -> Fault:
        """Give the one mistake of the profile."""
        faults = self.faults()
        assert len(faults) == 1, [str(fault) for fault in faults]
        return faults[0]

    def recipe(self) -> Recipe:
        """Prepare the profile, which has no mistake."""
        return prepare_recipe(self.path)
