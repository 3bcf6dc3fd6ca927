"""The security eFuses of a virtual chip, as bits of its eFuse words and of GET_SECURITY_INFO.

Bit positions: the chips' technical reference manuals, "eFuse Controller" (ESP32, ESP32-C3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ESP32_KEYS: Final = (1, 2, 3)
"""The ESP32's key blocks: BLOCK1 to BLOCK3."""
NEWER_KEYS: Final = range(6)
"""The key blocks of newer chips: KEY0 to KEY5."""
XTS_AES_128_KEY: Final = 4
SECURE_BOOT_DIGEST0: Final = 9


@dataclass(frozen=True, slots=True)
class SecurityFuses:
    """What is burnt. ValueError: a combination that this model does not know."""

    flash_encryption: bool = False
    """Switched on once: development mode."""
    release_mode: bool = False
    """With `flash_encryption`: it can never be switched off, and download mode can no longer encrypt."""
    secure_boot: bool = False
    """Secure boot v2; an ESP32 before v3.0 takes no notice of it."""
    secure_boot_v1: bool = False
    """ESP32 only."""
    secure_boot_digest: bytes = b""
    """32 bytes in the block of the first digest: SHA-256 of the public key."""
    jtag_disabled: bool = False
    secure_download: bool = False
    """Newer chips only: download mode keeps a few commands."""
    download_disabled: bool = False
    """Download mode is never entered again."""
    encrypted_download_disabled: bool = False
    burnt_keys: frozenset[int] = frozenset()
    """Key blocks that are in use and read-protected: 1 to 3 on an ESP32, 0 to 5 on newer chips."""

    def __post_init__(self) -> None:
        if self.release_mode and not self.flash_encryption:
            raise ValueError("release mode is a mode of flash encryption")
        if len(self.secure_boot_digest) not in {0, 32}:
            raise ValueError("a digest of secure boot has 32 bytes")

    def check(self, is_esp32: bool) -> None:
        """ValueError: a chip of this kind has no such eFuse."""
        if is_esp32 and self.secure_download:
            raise ValueError("an ESP32 has no secure download mode")
        if not is_esp32 and self.secure_boot_v1:
            raise ValueError("only an ESP32 has secure boot v1")
        known = set(ESP32_KEYS if is_esp32 else NEWER_KEYS)
        if strange := sorted(self.burnt_keys - known):
            raise ValueError(f"there is no key block {strange[0]}; there are {', '.join(map(str, sorted(known)))}")

    @property
    def cannot_encrypt(self) -> bool:
        """Whether download mode no longer encrypts what it writes."""
        return self.release_mode or self.encrypted_download_disabled

    def flags(self) -> int:
        """Give the flags word of GET_SECURITY_INFO."""
        return self.secure_boot << 0 | self.secure_download << 2 | self.jtag_disabled << 7

    def crypt_count(self, bits: int) -> int:
        """Give the counter of flash encryption, `bits` wide: odd is on; full is on for ever."""
        return ((1 << bits) - 1 if self.release_mode else 1) if self.flash_encryption else 0

    def key_purposes(self) -> tuple[int, ...]:
        """Give the purposes of KEY0 to KEY5 of a newer chip."""
        purposes = [0] * len(NEWER_KEYS)
        for key in self.burnt_keys:
            purposes[key] = XTS_AES_128_KEY
        if self.flash_encryption:
            purposes[0] = XTS_AES_128_KEY
        if self.secure_boot:
            purposes[1] = SECURE_BOOT_DIGEST0
        return tuple(purposes)

    def esp32_words(self, base: int) -> dict[int, int]:
        """Give register address → bits of an ESP32 whose eFuse registers begin at `base`."""
        hidden = set(self.burnt_keys)
        if self.flash_encryption:
            hidden.add(1)
        if self.secure_boot_v1:
            hidden.add(2)
        words = {
            base: sum(1 << 15 + block for block in hidden) | self.crypt_count(7) << 20 | self.download_disabled << 27,
            base + 0x14: 0xF << 28 if self.flash_encryption else 0,
            base + 0x18: self.secure_boot_v1 << 4
            | self.secure_boot << 5
            | self.jtag_disabled << 6
            | self.cannot_encrypt << 7
            | self.release_mode << 8
            | self.release_mode << 9,
        }
        if 2 not in hidden:
            words |= self._digest_words(base + 0x58)
        return words

    def newer_words(self, base: int) -> dict[int, int]:
        """Give register address → bits of an ESP32-C3 whose eFuse registers begin at `base`."""
        hidden = set(self.burnt_keys) | ({0} if self.flash_encryption else set())
        purposes = self.key_purposes()
        return {
            base + 0x30: sum(1 << key for key in hidden)
            | self.release_mode << 10
            | self.jtag_disabled << 19
            | self.cannot_encrypt << 20,
            base + 0x34: self.crypt_count(3) << 18 | purposes[0] << 24 | purposes[1] << 28,
            base + 0x38: sum(purpose << 4 * index for index, purpose in enumerate(purposes[2:]))
            | self.secure_boot << 20,
            base + 0x3C: self.download_disabled << 0 | self.secure_download << 5,
            **self._digest_words(base + 0xBC),
        }

    def _digest_words(self, first: int) -> dict[int, int]:
        digest = self.secure_boot_digest
        return {first + at: int.from_bytes(digest[at : at + 4], "little") for at in range(0, len(digest), 4)}
