"""How an adapter's DTR and RTS drive the chip's EN and IO0.

The two transistors of the usual boards (Espressif, "Boot Mode Selection"): RTS alone pulls EN low, DTR alone pulls IO0 low, both
together pull nothing. USB-Serial/JTAG inside a chip reads the same lines by its own rules (ESP32-C3 technical reference).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

EN_RISE_S: Final = 0.25
"""How long EN may stay low after both lines are on. A board's capacitor holds it for some milliseconds; an RFC2217 client
needs 50 to 100 ms between two lines (pyserial 3.5), so the bench's capacitor is larger."""


class ResetAction(Enum):
    """What the lines do to the chip."""

    HOLD = auto()
    RUN = auto()
    DOWNLOAD = auto()


class ResetCircuit:
    """Follows the two lines; `act` is called when the chip is to be held in reset or to leave it."""

    def __init__(
        self, act: Callable[[ResetAction], None], clock: Callable[[], float], *, usb_jtag: bool = False
    ) -> None:
        self._act = act
        self._clock = clock
        self._usb_jtag = usb_jtag
        self._dtr = False
        self._rts = False
        self._held = False
        self._wants_download = False
        self._rises_at: float | None = None

    @property
    def dtr(self) -> bool:
        return self._dtr

    @property
    def rts(self) -> bool:
        return self._rts

    @property
    def is_held(self) -> bool:
        """Say whether EN is low."""
        return self._held

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Switch one line or both."""
        self._dtr = self._dtr if dtr is None else dtr
        self._rts = self._rts if rts is None else rts
        if self._usb_jtag:
            self._follow_usb_jtag()
        else:
            self._follow_transistors()

    def wait_s(self) -> float | None:
        """Give the seconds until `tick` has something to do."""
        return None if self._rises_at is None else max(0.0, self._rises_at - self._clock())

    def tick(self) -> None:
        """Let EN rise when its time has come."""
        if self._rises_at is not None and self._clock() >= self._rises_at:
            self._release(download=False)

    def _follow_transistors(self) -> None:
        if self._rts and not self._dtr:
            self._hold()
        elif self._held and self._rts and self._dtr:
            self._rises_at = self._clock() + EN_RISE_S
        elif self._held:
            self._release(download=self._dtr)

    def _follow_usb_jtag(self) -> None:
        if not self._rts:
            if self._held:
                self._release(download=self._wants_download)
            self._wants_download = self._dtr
        elif not self._dtr:
            self._hold()

    def _hold(self) -> None:
        self._rises_at = None
        if not self._held:
            self._held = True
            self._act(ResetAction.HOLD)

    def _release(self, *, download: bool) -> None:
        self._rises_at = None
        self._held = False
        self._act(ResetAction.DOWNLOAD if download else ResetAction.RUN)
