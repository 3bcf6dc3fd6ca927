"""What the ROM and ESP-IDF print on the console while a chip starts, in their own words.

ROM texts: recorded from the ESP32 ROM of 2019-07-29 and the ESP32-C3 ROM api1-20210207. Log lines: ESP-IDF v5.1 sources
(bootloader_support, esp_system); `I (42) tag: text` in the colour of its level, the number being milliseconds since reset.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from station.virtual.image_check import AppDescription, FlashImage
from station.virtual.partitions import FlashPartition

_ROM_BANNERS: Final = {
    "esp32": "ets Jul 29 2019 12:21:46\r\n\r\n",
    "esp32c3": "ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\n",
}
_BOOT_STRAPS: Final = {"esp32": "boot:0x12 (SPI_FAST_FLASH_BOOT)", "esp32c3": "boot:0x8 (SPI_FAST_FLASH_BOOT)"}
_FLASH_MODES: Final = {0: "QIO", 1: "QOUT", 2: "DIO", 3: "DOUT"}
_CLOCK_DIVIDERS: Final = {0x0: 2, 0x1: 3, 0x2: 4, 0xF: 1}
_CLOCKS_MHZ: Final = {0x0: 40, 0x1: 26, 0x2: 20, 0xF: 80}
_FLASH_SIZES: Final = {0: "1MB", 1: "2MB", 2: "4MB", 3: "8MB", 4: "16MB"}
_CHIP_REVISIONS: Final = {"esp32": "v3.0", "esp32c3": "v0.3"}
_COLOURS: Final = {"I": "32", "W": "33", "E": "31"}
_LINE_BYTES_A_MS: Final = 11.52
_START_MS: Final = 27.0


@dataclass(frozen=True, slots=True)
class ResetCause:
    """Why the chip starts: the number and words in the ROM's `rst:` line, by chip."""

    esp32: str
    esp32c3: str

    def words(self, chip: str) -> str:
        return self.esp32c3 if chip == "esp32c3" else self.esp32


POWER_ON: Final = ResetCause("rst:0x1 (POWERON_RESET)", "rst:0x1 (POWERON)")
SOFTWARE_RESET: Final = ResetCause("rst:0xc (SW_CPU_RESET)", "rst:0xc (RTC_SW_CPU_RST)")
BOOTLOADER_RESET: Final = ResetCause("rst:0x3 (SW_RESET)", "rst:0x3 (RTC_SW_SYS_RST)")
WATCHDOG_RESET: Final = ResetCause("rst:0x10 (RTCWDT_RTC_RESET)", "rst:0x7 (TG0WDT_SYS_RST)")


class BootConsole:
    """The UART while the chip starts: plain lines, and log lines with the time since reset.

    The clock advances by the time each line takes at 115200 baud, because that is what a starting chip waits for most.
    """

    def __init__(self, say: Callable[[bytes], None]) -> None:
        self._say = say
        self._now_ms = _START_MS
        self.logs_information = True

    @property
    def now_ms(self) -> int:
        return int(self._now_ms)

    def text(self, text: str) -> None:
        """Print text that brings its own line ends."""
        data = text.encode("latin-1", "replace")
        self._say(data)
        self._now_ms += len(data) / _LINE_BYTES_A_MS

    def line(self, text: str) -> None:
        self.text(f"{text}\r\n")

    def information(self, tag: str, text: str) -> None:
        if self.logs_information:
            self._log("I", tag, text)

    def error(self, tag: str, text: str) -> None:
        self._log("E", tag, text)

    def _log(self, level: str, tag: str, text: str) -> None:
        self.line(format_log(level, self.now_ms, tag, text))


def format_log(level: str, now_ms: int, tag: str, text: str) -> str:
    """Give one line of ESP-IDF's log (`I`, `W` or `E`) with its colour codes, without line end."""
    return f"\x1b[0;{_COLOURS[level]}m{level} ({now_ms}) {tag}: {text}\x1b[0m"


def rom_banner(chip: str, cause: ResetCause) -> str:
    """Give what the ROM prints before it looks at the flash."""
    return f"{_ROM_BANNERS[chip]}{cause.words(chip)},{_BOOT_STRAPS[chip]}\r\n"


def rom_load_lines(chip: str, image: FlashImage) -> list[str]:
    """Give the lines in which the ROM tells how it loads the bootloader."""
    spi_pin, clk_q, d_cs, hd_wp = image.header[8:12]
    mode = _FLASH_MODES.get(image.flash_mode, "DIO")
    clock = f"mode:{mode}, clock div:{_CLOCK_DIVIDERS.get(image.flash_frequency, 2)}"
    if chip == "esp32c3":
        loads = [f"load:0x{s.load_address:08x},len:0x{len(s.data):x}" for s in image.segments]
        return [f"SPIWP:0x{spi_pin:02x}", clock, *loads]
    drives = (
        f"clk_drv:0x{clk_q & 15:02x},q_drv:0x{clk_q >> 4:02x},d_drv:0x{d_cs & 15:02x},"
        f"cs0_drv:0x{d_cs >> 4:02x},hd_drv:0x{hd_wp & 15:02x},wp_drv:0x{hd_wp >> 4:02x}"
    )
    lines = [f"configsip: 0, SPIWP:0x{spi_pin:02x}", drives, clock]
    for segment, following in zip_longest(image.segments, image.segments[1:]):
        lines.append(f"load:0x{segment.load_address:08x},len:{len(segment.data)}")
        begin = segment.flash_offset - image.offset
        end = begin + len(segment.data)
        # The ROM reads in blocks of 16: it says so when a segment header lies across two of them.
        if following is not None and end % 16 == 12:
            head = begin % 16 if begin // 16 == end // 16 else 0
            lines.append(f"ho {head} tail {end % 16 - head} room {16 - end % 16}")
    return lines


def log_bootloader(console: BootConsole, chip: str, image: FlashImage, idf_version: str, built: str) -> None:
    """Log how the second-stage bootloader introduces itself."""
    console.information("boot", f"ESP-IDF {idf_version} 2nd stage bootloader")
    console.information("boot", f"compile time {built}")
    if chip == "esp32":
        console.information("boot", "Multicore bootloader")
    console.information("boot", f"chip revision: {_CHIP_REVISIONS[chip]}")
    mhz = _CLOCKS_MHZ.get(image.flash_frequency, 40)
    console.information(f"boot.{chip}", f"SPI Speed      : {mhz}MHz")
    console.information(f"boot.{chip}", f"SPI Mode       : {_FLASH_MODES.get(image.flash_mode, 'DIO')}")
    console.information(f"boot.{chip}", f"SPI Flash Size : {_FLASH_SIZES.get(image.flash_size, '?')}")
    console.information("boot", "Enabling RNG early entropy source...")


def log_partition_table(console: BootConsole, partitions: tuple[FlashPartition, ...]) -> None:
    """Log the partition table as the bootloader does."""
    console.information("boot", "Partition Table:")
    console.information("boot", "## Label            Usage          Type ST Offset   Length")
    for number, p in enumerate(partitions):
        row = f"{number:2d} {p.name:<16} {p.usage:<16} {p.type:02x} {p.subtype:02x} {p.offset:08x} {p.size_bytes:08x}"
        console.information("boot", row)
    console.information("boot", "End of partition table")


def log_image_segments(console: BootConsole, chip: str, image: FlashImage) -> None:
    """Log each segment of an application as it is mapped or loaded."""
    for number, segment in enumerate(image.segments):
        size = len(segment.data)
        does = "map" if segment.is_mapped(chip) else "load"
        places = f"paddr={segment.flash_offset:08x} vaddr={segment.load_address:08x}"
        console.information("esp_image", f"segment {number}: {places} size={size:05x}h ({size:6d}) {does}")


def log_app_start(console: BootConsole, chip: str, description: AppDescription | None) -> None:
    """Log what an ESP-IDF application says before its own code runs."""
    console.information("cpu_start", "Unicore app" if chip == "esp32c3" else "Multicore app")
    console.information("cpu_start", "Pro cpu start user code")
    console.information("cpu_start", "cpu freq: 160000000 Hz")
    if description is not None:
        console.information("cpu_start", "Application information:")
        console.information("cpu_start", f"Project name:     {description.project_name}")
        console.information("cpu_start", f"App version:      {description.version}")
        console.information("cpu_start", f"Compile time:     {description.compile_time}")
        console.information("cpu_start", f"ELF file SHA256:  {description.elf_sha256[:16]}...")
        console.information("cpu_start", f"ESP-IDF:          {description.idf_version}")
    console.information("main_task", "Started on CPU0")
    console.information("main_task", "Calling app_main()")
