"""One chip on one lane's port: found, identified, written, proven, restarted. Used from the lane's own thread only.

esptool's loader classes do the talking; the order of commands is ours (measured fastest: one connection, one stub
upload, one baud change, no pipelining). Everything that esptool or pyserial raises leaves here as ChipError, PortFault or Aborted.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

from esptool import cmds
from esptool.loader import ESPLoader
from esptool.targets import ROM_LIST
from esptool.util import FatalError, UnsupportedCommandError, flash_size_bytes

from station.chip import quiet_esptool
from station.chip.baud_ladder import BaudLadder
from station.chip.chip_failures import RESET_UNIT, translated, unit_gone
from station.chip.console import Console
from station.chip.lane_port import LanePort
from station.chip.packed_region import PackedRegion, block_checksum
from station.chip.registers import each_register_read_once, register_writes_gathered
from station.chip.security import download_locked, read_security
from station.errors import ChipError, Code
from station.unit import ChipIdentity, Mac, parse_mac

ROM_BAUD: Final = 115200
BLOCK_TIMEOUT_S: Final = 3.0
PRESENCE_TIMEOUT_S: Final = 0.3
ERASE_WRITE_TIMEOUT_S_PER_MB: Final = 40.0
SEND_ATTEMPTS_MAX: Final = 2
LINK_CHECK_TIMEOUT_S: Final = 0.5
STUBBORN_CONNECT_ATTEMPTS: Final = 4
BAUD_SYMPTOMS: Final = frozenset({Code.UNIT_GONE, Code.CHIP_GARBLED, Code.WRITE_REFUSED})
"""What a baud rate that adapter or cable do not hold looks like from here."""

Result = TypeVar("Result")


class ResetMode(StrEnum):
    """How the chip gets into download mode; esptool's words."""

    DEFAULT_RESET = "default-reset"
    USB_RESET = "usb-reset"
    NO_RESET = "no-reset"


class SyncOutcome(StrEnum):
    """What one look for a chip found."""

    READY = "ready"
    SILENT = "silent"
    """Nothing at all was heard: no unit."""
    RUNNING = "running"
    """A chip boots, but not into download mode."""
    GARBLED = "garbled"
    """Something is heard that is no answer."""


class Chip:
    """The connection of one lane to whatever unit is in its fixture."""

    def __init__(
        self,
        port: LanePort,
        reset: ResetMode = ResetMode.DEFAULT_RESET,
        lane: str = "-",
        ladder: BaudLadder | None = None,
    ) -> None:
        self._port = port
        self._reset = reset
        self._loader: Any = None
        self._rom_type: Any = None
        self._mac: Mac | None = None
        self._ladder = ladder or BaudLadder()
        self._rom_raises_baud = True
        quiet_esptool.LANE.set(lane)

    def sync(self) -> SyncOutcome:
        """Reset into download mode and look for a chip once (about 1 s of silence when there is none)."""
        outcome = self._connect(attempts=1)
        if outcome in {SyncOutcome.RUNNING, SyncOutcome.GARBLED} and self._reset is not ResetMode.NO_RESET:
            outcome = self._connect(STUBBORN_CONNECT_ATTEMPTS)
        return outcome

    def _connect(self, attempts: int) -> SyncOutcome:
        try:
            with translated(self._port.url, "connect"):
                self._port.baudrate = ROM_BAUD
                loader = ESPLoader(self._port, ROM_BAUD)
                loader.USES_RFC2217 = self._port.url.startswith("rfc2217:")
                try:
                    loader.connect(self._reset, attempts, detecting=True, warnings=False)
                except FatalError as error:
                    return _outcome_of(str(error))
                self._loader = loader
        except ChipError:
            return SyncOutcome.GARBLED
        return SyncOutcome.READY

    def identify(self) -> ChipIdentity:
        """Ask model, revision, MAC and security eFuses of the ROM; the flash size stays 0 until `prepare`. ChipError."""
        with translated(self._port.url, "identify itself"):
            self._rom_type = self._rom_class()
            rom = self._speak_as(self._rom_type)
            self._mac = self._read_mac()
            with each_register_read_once(rom):
                revision = rom.get_chip_revision()
                return ChipIdentity(
                    chip=rom.CHIP_NAME.lower().replace("-", ""),
                    description=rom.get_chip_description(),
                    revision=f"v{revision // 100}.{revision % 100}",
                    mac=self._mac,
                    flash_size_bytes=0,
                    security=read_security(rom, revision),
                )

    def _speak_as(self, rom_type: Any) -> Any:
        """Go on as the loader of this kind of chip, over the same port."""
        rom = rom_type(self._port, ROM_BAUD)
        rom.sync_stub_detected = self._loader.sync_stub_detected
        rom.cache["security_info"] = self._loader.cache["security_info"]
        rom._post_connect()
        self._loader = rom
        return rom

    def _rom_class(self) -> Any:
        """Find esptool's class by the magic register, or by the chip id that newer chips tell (esptool's ROM_LIST)."""
        try:
            magic = self._loader.read_reg(ESPLoader.CHIP_DETECT_MAGIC_REG_ADDR)
        except UnsupportedCommandError:
            raise download_locked(self._loader) from None
        for rom_class in ROM_LIST:
            if rom_class.USES_MAGIC_VALUE and magic == rom_class.MAGIC_VALUE:
                return rom_class
        chip_id = self._loader.get_chip_id()
        for rom_class in ROM_LIST:
            if not rom_class.USES_MAGIC_VALUE and chip_id == rom_class.IMAGE_CHIP_ID:
                return rom_class
        raise ChipError(
            Code.WRONG_CHIP,
            f"This chip is of a kind that the station does not know (magic {magic:#010x})",
            "Put the unit aside for the line lead",
        )

    def _read_mac(self) -> Mac:
        return parse_mac(bytes(self._loader.read_mac("BASE_MAC")).hex())

    def mac_now(self) -> Mac:
        """Ask the MAC again; ChipError F21 when the unit is gone."""
        return self._held("tell its MAC", self._read_mac)

    @property
    def baud(self) -> int:
        """The baud rate at which the unit is written."""
        return self._ladder.baud

    def prepare(self, bauds: Sequence[int] | None) -> int:
        """Start the flasher stub, attach the flash; give its size in bytes.

        Of `bauds` the first that holds is taken; None: what the lane has learned, or more when it is time to try.
        """
        self._ladder.offer(bauds)
        return self._start_flasher()

    def _start_flasher(self) -> int:
        """Start it as fast as this lane bears; what fails is tried without the ROM's help, then at the next rate."""
        with_rom = self._rom_raises_baud
        while True:
            try:
                size_bytes = self._start_flasher_at(self._ladder.baud, with_rom)
            except ChipError as error:
                if error.code not in BAUD_SYMPTOMS or not (with_rom or self._ladder.step_down()):
                    raise
                with_rom = not with_rom and self._rom_raises_baud
                self._connect_again()
            else:
                self._rom_raises_baud = with_rom
                return size_bytes

    def _start_flasher_at(self, baud: int, with_rom: bool) -> int:
        self._start_stub(baud, with_rom)
        with translated(self._port.url, "attach its flash"), register_writes_gathered(self._loader):
            cmds.attach_flash(self._loader)
            size = cmds.detect_flash_size(self._loader)
            if size is None:
                raise ChipError(Code.WRITE_REFUSED, "The flash of the unit does not answer", RESET_UNIT)
            size_bytes = int(flash_size_bytes(size))
            self._loader.flash_set_parameters(size_bytes)
        return size_bytes

    def _start_stub(self, baud: int, with_rom: bool) -> None:
        with translated(self._port.url, "start the flasher"):
            # The ROM raises the baud rate first: its stub then takes 0.1 s instead of 0.6, and keeps the rate.
            if with_rom and baud != self._port.baudrate:
                with each_register_read_once(self._loader):
                    if _rom_knows_its_clock(self._loader):
                        self._loader.change_baud(baud)
            self._loader = self._loader.run_stub()
            if baud != self._port.baudrate:
                self._loader.change_baud(baud)
            self._loader.read_reg(ESPLoader.CHIP_DETECT_MAGIC_REG_ADDR, timeout=LINK_CHECK_TIMEOUT_S)

    def _connect_again(self) -> None:
        if self._connect(STUBBORN_CONNECT_ATTEMPTS) is not SyncOutcome.READY:
            raise unit_gone()
        with translated(self._port.url, "connect again"):
            self._speak_as(self._rom_type)

    def still_there(self) -> bool:
        """Ask the chip that `sync` left in download mode for a sign of life, without a reset."""
        try:
            with translated(self._port.url, "answer"):
                self._loader.read_reg(ESPLoader.CHIP_DETECT_MAGIC_REG_ADDR, timeout=PRESENCE_TIMEOUT_S)
        except ChipError as error:
            # A chip in secure download mode refuses, and that is an answer.
            return error.code is Code.SECURITY_SET
        return True

    def md5(self, offset: int, size_bytes: int) -> str:
        """Let the chip compute the MD5 of a stretch of its flash; lower-case hex."""
        return self._held("compute a checksum", lambda: str(self._loader.flash_md5sum(offset, size_bytes)).lower())

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Read a stretch of flash; esptool checks its MD5."""
        return self._held("read its flash", lambda: bytes(self._loader.read_flash(offset, size_bytes)))

    def write(self, packed: PackedRegion, progress: Callable[[int], None]) -> None:
        """Write one region; `progress` gets the compressed bytes of it sent so far, from 0 again after a refused try."""
        self._held(f"write {packed.name}", lambda: self._send_stubbornly(packed, progress))

    def _send_stubbornly(self, packed: PackedRegion, progress: Callable[[int], None]) -> None:
        for attempt in range(1, SEND_ATTEMPTS_MAX + 1):
            try:
                with translated(self._port.url, f"write {packed.name}"):
                    self._send(packed, progress)
            except ChipError as error:
                # A refused block cannot be sent again alone: the loader's sequence has moved on (01 07 is followed by 01 05).
                if error.code is not Code.WRITE_REFUSED or attempt == SEND_ATTEMPTS_MAX:
                    raise
            else:
                return

    def _held(self, doing: str, act: Callable[[], Result]) -> Result:
        """Do what can be done again; at a lower baud rate when this one does not hold."""
        while True:
            try:
                with translated(self._port.url, doing):
                    return act()
            except ChipError as error:
                if error.code not in BAUD_SYMPTOMS or not self.slow_down():
                    raise

    def slow_down(self) -> bool:
        """Start the flasher of the same unit anew at a lower rate; False when there is none. ChipError when it is not there."""
        if self._reset is ResetMode.NO_RESET or not self._ladder.step_down():
            return False
        if self.sync() is not SyncOutcome.READY:
            raise unit_gone()
        with translated(self._port.url, "connect again"):
            self._speak_as(self._rom_type)
            now = self._read_mac()
        if self._mac != now:
            raise ChipError(
                Code.UNIT_SWAPPED,
                f"The unit was changed during the run: it was {self._mac}, now it is {now}",
                "Put the first unit back, or start this one anew",
                facts={"before": str(self._mac), "now": now},
            )
        # It was the line, which may be why the ROM was blamed before.
        self._rom_raises_baud = True
        self._start_flasher()
        return True

    def _send(self, packed: PackedRegion, progress: Callable[[int], None]) -> None:
        loader, blob, size = self._loader, packed.blob, packed.size_bytes
        progress(0)
        loader.flash_defl_begin(size, len(blob), packed.offset)
        step = loader.FLASH_WRITE_SIZE
        inflated_per_byte = size / len(blob)
        for sequence, start in enumerate(range(0, len(blob), step)):
            block = blob[start : start + step]
            limit_s = (
                ERASE_WRITE_TIMEOUT_S_PER_MB * len(block) * inflated_per_byte / 1e6
                + len(block) * 20 / self._port.baudrate
            )
            loader.check_command(
                f"write {packed.name}",
                loader.ESP_CMDS["FLASH_DEFL_DATA"],
                struct.pack("<IIII", len(block), sequence, 0, 0) + block,
                block_checksum(block),
                timeout=max(BLOCK_TIMEOUT_S, limit_s),
            )
            progress(start + len(block))

    def restart(self) -> Console:
        """Reset the chip into its application and give its console, which hears everything from the reset on."""
        self._ladder.unit_was_clean()
        with translated(self._port.url, "restart"):
            self._port.reset_input_buffer()
            self._port.baudrate = ROM_BAUD  # last: a unit that is reset by hand may speak from now on
            if self._reset is not ResetMode.NO_RESET:
                self._loader.hard_reset()
        return Console(self._port)

    def release(self) -> None:
        """Close the port; safe at any time."""
        self._port.release()


def _rom_knows_its_clock(rom: Any) -> bool:
    """esptool asks an ESP32's ROM for a rate scaled by the clock that the ROM measured; without one it would be 0."""
    return rom.CHIP_NAME != "ESP32" or bool(rom.get_rom_cal_crystal_freq())


def _outcome_of(text: str) -> SyncOutcome:
    if "Wrong boot mode" in text:
        return SyncOutcome.RUNNING
    if "No serial data received" in text:
        return SyncOutcome.SILENT
    return SyncOutcome.GARBLED
