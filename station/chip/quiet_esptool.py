"""Makes esptool silent and cheap for a process with many lanes; importing this module does it once.

esptool's logger is process-wide and prints; ours sends its words to `logging`, under the lane's name.
esptool 5.6 also formats every packet as hex text before it looks whether tracing is on: 1.0 s of CPU for a 1.4 MB unit
(measured). `HexFormatter` is therefore replaced by a type that formats nothing; a test fails once esptool mends it.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Any, Final

import esptool.loader
from esp_pylib.logger import EspLogBase
from esptool.logger import log

LANE: Final[ContextVar[str]] = ContextVar("lane", default="-")
"""Which lane speaks, for log lines written inside esptool."""

_logger = logging.getLogger("station.esptool")


class LaneLogger(EspLogBase):
    """esptool's words as debug lines of the lane that caused them; never on the terminal."""

    def print(self, *args: Any, **_kwargs: Any) -> None:
        self.debug(*args)

    def err(self, *args: Any, suggestion: str | None = None) -> None:  # noqa: ARG002  esptool's signature
        self.debug(*args)

    def warn(self, *args: Any, suggestion: str | None = None) -> None:  # noqa: ARG002  esptool's signature
        self.debug(*args)

    def note(self, *args: Any) -> None:
        self.debug(*args)

    def hint(self, *args: Any) -> None:
        self.debug(*args)

    def debug(self, *args: Any) -> None:
        if _logger.isEnabledFor(logging.DEBUG):
            _logger.debug(" ".join(str(arg) for arg in args), extra={"facts": {"lane": LANE.get()}})

    def stage(self, finish: bool = False) -> None:
        """Stages fold lines on a terminal; there is none."""

    def set_verbosity(self, mode: int | str) -> None:
        """Verbosity is `logging`'s business."""

    def progress_bar(self, cur_iter: int, total_iters: int, *_args: Any, **_kwargs: Any) -> None:
        """Progress is reported by our own write loop."""


class NoHexText:
    """Stands where esptool would build a hex dump of a packet; the dump would hold secrets, too."""

    def __init__(self, binary_string: bytes, auto_split: bool = True) -> None:
        """Take what esptool hands over and keep nothing."""

    def __str__(self) -> str:
        return "(not shown)"


log.set_logger(LaneLogger())
esptool.loader.HexFormatter = NoHexText
