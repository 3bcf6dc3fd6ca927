"""What one virtual chip is: its kind (ESP32, ESP32-C3), its MAC, its flash, its eFuses, its registers after reset.

Register values: recorded from the mask ROMs (ESP32 v3.0 of 2019-07-29, ESP32-C3 v0.3 api1-20210207); eFuse bit positions: the
chips' technical reference manuals, "eFuse Controller".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from station.virtual.security_fuses import SecurityFuses

FLASH_SIZES_BYTES: Final[Mapping[str, int]] = {
    "1MB": 0x100000,
    "2MB": 0x200000,
    "4MB": 0x400000,
    "8MB": 0x800000,
    "16MB": 0x1000000,
}
FLASH_MANUFACTURER: Final = 0xC8
FLASH_DEVICE: Final = 0x40
CRYSTAL_HZ: Final = 40_000_000


@dataclass(frozen=True, slots=True)
class SpiLayout:
    """Where the registers of the flash's SPI controller are, as offsets from `base`."""

    base: int
    user: int
    user1: int
    user2: int
    mosi_bits: int
    miso_bits: int
    data: int
    address_msb_first: bool


@dataclass(frozen=True, slots=True)
class ChipKind:
    """A chip series. `name` is esptool's; ranges are (first address, address after the last) that answer a read."""

    name: str
    image_chip_id: int
    bootloader_offset: int
    download_banner: bytes
    spi: SpiLayout
    efuse_base: int
    uart_divider: int
    uart_divider_fraction: bool
    readable: tuple[tuple[int, int], ...]
    reset_registers: Mapping[int, int]
    stub_registers: Mapping[int, int]
    """What the stub has set when it begins to listen."""
    knows_security_info: bool
    """Newer ROMs: GET_SECURITY_INFO, and FLASH_BEGIN with a fifth word for encryption."""
    revision: int
    """The silicon's, unless a unit says another: major times 100 plus minor."""
    fault_text: bytes
    """What the ROM prints when a command makes it read an address nothing answers; empty: it falls silent."""
    fault_text_end: bytes
    """What it prints when FLASH_END leaves the loader and nothing can be started."""


_RECORDED_ANSWER: Final = (0x20120000, 0x20120004)
"""A short READ_REG after a SYNC asks for this address; recordings show that it is answered, with 0."""
_C3_PANIC: Final = (
    b"Guru Meditation Error: Core 0 panic'ed (%s access fault)\r\n"
    b"Core 0 register dump:\r\n"
    b"PC      : %s  RA      : %s  SP      : 0x3fcde620  GP      : 0x00000000\r\n"
)

ESP32: Final = ChipKind(
    name="esp32",
    image_chip_id=0,
    bootloader_offset=0x1000,
    download_banner=(
        b"ets Jul 29 2019 12:21:46\r\n\r\n"
        b"rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))\r\n"
        b"waiting for download\r\n"
    ),
    spi=SpiLayout(0x3FF42000, 0x1C, 0x20, 0x24, 0x28, 0x2C, 0x80, address_msb_first=True),
    efuse_base=0x3FF5A000,
    uart_divider=0x3FF40014,
    uart_divider_fraction=False,
    readable=(
        (0x00000000, 0x00001000),
        _RECORDED_ANSWER,
        (0x3F400000, 0x3FC00000),
        (0x3FF00000, 0x40000000),
        (0x40000000, 0x400C2000),
        (0x400D0000, 0x40400000),
        (0x50000000, 0x50002000),
        (0x60000000, 0x60040000),
    ),
    reset_registers={
        0x40001000: 0x00F01D83,
        0x3FF42024: 0x70000000,
        0x3FF44038: 0x0000000F,
        0x3FF6607C: 0x96042000,
        # The 8 MHz oscillator's eFuse and its calibration against the crystal; together they say 40 MHz.
        0x3FF5A010: 50,
        0x3FF5F06C: 2048 << 7,
    },
    stub_registers={0x3FF4201C: 0x80000000},
    knows_security_info=False,
    revision=300,
    fault_text=b"",
    fault_text_end=(b"flash read err, 1000\r\nFalling back to built-in command interpreter.\r\nOK\r\n>"),
)

ESP32C3: Final = ChipKind(
    name="esp32c3",
    image_chip_id=5,
    bootloader_offset=0x0,
    download_banner=(
        b"ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\n"
        b"rst:0x1 (POWERON),boot:0x2 (UART0_BOOT)\r\nwait uart0 download\r\n"
    ),
    spi=SpiLayout(0x60002000, 0x18, 0x1C, 0x20, 0x24, 0x28, 0x58, address_msb_first=False),
    efuse_base=0x60008800,
    uart_divider=0x60000014,
    uart_divider_fraction=True,
    readable=(
        (0x00000000, 0x00001000),
        _RECORDED_ANSWER,
        (0x3C000000, 0x3C800000),
        (0x3FC80000, 0x3FCE0000),
        (0x3FF00000, 0x3FF20000),
        (0x40000000, 0x40060000),
        (0x4037C000, 0x403E0000),
        (0x42000000, 0x42800000),
        (0x50000000, 0x50002000),
        (0x60000000, 0x60100000),
    ),
    reset_registers={
        0x60002018: 0x800000C0,
        0x60002020: 0x70000000,
    },
    stub_registers={},
    knows_security_info=True,
    revision=3,
    fault_text=_C3_PANIC % (b"Load", b"0x4004b6aa", b"0x4004bcc6"),
    fault_text_end=b"user code done\r\n" + _C3_PANIC % (b"Instruction", b"0x00000000", b"0x00000000"),
)

_ESP32_REVISION_BITS: Final[Mapping[int, tuple[int, int]]] = {0: (0, 0), 100: (1, 0), 200: (1, 1), 300: (1, 1)}
"""CHIP_VER_REV1 and CHIP_VER_REV2; revision 3 sets a bit of a date register besides."""
_ESP32_DATE: Final = 0x3FF6607C

CHIP_KINDS: Final[Mapping[str, ChipKind]] = {kind.name: kind for kind in (ESP32, ESP32C3)}


@dataclass(frozen=True, slots=True)
class ChipModel:
    """One chip: kind, MAC (`24:0a:c4:…`), flash size, security eFuses, revision, and eFuse words set beside them.

    `revision` is major times 100 plus minor; None is its kind's. `efuse_words` maps a register address to bits that are
    burnt in addition. ValueError: a MAC, a flash size, a revision or a security eFuse that does not exist.
    """

    mac: str
    kind: ChipKind = ESP32
    flash_size_bytes: int = 0x400000
    security: SecurityFuses = SecurityFuses()  # noqa: RUF009  it is frozen
    revision: int | None = None
    efuse_words: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", self.mac):
            raise ValueError(f"{self.mac!r} is not a MAC such as 24:0a:c4:00:00:01, in lower case")
        if self.flash_size_bytes not in FLASH_SIZES_BYTES.values():
            raise ValueError(f"{self.flash_size_bytes} bytes is none of the flash sizes {', '.join(FLASH_SIZES_BYTES)}")
        self.security.check(self._is_esp32)
        if self._is_esp32 and self.revision_number not in _ESP32_REVISION_BITS:
            known = ", ".join(f"{number / 100:.1f}" for number in _ESP32_REVISION_BITS)
            raise ValueError(f"an ESP32 of revision {self.revision_number / 100:g} does not exist; there are {known}")

    @property
    def _is_esp32(self) -> bool:
        return self.kind.name == ESP32.name

    @property
    def revision_number(self) -> int:
        """Major times 100 plus minor."""
        return self.kind.revision if self.revision is None else self.revision

    @property
    def mac_bytes(self) -> bytes:
        """The six bytes of the MAC, first one first."""
        return bytes.fromhex(self.mac.replace(":", ""))

    @property
    def flash_id(self) -> int:
        """What the flash answers to RDID, as esptool shows it: manufacturer in the low byte, capacity in the third."""
        capacity = self.flash_size_bytes.bit_length() - 1
        return capacity << 16 | FLASH_DEVICE << 8 | FLASH_MANUFACTURER

    @property
    def flash_crypt_count(self) -> int:
        """How often flash encryption was switched: odd is on."""
        return self.security.crypt_count(7 if self._is_esp32 else 3)

    def registers(self) -> dict[int, int]:
        """Give the registers that are not zero after reset: address → 32-bit value."""
        words = dict(self.kind.reset_registers)
        if self._is_esp32:
            fuses, locks = self._esp32_fuses(), self.security.esp32_words(self.kind.efuse_base)
            words[_ESP32_DATE] = words[_ESP32_DATE] & ~(1 << 31) | (self.revision_number >= 300) << 31
        else:
            fuses, locks = self._esp32c3_fuses(), self.security.newer_words(self.kind.efuse_base)
        for address, bits in (*fuses.items(), *locks.items(), *self.efuse_words.items()):
            words[address] = words.get(address, 0) | bits
        return words

    def answers(self, address: int, size_bytes: int = 1) -> bool:
        """Say whether a read of these addresses ends; nothing answers elsewhere, and the CPU faults."""
        return any(first <= address and address + size_bytes <= end for first, end in self.kind.readable)

    def _esp32_fuses(self) -> dict[int, int]:
        base = self.kind.efuse_base
        mac = self.mac_bytes
        first, second = _ESP32_REVISION_BITS[self.revision_number]
        return {
            base + 0x04: int.from_bytes(mac[2:], "big"),
            base + 0x08: crc8(mac) << 16 | int.from_bytes(mac[:2], "big"),
            # Package 1 (D0WD), CPU rated for 240 MHz.
            base + 0x0C: 0x00002200 | first << 15,
            base + 0x14: second << 20,
        }

    def _esp32c3_fuses(self) -> dict[int, int]:
        base = self.kind.efuse_base
        mac = self.mac_bytes
        major, minor = divmod(self.revision_number, 100)
        return {
            base + 0x44: int.from_bytes(mac[2:], "big"),
            base + 0x48: int.from_bytes(mac[:2], "big"),
            base + 0x50: (minor & 7) << 18,
            base + 0x58: minor >> 3 << 23 | major << 24,
        }


def crc8(data: bytes) -> int:
    """Give the CRC that guards the MAC in the ESP32's eFuses (reflected polynomial 0x8C, begun with 0)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc
