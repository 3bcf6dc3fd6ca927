"""The board as its program sees it: flash, UART, clock, reset."""

from __future__ import annotations

import os
import queue
import signal
import struct
import threading
import time
from _thread import interrupt_main
from types import FrameType
from typing import Any, BinaryIO, Final, NoReturn

from station.virtual.boot_log import format_log
from station.virtual.nvs_partition import PAGE_SIZE_BYTES, NvsError, NvsErrorCode, NvsPartition
from station.virtual.partitions import FlashPartition, find_partition
from station.virtual.program_link import FrameKind, read_frame, write_frame

_CONTROL_C: Final = 3


class Device:
    """One board. Everything the program does to the outside goes through here as a frame."""

    def __init__(self, board: dict[str, Any], flash: bytes, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self.chip: str = board["chip"]
        self.mac = bytes.fromhex(board["mac"])
        self.banner: str = board["banner"]
        self.project_name: str = board["project_name"]
        self.version: str = board["version"]
        self.partitions = tuple(FlashPartition(*row) for row in board["partitions"])
        self.flash = bytearray(flash)
        self.typed: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.interruptible = False
        self._is_interrupted = False
        self._started_s = time.monotonic() - board["now_ms"] / 1000
        self._stdin = stdin
        self._stdout = stdout
        self._sending = threading.Lock()
        self._nvs: dict[str, NvsPartition] = {}

    def now_ms(self) -> int:
        """Give the milliseconds since reset."""
        return int((time.monotonic() - self._started_s) * 1000)

    def say(self, text: str) -> None:
        """Print on the UART; a line feed becomes CR LF as the console driver does it."""
        data = text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace")
        if data:
            self._send(FrameKind.OUTPUT, data)

    def log(self, level: str, tag: str, text: str) -> None:
        """Print a line of ESP-IDF's log."""
        self.say(format_log(level, self.now_ms(), tag, text) + "\n")

    def reset(self) -> NoReturn:
        """Restart the chip: this process ends here."""
        self._send(FrameKind.RESET, b"")
        os._exit(0)

    def overwrite(self, offset: int, data: bytes) -> None:
        """Make these bytes stand in flash, in the chip's own flash too."""
        self.flash[offset : offset + len(data)] = data
        self._send(FrameKind.FLASH_WRITE, struct.pack(">I", offset) + data)

    def nvs(self, label: str) -> NvsPartition:
        """Open an NVS partition; raises NvsError as `nvs_flash_init_partition` fails."""
        if label not in self._nvs:
            self._nvs[label] = NvsPartition(self._nvs_bytes(label))
        return self._nvs[label]

    def erase_nvs(self, label: str) -> None:
        """Make an NVS partition blank, as `nvs_flash_erase_partition` does."""
        self._nvs.pop(label, None)
        self._write_nvs(label, b"\xff" * len(self._nvs_bytes(label)))

    def save_nvs(self, label: str) -> None:
        """Write an NVS partition's items to flash; raises NvsError when they do not fit."""
        self._write_nvs(label, self._nvs[label].image())

    def listen(self) -> None:
        """Take input from the chip in a thread; end the process when the chip is gone."""
        signal.signal(signal.SIGINT, self._on_interrupt)
        threading.Thread(target=self._listen, name="uart input", daemon=True).start()

    def _listen(self) -> None:
        while (frame := read_frame(self._stdin)) is not None:
            for byte in frame[1]:
                if byte == _CONTROL_C and self.interruptible:
                    self._is_interrupted = True
                    interrupt_main()
                else:
                    self.typed.put(byte)
        os._exit(0)

    def _on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        # Ctrl-C in the terminal of the whole station reaches this process too; only the one on the UART is meant for it.
        if self._is_interrupted and self.interruptible:
            self._is_interrupted = False
            raise KeyboardInterrupt

    def _nvs_partition(self, label: str) -> FlashPartition:
        partition = find_partition(self.partitions, label)
        if partition is None:
            raise NvsError(NvsErrorCode.ESP_ERR_NVS_PART_NOT_FOUND)
        return partition

    def _nvs_bytes(self, label: str) -> bytes:
        partition = self._nvs_partition(label)
        return bytes(self.flash[partition.offset : partition.offset + partition.size_bytes])

    def _write_nvs(self, label: str, image: bytes) -> None:
        offset = self._nvs_partition(label).offset
        for place in range(0, len(image), PAGE_SIZE_BYTES):
            page = image[place : place + PAGE_SIZE_BYTES]
            if self.flash[offset + place : offset + place + PAGE_SIZE_BYTES] != page:
                self.overwrite(offset + place, page)

    def _send(self, kind: FrameKind, payload: bytes) -> None:
        with self._sending:
            write_frame(self._stdout, kind, payload)
