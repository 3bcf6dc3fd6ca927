"""A powered chip: EN and IO0 decide whether it runs its loader or its application; one thread is its CPU."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from station.virtual.chip_memory import ChipMemory
from station.virtual.chip_model import ChipModel
from station.virtual.faults import Faults
from station.virtual.flash_memory import FlashMemory
from station.virtual.loader_answer import Answer, FlashTimings, Loader, Then
from station.virtual.reset_circuit import ResetAction
from station.virtual.rom_loader import RomLoader
from station.virtual.slip import FrameDecoder, encode_frame
from station.virtual.stub_loader import GREETING, StubLoader
from station.virtual.wire import CONSOLE_BAUD, Piece, Wire, received

CONSOLE_BACKLOG_S: Final = 0.05
IMAGE_MAGIC: Final = b"\xe9"
_BABBLE: Final = bytes((number * 73 + 41) % 251 for number in range(61))


class Application(Protocol):
    """What runs after a reset into run mode."""

    def start(self) -> None:
        """Begin to run; returns at once."""

    def stop(self) -> None:
        """End at once; nothing is printed or written afterwards."""

    def receive(self, data: bytes) -> None:
        """Take bytes from the console."""


BootFactory = Callable[[FlashMemory, ChipModel, Callable[[bytes], None]], Application]
"""(flash, model, console) → what runs; `console` prints, paced by the console's baud rate."""


class SilentApplication:
    """An application that does nothing."""

    def __init__(self, _flash: FlashMemory, _model: ChipModel, _console: Callable[[bytes], None]) -> None:
        """Takes what every application is given."""

    def start(self) -> None:
        """Does nothing."""

    def stop(self) -> None:
        """Does nothing."""

    def receive(self, data: bytes) -> None:
        """Does nothing."""


class VirtualChip:
    """One chip under power on a wire, from `start` to `power_off`. Any thread may call any public method."""

    def __init__(
        self,
        model: ChipModel,
        flash: FlashMemory,
        wire: Wire,
        *,
        boot: BootFactory = SilentApplication,
        timings: FlashTimings | None = None,
        faults: Faults | None = None,
        on_power_cut: Callable[[], None] = lambda: None,
    ) -> None:
        self.model = model
        self.flash = flash
        self._wire = wire
        self._boot = boot
        self._timings = timings or FlashTimings()
        self._faults = faults or Faults()
        self._on_power_cut = on_power_cut
        self._wakes = threading.Condition()
        self._actions: deque[ResetAction | None] = deque()
        self._thread = threading.Thread(target=self._live, name=f"chip {model.mac}", daemon=True)
        self._application: Application | None = None
        self._loader: Loader | None = None
        self._memory = ChipMemory(model)
        self._decoder = FrameDecoder()
        self._baud: int | None = None
        self._mode = ResetAction.RUN
        self._received_bytes = 0
        self._reports_power_cut = False

    def start(self, action: ResetAction) -> None:
        """Give power; `action` is what EN and IO0 say at that moment."""
        self._actions.append(action)
        self._wire.wake_chip = self._wake
        self._thread.start()

    def act(self, action: ResetAction) -> None:
        """Let the reset lines do this; what the chip was doing ends at once."""
        with self._wakes:
            self._actions.append(action)
            self._wakes.notify()

    def power_off(self) -> None:
        """Take the power away and wait for the end; the flash keeps what was programmed."""
        with self._wakes:
            self._actions.append(None)
            self._wakes.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    @property
    def mode(self) -> ResetAction:
        """What the last reset did: HOLD, RUN, DOWNLOAD."""
        return self._mode

    def _wake(self) -> None:
        with self._wakes:
            self._wakes.notify()

    def _live(self) -> None:
        while True:
            with self._wakes:
                if not self._actions:
                    piece = self._wire.next_for_chip()
                    if not isinstance(piece, Piece):
                        self._wakes.wait(piece)
                        continue
                    action = None
                else:
                    piece = None
                    action = self._actions.popleft()
            if isinstance(piece, Piece):
                self._receive(piece)
            elif action is None:
                self._reset(ResetAction.HOLD)
                break
            else:
                self._reset(action)
        if self._reports_power_cut:
            self._on_power_cut()

    def _reset(self, action: ResetAction, *, by_software: bool = False) -> None:
        self._mode = action
        self._stop_application()
        self._loader = None
        self._baud = None
        self._received_bytes = 0
        if not by_software:
            # Software waits for its last answer to leave before it resets the chip.
            self._wire.drop_unsent()
        if action is ResetAction.HOLD:
            self._wire.drop_unread()
        elif action is ResetAction.DOWNLOAD and self.model.security.download_disabled:
            # ESP-IDF: strapped for download, such a chip prints an error and goes no further; its words are not known.
            first_lines = self.model.kind.download_banner.splitlines(keepends=True)[:-1]
            self._wire.chip_sends(b"".join(first_lines), CONSOLE_BAUD)
        elif action is ResetAction.DOWNLOAD:
            self._memory = ChipMemory(self.model)
            self._loader = RomLoader(self.model, self.flash, self._memory, self._timings)
            self._decoder = FrameDecoder()
            self._wire.chip_sends(self.model.kind.download_banner, CONSOLE_BAUD)
        else:
            self._start_application()

    def _start_application(self) -> None:
        self._loader = None
        opened = threading.Event()
        opened.set()

        def console(data: bytes) -> None:
            """Print from the application's thread; waits while the transmit buffer is full, as a UART's does."""
            while opened.is_set() and (wait_s := self._wire.chip_unsent_s() - CONSOLE_BACKLOG_S) > 0:
                time.sleep(min(wait_s, CONSOLE_BACKLOG_S))
            if opened.is_set():
                self._wire.chip_sends(data, CONSOLE_BAUD)

        self._close_console = opened.clear
        self._application = self._boot(self.flash, self.model, console)
        self._application.start()

    def _stop_application(self) -> None:
        if self._application is not None:
            self._close_console()
            self._application.stop()
            self._application = None

    def _receive(self, piece: Piece) -> None:
        self._received_bytes += len(piece.data)
        limit = self._faults.power_cut_after_bytes
        if limit is not None and self._received_bytes >= limit:
            self._reports_power_cut = True
            self.power_off()
            return
        if self._application is not None:
            self._application.receive(received(piece.data, piece.baud, CONSOLE_BAUD))
        elif self._loader is not None:
            self._load(piece)

    def _load(self, piece: Piece) -> None:
        data = piece.data if self._baud is None else received(piece.data, piece.baud, self._held_baud(piece.baud))
        for frame in self._decoder.feed(data):
            if self._baud is None:
                # The ROM measures the baud rate of the first frame it gets.
                self._baud = piece.baud
                self._memory.set_baud(piece.baud)
            if self._loader is None:
                return
            limit = self._faults.silent_after_bytes
            if limit is not None and self._received_bytes >= limit:
                return
            if self._faults.babbles:
                self._wire.chip_sends(_BABBLE, self._baud)
                return
            self._carry_out(self._loader.handle(frame))

    def _held_baud(self, baud: int) -> int:
        """Give the rate at which the chip hears; one that fits no sender where the cable does not hold the sender's."""
        limit = self._faults.garbles_above_baud
        return CONSOLE_BAUD if limit is not None and baud > limit else self._baud or CONSOLE_BAUD

    def _carry_out(self, answer: Answer) -> None:
        if not self._pause(answer.busy_s):
            return
        baud = self._baud or CONSOLE_BAUD
        self._wire.chip_sends(b"".join(encode_frame(frame) for frame in answer.frames) + answer.text, baud)
        for step in answer.work:
            if not self._pause(0.0):
                return
            step.act()
            if not self._pause(step.seconds):
                return
        if answer.baud is not None:
            self._baud = answer.baud
            self._memory.set_baud(answer.baud)
        if answer.then is not Then.STAY:
            self._go_on(answer.then, baud)

    def _go_on(self, then: Then, baud: int) -> None:
        if then is Then.RUN_STUB:
            self._loader = StubLoader(self.model, self.flash, self._memory, self._timings)
            self._decoder = FrameDecoder(strict=True)
            self._wire.chip_sends(encode_frame(GREETING), baud)
        elif then is Then.RESET:
            self._reset(self._mode, by_software=True)
        elif then is Then.RUN_APP and self.flash.read(self.model.kind.bootloader_offset, 1) == IMAGE_MAGIC:
            self._start_application()
        else:
            self._loader = None
            if then is Then.RUN_APP:
                self._wire.chip_sends(self.model.kind.fault_text_end, baud)

    def _pause(self, seconds: float) -> bool:
        """Let time pass; says whether the chip is still the same (no reset, no power cut)."""
        end = time.monotonic() + seconds
        with self._wakes:
            while not self._actions:
                left_s = end - time.monotonic()
                if left_s <= 0:
                    return True
                self._wakes.wait(left_s)
        return False
