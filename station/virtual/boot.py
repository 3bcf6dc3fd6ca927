"""Run mode: what a chip does when it is released from reset with GPIO0 high.

The ROM checks and loads the bootloader, the bootloader checks the partition table and the application, the application runs:
a MicroPython application runs the flashed filesystem, a bench application its frozen program. What is broken is complained of
in the words of the ROM or of ESP-IDF, and the chip starts again, a bounded number of times.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from station.virtual.app_choice import choose_app, partition_label
from station.virtual.bench_program import find_program
from station.virtual.boot_log import (
    BOOTLOADER_RESET,
    POWER_ON,
    SOFTWARE_RESET,
    WATCHDOG_RESET,
    BootConsole,
    ResetCause,
    log_app_start,
    log_bootloader,
    log_image_segments,
    log_partition_table,
    rom_banner,
    rom_load_lines,
)
from station.virtual.chip_model import ChipModel
from station.virtual.image_check import CHIP_IDS, FlashImage, read_image
from station.virtual.partitions import (
    TABLE_OFFSET,
    TABLE_SIZE_BYTES,
    FlashPartition,
    TableFault,
    read_partition_table,
)
from station.virtual.program import Board, Program

BOOTLOADER_OFFSETS: Final = {"esp32": 0x1000, "esp32c3": 0x0}
SECTOR_BYTES: Final = 0x1000
RESETS_MAX: Final = 40
"""A real chip goes on for ever; a bench with many forgotten chips would heat the room."""
RESET_PAUSE_S: Final = 0.35
_INVALID_HEADER_LINES: Final = 8
_JOIN_TIMEOUT_S: Final = 10.0
_BANNER_PATTERN: Final = re.compile(rb"MicroPython v[\x20-\x7e]{1,120}")
_BOOTLOADER_DESCRIPTION_MAGIC: Final = 80


class Flash(Protocol):
    """The flash as run mode uses it; offsets and sizes in bytes."""

    @property
    def size_bytes(self) -> int: ...
    def read(self, offset: int, size_bytes: int) -> bytes: ...
    def erase(self, offset: int, size_bytes: int) -> None: ...
    def program(self, offset: int, data: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Restart:
    """How one start of the chip ended: None instead of it means that the chip stays as it is until the next reset."""

    cause: ResetCause


class RunMode:
    """One chip's run mode. `say` gets what the UART sends, called from a thread of its own; after `stop` it is not called."""

    def __init__(
        self,
        chip: str,
        mac: bytes,
        flash: Flash,
        say: Callable[[bytes], None],
        *,
        reset_pause_s: float = RESET_PAUSE_S,
        resets_max: int = RESETS_MAX,
    ) -> None:
        self._chip = chip
        self._mac = mac
        self._flash = flash
        self._say_out = say
        self._reset_pause_s = reset_pause_s
        self._resets_max = resets_max
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._program: Program | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Release the chip from reset and return at once; a chip that runs already is reset first."""
        self.stop()
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._live, args=(self._stopping,), name=f"run mode {self._mac.hex(':')}", daemon=True
        )
        self._thread.start()

    @property
    def program_process_id(self) -> int | None:
        """The child process that runs the application now."""
        with self._guard:
            return self._program.process_id if self._program is not None else None

    def receive(self, data: bytes) -> None:
        """Take bytes that the host sent to the UART."""
        with self._guard:
            program = self._program
        if program is not None:
            program.receive(data)

    def stop(self) -> None:
        """Hold the chip in reset: the program is killed, and nothing is said after this returns."""
        self._stopping.set()
        with self._guard:
            if self._program is not None:
                self._program.kill()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_TIMEOUT_S)

    def _live(self, stopping: threading.Event) -> None:
        def say(data: bytes) -> None:
            if not stopping.is_set():
                self._say_out(data)

        cause = POWER_ON
        for _ in range(self._resets_max):
            restart = self._start_once(cause, say, stopping)
            if restart is None:
                break
            cause = restart.cause
            if stopping.wait(self._reset_pause_s):
                break

    def _start_once(
        self, cause: ResetCause, say: Callable[[bytes], None], stopping: threading.Event
    ) -> _Restart | None:
        console = BootConsole(say)
        console.text(rom_banner(self._chip, cause))
        bootloader = self._load_bootloader(console)
        if bootloader is None:
            return _Restart(WATCHDOG_RESET)
        partitions = self._read_table(console)
        app = self._load_app(console, partitions) if partitions else None
        if app is None:
            return _Restart(BOOTLOADER_RESET)
        return self._run(console, app, partitions, say, stopping)

    def _load_bootloader(self, console: BootConsole) -> FlashImage | None:
        """Do the ROM's part; None when there is nothing it can start."""
        offset = BOOTLOADER_OFFSETS[self._chip]
        image = read_image(self._read, offset, self._flash.size_bytes - offset)
        word = int.from_bytes(image.header[:4], "little")
        if image.header[0] != 0xE9:
            for _ in range(_INVALID_HEADER_LINES):
                console.line(f"invalid header: 0x{word:08x}")
            return None
        for line in rom_load_lines(self._chip, image):
            console.line(line)
        if image.checksum_read != image.checksum_calculated:
            console.line(f"csum err:0x{image.checksum_read:02x}!=0x{image.checksum_calculated:02x}")
            console.line("ets_main.c 371 ")
            return None
        if not image.segments or (image.fault is not None and image.hash_is_right):
            console.line(f"flash read err, {offset:x}")
            console.line("ets_main.c 371 ")
            return None
        if self._chip != "esp32" and not image.hash_is_right and image.hash_read is not None:
            # The classic ESP32's ROM does not look at the bootloader's hash unless secure boot is on.
            console.text("SHA-256 comparison failed:\r\n")
            console.line(f"Calculated: {image.hash_calculated.hex()}")
            console.line(f"Expected: {image.hash_read.hex()}")
            console.line("Attempting to boot anyway...")
        console.line(f"entry 0x{image.entry_address:08x}")
        console.logs_information = any(b"I (%" in segment.data for segment in image.segments)
        log_bootloader(console, self._chip, image, *_bootloader_build(image))
        return image

    def _read_table(self, console: BootConsole) -> tuple[FlashPartition, ...]:
        """Do the bootloader's first part; empty when the table cannot be used."""
        try:
            partitions = read_partition_table(self._read(TABLE_OFFSET, TABLE_SIZE_BYTES), self._flash.size_bytes)
        except TableFault as fault:
            console.error("flash_parts", str(fault))
            console.error("boot", "Failed to verify partition table")
            console.error("boot", "load partition table error!")
            return ()
        log_partition_table(console, partitions)
        return partitions

    def _load_app(self, console: BootConsole, partitions: tuple[FlashPartition, ...]) -> FlashImage | None:
        """Do the bootloader's second part; None when no application can be started."""
        for partition in choose_app(console, partitions, self._read):
            image = read_image(self._read, partition.offset, partition.size_bytes)
            log_image_segments(console, self._chip, image)
            if image.fault is None and image.chip_id == CHIP_IDS[self._chip]:
                console.information("boot", f"Loaded app from partition at offset 0x{partition.offset:x}")
                console.information("boot", "Disabling RNG early entropy source...")
                return image
            wrong_chip = f"mismatch chip ID, expected {CHIP_IDS[self._chip]}, found {image.chip_id}"
            console.error("esp_image" if image.fault else "boot_comm", image.fault or wrong_chip)
            console.error("boot", f"{partition_label(partition)} is not bootable")
        console.error("boot", "No bootable app partitions in the partition table")
        return None

    def _run(
        self,
        console: BootConsole,
        app: FlashImage,
        partitions: tuple[FlashPartition, ...],
        say: Callable[[bytes], None],
        stopping: threading.Event,
    ) -> _Restart | None:
        """Run the application until it ends, resets the chip or is stopped."""
        mapped = [segment.data for segment in app.segments if segment.is_mapped(self._chip)]
        sources = (find_program(data) for data in mapped)
        source = next((text for text in sources if text is not None), "")
        banner = next((match.group().decode("ascii") for match in map(_BANNER_PATTERN.search, mapped) if match), "")
        description = app.description()
        if source or not banner:
            log_app_start(console, self._chip, description)
        if not source and not banner:
            return None
        board = Board(
            chip=self._chip,
            mac=self._mac.hex(),
            partitions=tuple((p.name, p.type, p.subtype, p.offset, p.size_bytes) for p in partitions),
            banner="" if source else banner,
            project_name=description.project_name if description else "",
            version=description.version if description else "",
            now_ms=console.now_ms,
        )
        program = Program(say, self._write)
        try:
            with self._guard:
                self._program = program
                if stopping.is_set():
                    return None
            program.begin(board, source, self._read(0, self._flash.size_bytes))
            wants_reset = program.wait()
            with self._guard:
                self._program = None
            last_words = program.last_words()
            if last_words and not stopping.is_set():
                console.line(f"virtual chip: the program's process failed: {last_words}")
        finally:
            with self._guard:
                self._program = None
            program.close()
        return _Restart(SOFTWARE_RESET) if wants_reset else None

    def _write(self, offset: int, data: bytes) -> None:
        """Take a program's write: whole sectors are erased first, anything else goes onto erased flash."""
        if offset % SECTOR_BYTES == 0 and len(data) % SECTOR_BYTES == 0:
            self._flash.erase(offset, len(data))
        if data.strip(b"\xff"):
            self._flash.program(offset, data)

    def _read(self, offset: int, size_bytes: int) -> bytes:
        """Read flash; what lies beyond its end reads as erased."""
        inside = max(0, min(size_bytes, self._flash.size_bytes - offset))
        return (self._flash.read(offset, inside) if inside else b"").ljust(size_bytes, b"\xff")


def make_run_mode(flash: Flash, model: ChipModel, console: Callable[[bytes], None]) -> RunMode:
    """Make the run mode of a chip as a fixture wants it (`BootFactory`)."""
    return RunMode(model.kind.name, model.mac_bytes, flash, console)


def _bootloader_build(image: FlashImage) -> tuple[str, str]:
    """Give the ESP-IDF version and build time of a bootloader that describes itself (`esp_bootloader_desc_t`)."""
    data = image.segments[0].data
    if len(data) < 80 or data[0] != _BOOTLOADER_DESCRIPTION_MAGIC:
        return "v4", "unknown"
    version, built = (field.split(b"\x00", 1)[0].decode("ascii", "replace") for field in (data[8:40], data[40:64]))
    return version, built
