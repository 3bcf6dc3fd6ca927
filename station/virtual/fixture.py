"""A fixture of the bench: an RFC 2217 port into which units are put and from which they are pulled."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from station.virtual.chip_model import CHIP_KINDS, FLASH_SIZES_BYTES, ChipModel
from station.virtual.faults import Faults
from station.virtual.flash_memory import FlashMemory
from station.virtual.loader_answer import FlashTimings
from station.virtual.reset_circuit import ResetAction, ResetCircuit
from station.virtual.rfc2217_port import HOST, Rfc2217Port
from station.virtual.security_fuses import SecurityFuses
from station.virtual.virtual_chip import BootFactory, SilentApplication, VirtualChip
from station.virtual.wire import Wire

REPLY_LATENCY_S: Final = 0.001
DEFAULT_MAC: Final = "24:0a:c4:5e:10:00"


@dataclass(frozen=True, slots=True)
class Unit:
    """A board: its chip and its flash. It may be put into one fixture after another and keeps its flash."""

    model: ChipModel
    flash: FlashMemory


def make_unit(
    mac: str = DEFAULT_MAC,
    *,
    chip: str = "esp32",
    flash_size: str = "4MB",
    flash_file: Path | None = None,
    security: SecurityFuses | None = None,
    revision: int | None = None,
) -> Unit:
    """Make a unit; with a `flash_file` its flash is what stands there; `revision` is major times 100 plus minor.

    ValueError: unknown chip, size, MAC, revision, or an eFuse that this chip does not have.
    """
    if chip not in CHIP_KINDS:
        raise ValueError(f"{chip!r} is none of the chips {', '.join(CHIP_KINDS)}")
    if flash_size not in FLASH_SIZES_BYTES:
        raise ValueError(f"{flash_size!r} is none of the flash sizes {', '.join(FLASH_SIZES_BYTES)}")
    model = ChipModel(
        mac.lower(), CHIP_KINDS[chip], FLASH_SIZES_BYTES[flash_size], security or SecurityFuses(), revision
    )
    return Unit(model, FlashMemory(model.flash_size_bytes, flash_file))


class Fixture:
    """One port, with or without a unit. Without one the port is open and silent.

    `reply_latency_s` is the adapter's, on each answer. `usb_jtag` reads DTR and RTS as a chip's own USB port does.
    """

    def __init__(
        self,
        unit: Unit | None = None,
        *,
        port: int = 0,
        reply_latency_s: float = REPLY_LATENCY_S,
        boot: BootFactory = SilentApplication,
        timings: FlashTimings | None = None,
        faults: Faults | None = None,
        usb_jtag: bool = False,
    ) -> None:
        self.faults = faults or Faults()
        self._boot = boot
        self._timings = timings
        self._lock = threading.RLock()
        self._chip: VirtualChip | None = None
        self._unit = unit
        self._wire = Wire(time.monotonic, reply_latency_s)
        self._circuit = ResetCircuit(self._act, time.monotonic, usb_jtag=usb_jtag)
        self._port = Rfc2217Port(self._wire, self._circuit, port=port, faults=self.faults)

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return self._port.port

    @property
    def url(self) -> str:
        """The port as pyserial and esptool take it."""
        return f"rfc2217://{HOST}:{self.port}"

    @property
    def baud(self) -> int:
        """At what rate the host listens now."""
        return self._port.baud

    @property
    def unit(self) -> Unit | None:
        """The unit that is in the fixture."""
        return self._unit

    @property
    def mode(self) -> ResetAction | None:
        """What the unit's last reset did; None without a unit."""
        chip = self._chip
        return chip.mode if chip else None

    @property
    def has_client(self) -> bool:
        """Say whether a program holds the port open."""
        return self._port.has_client

    def start(self) -> Self:
        """Begin to serve; a unit that is in the fixture gets power."""
        self._port.start()
        if self._unit is not None:
            self.insert(self._unit)
        return self

    def stop(self) -> None:
        """Close the port and take the power away."""
        self._port.stop()
        self.remove()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def insert(self, unit: Unit) -> None:
        """Put a unit in, in place of the one that is there: it gets power and starts."""
        with self._lock:
            self.remove()
            self._unit = unit
            unit.flash.worn_cells = self.faults.worn_cells
            self._chip = VirtualChip(
                unit.model,
                unit.flash,
                self._wire,
                boot=self._boot,
                timings=self._timings,
                faults=self.faults,
                on_power_cut=self._forget,
            )
            held = self._circuit.is_held and not self.faults.ignores_reset
            self._chip.start(ResetAction.HOLD if held else self._started(ResetAction.RUN))

    def remove(self) -> Unit | None:
        """Pull the unit out, whatever it is doing; its flash keeps what was programmed. Gives the unit."""
        with self._lock:
            chip, unit = self._chip, self._unit
            self._forget()
        if chip is not None:
            chip.power_off()
        return unit

    def _forget(self) -> None:
        self._chip = None
        self._unit = None
        self._wire.wake_chip = lambda: None
        self._wire.drop_unsent()
        self._wire.drop_unread()

    def _started(self, action: ResetAction) -> ResetAction:
        return ResetAction.DOWNLOAD if self.faults.boot_held and action is ResetAction.RUN else action

    def _act(self, action: ResetAction) -> None:
        chip = self._chip
        if chip is not None and not self.faults.ignores_reset:
            chip.act(self._started(action))
