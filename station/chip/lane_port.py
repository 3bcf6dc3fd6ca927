"""The serial port of one lane: opened by us, handed to esptool, always released by us.

It wraps any pyserial port. Time limits are kept here (pyserial's own time-out is set once, short), so that an abort
ends a read within one slice and a changed time-out costs no driver call. esptool's own `close` is ignored: only `release` closes.
"""

from __future__ import annotations

import contextlib
import errno
import re
import threading
import time
from typing import Any, Final, cast

import serial

from station.chip.chip_failures import unit_garbled
from station.chip.latency import LOW_LATENCY_MS, latency_timer_ms, set_low_latency
from station.chip.port_errors import OPENING_ERRORS, PORT_ERRORS
from station.chip.rfc2217 import QuickRfc2217
from station.errors import Aborted, Code, PortFault

READ_SLICE_S: Final = 0.05
WRITE_TIMEOUT_S: Final = 10.0
WRITE_SLICE_BYTES: Final = 4096
READ_BYTES_MAX: Final = 16 * 1024
ANSWER_BYTES_MAX: Final = 64 * 1024
"""No answer to one request is longer: esptool would gather a frame without an end for ever, ever more slowly."""
ANSWER_TIME_MAX_S: Final = 30.0
"""From the first byte of an answer to its last; a byte now and then would hold a lane for ever."""
DRAIN_TIME_MAX_S: Final = 0.2
_OWN: Final = frozenset(
    {"_inner", "_abort", "_call", "timeout", "write_timeout", "url", "_heard_bytes", "_heard_since", "_lowered_latency"}
)


def aborted() -> Aborted:
    """What a stopped run raises."""
    return Aborted(
        Code.ABORTED, "The run was stopped by hand", "Put the unit in again: it continues with the same certificate"
    )


class DriverCall:
    """Entered around each call into a port's driver, on the lane's thread; asked from any."""

    def __init__(self) -> None:
        self._began: float | None = None

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_error: object) -> None:
        self._began = None

    @property
    def seconds(self) -> float:
        """For how long the call in hand has not returned; 0 without one."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began


_WINDOWS_ACCESS_DENIED: Final = re.compile(r"PermissionError\(13, .*, 5\)", re.DOTALL)
"""pyserial tells the system's error by its repr, whose words are in the system's language; 5: a port that is in use."""


class LanePort:
    """A pyserial port that an abort can interrupt. Attributes that are not ours are the inner port's."""

    def __init__(self, inner: serial.Serial, url: str, abort: threading.Event, call: DriverCall | None = None) -> None:
        self._inner = inner
        self._abort = abort
        self._call = call or DriverCall()
        self.url = url
        self.timeout: float | None = 3.0
        self.write_timeout: float | None = None
        self._lowered_latency = False
        self._forget_answer()

    @classmethod
    def open(cls, url: str, abort: threading.Event, call: DriverCall | None = None) -> LanePort:
        """Open a port by name or URL, for us alone; PortFault E10–E12 with the mend."""
        call = call or DriverCall()
        try:
            inner = _make(url)
            with call:
                inner.open()
        except OPENING_ERRORS as error:
            raise _open_fault(url, error) from error
        port = cls(inner, url, abort, call)
        with call:
            port.lower_latency()
        return port

    def lower_latency(self) -> None:
        """Have answers handed over at once until `release`; a port on which somebody has set that for good is left alone."""
        if "://" not in self.url and latency_timer_ms(self.url) != LOW_LATENCY_MS:
            self._lowered_latency = set_low_latency(self._inner, True)

    def __getattr__(self, name: str) -> Any:
        with self._call:
            return getattr(self._inner, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            with self._call:
                setattr(self._inner, name, value)

    def check_abort(self) -> None:
        """Raise Aborted when a person stopped the run."""
        if self._abort.is_set():
            raise aborted()

    @property
    def in_waiting(self) -> int:
        """How much to read at once: bytes that have come, within a bound."""
        with self._call:
            return min(self._inner.in_waiting, READ_BYTES_MAX)

    def inWaiting(self) -> int:  # noqa: N802  esptool calls it by this name
        """As `in_waiting`."""
        return self.in_waiting

    def read(self, size: int = 1) -> bytes:
        """Read up to `size` bytes of an answer; fewer when `timeout` is over. ChipError for an answer without an end."""
        data = self.listen(size)
        now = time.monotonic()
        if self._heard_bytes == 0:
            self._heard_since = now
        self._heard_bytes += len(data)
        if self._heard_bytes > ANSWER_BYTES_MAX or (data and now - self._heard_since > ANSWER_TIME_MAX_S):
            self._forget_answer()
            raise unit_garbled()
        return data

    def listen(self, size: int = 1) -> bytes:
        """Read up to `size` bytes of what a unit says of itself, however much that is in all."""
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        data = b""
        while True:
            self.check_abort()
            with self._call:
                data += self._inner.read(size - len(data))
            if len(data) >= size or (deadline is not None and time.monotonic() >= deadline):
                return data

    def reset_input_buffer(self) -> None:
        """Forget what has come so far; ends too when more of it comes without a pause."""
        self._forget_answer()
        with self._call:
            if not self.url.lower().startswith("socket:"):
                self._inner.reset_input_buffer()
                return
            deadline = time.monotonic() + DRAIN_TIME_MAX_S
            while (
                self._inner.in_waiting and time.monotonic() < deadline
            ):  # pyserial's own goes on until there is a pause
                self._inner.read(READ_BYTES_MAX)

    def flushInput(self) -> None:  # noqa: N802  esptool calls it by this name
        """As `reset_input_buffer`."""
        self.reset_input_buffer()

    def _forget_answer(self) -> None:
        self._heard_bytes = 0
        self._heard_since = 0.0

    def write(self, data: bytes) -> int:
        """Write everything, in slices between which an abort is seen; what comes from now on is its answer."""
        self._forget_answer()
        for start in range(0, len(data), WRITE_SLICE_BYTES):
            self.check_abort()
            with self._call:
                self._inner.write(data[start : start + WRITE_SLICE_BYTES])
        return len(data)

    def close(self) -> None:
        """esptool closes a port after a failed connect; this one stays open until `release`."""

    def release(self) -> None:
        """Close for good; safe to call twice and on a port that is gone."""
        with self._call:
            if self._lowered_latency:
                self._lowered_latency = False
                set_low_latency(self._inner, False)
            with contextlib.suppress(*PORT_ERRORS):
                self._inner.close()


def _make(url: str) -> serial.Serial:
    if url.lower().startswith("rfc2217:"):
        inner: serial.Serial = cast("serial.Serial", QuickRfc2217())
        inner.port = url
    else:
        inner = serial.serial_for_url(url, do_not_open=True, exclusive=True)
        if "://" not in url:
            inner.write_timeout = WRITE_TIMEOUT_S
            # Lines low while opening: a driver that raises them would reset the unit (pyserial 3.5, Windows).
            inner.dtr = False
            inner.rts = False
    inner.baudrate = 115200
    inner.timeout = READ_SLICE_S
    return inner


def _open_fault(url: str, error: Exception) -> PortFault:
    text = str(error)
    number = getattr(error, "errno", None)
    busy = number == errno.EBUSY or "exclusively lock" in text or _WINDOWS_ACCESS_DENIED.search(text) is not None
    # A port server that serves another program hangs up, or does not speak.
    turned_away = isinstance(error, ConnectionError) or "RFC2217" in text or "connection failed" in text
    if busy or turned_away:
        return PortFault(
            Code.PORT_BUSY,
            "The port is in use by another lane or another program",
            "Close the other program, or give this lane another port",
            url,
            facts={"port": url},
        )
    if number == errno.EACCES or "Permission denied" in text:
        return PortFault(
            Code.PORT_DENIED,
            "This user may not open the port",
            "On Linux: sudo usermod -a -G dialout $USER, then sign in again; `station doctor` shows more",
            url,
            facts={"port": url},
        )
    if isinstance(error, ValueError) or ("protocol" in text and "not known" in text):
        return PortFault(
            Code.PORT_MISSING,
            "This is not a port",
            "Name one that `station ports` lists, or an rfc2217:// address",
            url,
            facts={"port": url},
        )
    return PortFault(
        Code.PORT_MISSING,
        "The port does not exist or nothing answers there",
        "Plug the adapter in; `station ports` lists the ports that are there",
        url,
        facts={"port": url},
    )
