"""A unit: one board, known by its base MAC."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NewType

CHIPS: Final = (
    "esp32", "esp32s2", "esp32s3", "esp32c2", "esp32c3", "esp32c5", "esp32c6", "esp32c61", "esp32h2", "esp32p4"
)  # fmt: skip
"""esptool's names of the chips that a profile may be for."""

Mac = NewType("Mac", str)
"""A base MAC as `24:0a:c4:5e:10:9c`: lower case, colons."""


def parse_mac(text: str) -> Mac:
    """Give the canonical form of a MAC written with colons, dashes or nothing; ValueError if it is none."""
    digits = re.sub(r"[:\-.\s]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise ValueError(f"{text!r} is not a MAC address")
    return Mac(":".join(digits[i : i + 2] for i in range(0, 12, 2)))


class Disposition(StrEnum):
    """Where a unit goes that did not pass."""

    REWORK = "rework"
    """It may come back and be tried again."""
    HOLD = "hold"
    """Nothing is done to it until a line lead lets it go."""
    SCRAP = "scrap"
    """It never becomes a product; its certificate is void."""


class EncryptionMode(StrEnum):
    """How far flash encryption has gone, once it is on."""

    DEVELOPMENT = "development"
    """Download mode can still write encrypted, and it may still be switched off."""
    RELEASE = "release"
    """On for ever; download mode can no longer encrypt."""


@dataclass(frozen=True, slots=True)
class SecurityState:
    """What the eFuses say; None where the chip could not be asked."""

    flash_encryption: bool | None = None
    encryption_mode: EncryptionMode | None = None
    """None while flash encryption is off."""
    secure_boot: bool | None = None
    secure_boot_version: int | None = None
    """1: a bootloader with a digest made of a secret in the chip (ESP32 only). 2: images signed with a key that it trusts."""
    secure_boot_digest: str | None = None
    """ESP32 with secure boot v2: SHA-256 of the public key that it trusts, hex."""
    secure_download: bool | None = None
    """Download mode keeps a few commands: nothing can be read, no flasher runs."""
    download_disabled: bool | None = None
    """The eFuse against download mode is burnt."""
    jtag_disabled: bool | None = None
    encrypted_download_disabled: bool | None = None
    """Download mode cannot encrypt what it writes."""
    read_protected_keys: tuple[str, ...] | None = None
    """Key blocks that nobody can read: `BLOCK1`, or `KEY0`."""
    key_purposes: tuple[str, ...] | None = None
    """Key blocks in use and what for, as `KEY0 XTS_AES_128_KEY`; the ESP32 does not tell."""


@dataclass(frozen=True, slots=True)
class ChipIdentity:
    """What identify learned: esptool's chip name (`esp32`, `esp32c3`), silicon revision, MAC, flash size in bytes."""

    chip: str
    description: str
    revision: str
    mac: Mac
    flash_size_bytes: int
    security: SecurityState = field(default_factory=SecurityState)

    @property
    def revision_number(self) -> int | None:
        """The revision as images name it: major times 100 plus minor; None when it is not told."""
        told = re.fullmatch(r"v(\d+)\.(\d+)", self.revision)
        return None if told is None else int(told[1]) * 100 + int(told[2])
