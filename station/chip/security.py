"""The security eFuses, read through esptool's loader classes: the one place that knows which bit says what.

Bits: esptool's `targets` and espefuse's `efuse_defs`; the modes of flash encryption: ESP-IDF,
`esp_get_flash_encryption_mode`.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from esptool.targets import ROM_LIST
from esptool.util import FatalError

from station.errors import ChipError, Code
from station.unit import EncryptionMode, SecurityState

_ESP32_SECURE_BOOT_V2_REVISION: Final = 300
_ESP32_CRYPT_COUNT: Final = 0x7F << 20
_ESP32_CRYPT_COUNT_WRITE_PROTECTED: Final = 1 << 2
_ESP32_DOWNLOAD_DISABLED: Final = 1 << 27
_ESP32_FIRST_KEY_HIDDEN: Final = 16
_ESP32_JTAG_DISABLED: Final = 1 << 6
_ESP32_DOWNLOAD_CRYPTS_NOTHING: Final = 0b111 << 7
_ESP32_DIGEST_WORD: Final = 22
_NEWER_KEYS: Final = 6
_NEWER_LOCKS_OFFSET: Final = 0x30


def read_security(rom: Any, revision: int) -> SecurityState:
    """Give what the eFuses of a chip in download mode say; `rom` is esptool's loader, `revision` major times 100 plus minor.

    Raises what esptool raises.
    """
    if rom.CHIP_NAME == "ESP32":
        return _esp32_state(rom, revision)
    if rom.SECURITY_INFO_SUPPORTED:
        return _newer_state(rom)
    return SecurityState()


def download_locked(loader: Any) -> ChipError:
    """Why a chip that refuses to have a register read cannot be worked on; it can still be asked for its kind."""
    try:
        chip_id = loader.get_security_info()["chip_id"]
    except FatalError:
        kind = "of an unknown kind"
    else:
        # The ESP32-S2 alone has the security information without a chip id in it.
        names = [rom.CHIP_NAME for rom in ROM_LIST if not rom.USES_MAGIC_VALUE and chip_id == rom.IMAGE_CHIP_ID]
        kind = "ESP32-S2" if chip_id is None else names[0] if names else f"of the unknown kind {chip_id}"
    return ChipError(
        Code.SECURITY_SET,
        f"This unit ({kind}) is in secure download mode for ever (eFuse ENABLE_SECURITY_DOWNLOAD): it tells no MAC, "
        "runs no flasher, and nothing can be read back from it",
        "Put it aside for the line lead; this station cannot write it",
        facts={"fuse": "ENABLE_SECURITY_DOWNLOAD"},
    )


def _esp32_state(rom: Any, revision: int) -> SecurityState:
    first, locks = rom.read_efuse(0), rom.read_efuse(6)
    mode = None
    if rom.get_flash_encryption_enabled():
        count_is_final = first & _ESP32_CRYPT_COUNT == _ESP32_CRYPT_COUNT or first & _ESP32_CRYPT_COUNT_WRITE_PROTECTED
        crypts_nothing = locks & _ESP32_DOWNLOAD_CRYPTS_NOTHING == _ESP32_DOWNLOAD_CRYPTS_NOTHING
        mode = EncryptionMode.RELEASE if count_is_final and crypts_nothing else EncryptionMode.DEVELOPMENT
    version, digest = None, None
    if rom.get_secure_boot_v1_enabled():
        version = 1
    elif locks & rom.EFUSE_RD_ABS_DONE_1_MASK and revision >= _ESP32_SECURE_BOOT_V2_REVISION:
        version = 2
        digest = struct.pack("<8I", *(rom.read_efuse(_ESP32_DIGEST_WORD + word) for word in range(8))).hex()
    return SecurityState(
        flash_encryption=mode is not None,
        encryption_mode=mode,
        secure_boot=version is not None,
        secure_boot_version=version,
        secure_boot_digest=digest,
        secure_download=False,
        download_disabled=bool(first & _ESP32_DOWNLOAD_DISABLED),
        jtag_disabled=bool(locks & _ESP32_JTAG_DISABLED),
        encrypted_download_disabled=bool(rom.get_encrypted_download_disabled()),
        read_protected_keys=tuple(
            f"BLOCK{1 + block}" for block in range(3) if first >> _ESP32_FIRST_KEY_HIDDEN + block & 1
        ),
    )


def _newer_state(rom: Any) -> SecurityState:
    told = rom.get_security_info()
    flags = told["parsed_flags"]
    locks = _newer_locks(rom)
    cannot_encrypt = None if locks is None else bool(locks & rom.EFUSE_DIS_DOWNLOAD_MANUAL_ENCRYPT)
    mode = None
    # Told by the ROM and read from the register: refusing a unit that one of them calls locked is the safe side.
    if told["flash_crypt_cnt"].bit_count() % 2 or rom.get_flash_encryption_enabled():
        mode = EncryptionMode.RELEASE if cannot_encrypt else EncryptionMode.DEVELOPMENT
    signed_only = bool(flags["SECURE_BOOT_EN"] or rom.get_secure_boot_enabled())
    purposes = enumerate(told["key_purposes"][:_NEWER_KEYS])
    return SecurityState(
        flash_encryption=mode is not None,
        encryption_mode=mode,
        secure_boot=signed_only,
        secure_boot_version=2 if signed_only else None,
        secure_download=bool(flags["SECURE_DOWNLOAD_ENABLE"]),
        jtag_disabled=bool(flags["HARD_DIS_JTAG"] or flags["SOFT_DIS_JTAG"]),
        encrypted_download_disabled=cannot_encrypt,
        read_protected_keys=None
        if locks is None
        else tuple(f"KEY{key}" for key in range(_NEWER_KEYS) if locks >> key & 1),
        key_purposes=tuple(f"KEY{key} {_purpose(rom, value)}" for key, value in purposes if value),
    )


def _newer_locks(rom: Any) -> int | None:
    """Give the eFuse word that begins with RD_DIS; None where esptool does not know its place, for a wrong address hangs a ROM."""
    place = rom.EFUSE_DIS_DOWNLOAD_MANUAL_ENCRYPT_REG
    return int(rom.read_reg(place)) if place == rom.EFUSE_BASE + _NEWER_LOCKS_OFFSET else None


def _purpose(rom: Any, value: int) -> str:
    return str(getattr(rom, "KEY_PURPOSES", {}).get(value, f"purpose {value}"))
