"""Where labels go: a printer on the network (raw TCP, 9100), a queue of the system, or a file for somebody else to print.

Sources: Zebra, ZPL II Programming Guide (P1099958), ~HS; lp(1) of CUPS; Microsoft, WritePrinter function.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from station.errors import Code, PeripheralFault, UsageError, Why

RAW_PORT: Final = 9100
TIMEOUT_S: Final = 5.0
STATUS_TIMEOUT_S: Final = 2.0
STATUS_BYTES_MAX: Final = 4096
_STATUS_QUESTION: Final = b"~HS"
_STATUS_LINES: Final = 3
_FORM: Final = "Write tcp://192.168.1.50, queue:NAME or file:labels.zpl"


class LabelPrinter(Protocol):
    """Takes ZPL. Both methods wait, and raise PeripheralFault."""

    @property
    def name(self) -> str: ...

    def send(self, zpl: str, /) -> None:
        """Hand labels over."""

    def check(self) -> None:
        """Say whether a label would be taken now."""


def open_printer(address: str, folder: Path) -> LabelPrinter:
    """Give the printer that an address names; a file is relative to `folder`. UsageError."""
    kind, _, rest = address.partition(":")
    if kind == "tcp":
        parts = urlsplit(address)
        try:
            host, port = parts.hostname, parts.port or RAW_PORT
        except ValueError:
            host, port = None, 0
        if host is not None and parts.path in ("", "/"):
            return TcpPrinter(host, port)
    elif kind == "queue" and rest.strip() and rest.isprintable() and not rest.startswith("-"):
        return QueuePrinter(rest.strip())
    elif kind == "file" and rest.strip() and rest.isprintable():
        return FilePrinter(folder / rest.strip())
    raise UsageError(f"{address!a} names no printer", _FORM)


@dataclass(frozen=True, slots=True)
class TcpPrinter:
    """A printer that listens on the network."""

    host: str
    port: int = RAW_PORT

    @property
    def name(self) -> str:
        return f"tcp://{self.host}:{self.port}"

    def send(self, zpl: str) -> None:
        """Ask the printer how it is, then send; one that answers nothing must at least end the connection when it has all."""
        with self._connection() as line:
            answers = self._refuse_if_not_ready(line)
            try:
                line.sendall(zpl.encode("utf-8"))
                line.shutdown(socket.SHUT_WR)
                while not answers and line.recv(1024):
                    pass
            except OSError as error:
                raise self._unreachable(error) from None

    def check(self) -> None:
        """Do all that a label does, without one."""
        self.send("")

    def _connection(self) -> socket.socket:
        try:
            return socket.create_connection((self.host, self.port), TIMEOUT_S)
        except OSError as error:
            raise self._unreachable(error) from None

    def _refuse_if_not_ready(self, line: socket.socket) -> bool:
        """Say whether the printer answers."""
        status = self._status(line)
        trouble = _trouble_in(status)
        if trouble is not None:
            why, cause, mend = trouble
            raise PeripheralFault(Code.PRINTER_NOT_READY, cause, mend, self.name, why=why)
        return bool(status)

    def _status(self, line: socket.socket) -> bytes:
        answer = b""
        line.settimeout(STATUS_TIMEOUT_S)
        try:
            line.sendall(_STATUS_QUESTION)
            while answer.count(b"\x03") < _STATUS_LINES and len(answer) < STATUS_BYTES_MAX:
                part = line.recv(1024)
                if not part:
                    break
                answer += part
        except TimeoutError:
            return answer
        except OSError as error:
            raise self._unreachable(error) from None
        finally:
            line.settimeout(TIMEOUT_S)
        return answer

    def _unreachable(self, error: OSError) -> PeripheralFault:
        why = "not in time" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__
        cause = f"The label printer does not answer ({why})"
        return printer_unreachable(cause, self.name)


def printer_unreachable(cause: str, name: str) -> PeripheralFault:
    """Give the fault of a printer that does not take labels."""
    return PeripheralFault(
        Code.PRINTER_UNREACHABLE,
        cause,
        "Switch it on and look at its cable; the label can be printed again",
        name,
        facts={"printer": name},
    )


def _trouble_in(status: bytes) -> tuple[Why, str, str] | None:
    """Read the host status: its first string's second and third field are paper and pause, the second's third the open head."""
    strings = [part.strip(b"\x02\r\n ").split(b",") for part in status.split(b"\x03")]
    if len(strings) < _STATUS_LINES or len(strings[0]) < 12 or len(strings[1]) < 11:
        return None
    if strings[0][1] == b"1":
        return Why.PAPER_OUT, "The label printer has no paper", "Put a new roll in"
    if strings[1][2] == b"1":
        return Why.HEAD_OPEN, "The label printer is open", "Close it"
    if strings[1][3] == b"1":
        return Why.RIBBON_OUT, "The label printer has no ribbon", "Put a new ribbon in"
    if strings[0][2] == b"1":
        return Why.PAUSED, "The label printer is paused", "Press its pause key"
    return None


@dataclass(frozen=True, slots=True)
class FilePrinter:
    """A file that grows by one label at a time."""

    path: Path

    @property
    def name(self) -> str:
        return f"file:{self.path.name}"

    def send(self, zpl: str) -> None:
        """Append the label."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(zpl)
        except OSError as error:
            raise self._fault(error) from None

    def check(self) -> None:
        """Open the file."""
        self.send("")

    def _fault(self, error: OSError) -> PeripheralFault:
        cause = f"The file of the labels cannot be written ({error.strerror})"
        return PeripheralFault(
            Code.PRINTER_NOT_READY,
            cause,
            "Correct `printer` in the settings, or its rights",
            str(self.path),
            why=Why.REFUSED,
            facts={"printer": str(self.path)},
        )


@dataclass(frozen=True, slots=True)
class QueuePrinter:
    """A queue of the system: CUPS, or on Windows its spooler; the label goes through it unchanged."""

    queue: str

    @property
    def name(self) -> str:
        return f"queue:{self.queue}"

    def send(self, zpl: str) -> None:
        """Hand the label to the spooler."""
        if sys.platform == "win32":
            _to_windows_spooler(self.queue, zpl.encode("utf-8"), self._fault)
        else:
            self._run([self._program("lp"), "-s", "-d", self.queue, "-o", "raw", "-t", "unit label", "-"], zpl)

    def check(self) -> None:
        """Ask the spooler for the queue."""
        if sys.platform == "win32":
            _to_windows_spooler(self.queue, None, self._fault)
        else:
            self._run([self._program("lpstat"), "-p", self.queue], "")

    def _program(self, name: str) -> str:
        path = shutil.which(name)
        if path is None:
            raise PeripheralFault(
                Code.PRINTER_UNREACHABLE,
                f"This PC has no print queues (`{name}` is missing)",
                "Install CUPS, or print to tcp://",
                self.name,
                facts={"printer": self.name},
            )
        return path

    def _run(self, command: list[str], text: str) -> None:
        try:
            done = subprocess.run(  # noqa: S603  our own words and a name from the settings, no shell
                command, input=text.encode("utf-8"), capture_output=True, timeout=TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._fault(type(error).__name__) from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise self._fault(said.partition("\n")[0] or "no reason given")

    def _fault(self, reason: str) -> PeripheralFault:
        cause = f"The system does not take the label ({reason})"
        return PeripheralFault(
            Code.PRINTER_NOT_READY,
            cause,
            "Look at the printer's queue on this PC",
            self.name,
            why=Why.REFUSED,
            facts={"printer": self.name},
        )


def _to_windows_spooler(queue: str, data: bytes | None, fault: Callable[[str], PeripheralFault]) -> None:
    """Send bytes through the spooler unchanged (data type RAW); None only opens the queue."""
    import pywintypes  # noqa: PLC0415  on Windows only
    import win32print  # noqa: PLC0415  as above

    try:
        handle = win32print.OpenPrinter(queue)
        try:
            if data is not None:
                win32print.StartDocPrinter(handle, 1, ("unit label", None, "RAW"))
                win32print.WritePrinter(handle, data)
                win32print.EndDocPrinter(handle)
        finally:
            win32print.ClosePrinter(handle)
    except pywintypes.error as error:
        raise fault(str(error.strerror)) from None
