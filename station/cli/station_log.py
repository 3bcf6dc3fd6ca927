"""The station's log: JSON lines in the data folder, bounded and rotating, never on the terminal.

Each line has `time` (UTC), `level`, `station`, `logger`, `thread` and `message`; what happens on a lane has the event's own keys
beside them. An exception is told by its type and where it struck: its text may quote values.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from concurrent_log_handler import ConcurrentRotatingFileHandler

from station.cli.context import LOG_NAME
from station.errors import UsageError

if TYPE_CHECKING:
    from station.events import Event
    from station.line.line import Line

_FACTS: Final = "facts"
_logger = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    """One record as one JSON object on one line."""

    def __init__(self, station: str | None) -> None:
        super().__init__()
        self._station = station

    def format(self, record: logging.LogRecord) -> str:
        """Give the line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "station": self._station,
            "logger": record.name,
            "thread": record.threadName,
            **getattr(record, _FACTS, {}),
        }
        line.setdefault("message", record.getMessage())
        if record.exc_info and record.exc_info[1] is not None:
            line |= {"error": type(record.exc_info[1]).__name__, "where": traceback.format_tb(record.exc_info[2])}
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)


def log_to(data: Path) -> None:
    """Write the station's log below its data folder, as its settings say: the station's own words from the level that is set,
    those of its libraries from warnings on. UsageError.
    """
    from station.cli.settings_file import read_settings  # noqa: PLC0415  what notes a fault must not need pydantic

    settings = read_settings(data)
    try:
        data.mkdir(parents=True, exist_ok=True)
        with (data / LOG_NAME).open("a", encoding="utf-8"):
            pass  # the handler opens it with the first line only, and is quiet about errors
        # Python's own handler loses lines when another process has the file open: Windows then refuses to rename it.
        handler = ConcurrentRotatingFileHandler(
            str(data / LOG_NAME),
            maxBytes=settings.log.size_mb << 20,
            backupCount=settings.log.files - 1,
            encoding="utf-8",
        )
    except OSError as error:
        raise UsageError(
            f"The data folder cannot be used ({error.strerror})", "Choose a folder of yours with --data", str(data)
        ) from error
    # A log that cannot be written (full disk, a name taken on Windows) must not fill the terminal.
    logging.raiseExceptions = False
    handler.setFormatter(JsonLines(settings.station))
    end_log()
    logging.getLogger().addHandler(handler)
    logging.getLogger("station").setLevel(settings.log.level.upper())
    logging.captureWarnings(True)


def end_log() -> None:
    """Close the log, if one is written."""
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, JsonLines):
            root.removeHandler(old)
            old.close()


def log_line(line: Line) -> None:
    """Let the log hear what happens on the lanes; progress is left out."""
    from station.cli.event_records import event_records  # noqa: PLC0415  as above

    def hear(event: Event) -> None:
        for facts in event_records(event):
            if facts.get("state") != "progress":
                told = " ".join(str(facts.get(key)) for key in ("event", "step", "state", "verdict") if key in facts)
                _logger.info(told, extra={_FACTS: {"message": told, **facts}})

    line.subscribe(hear)


def note_fault(data: Path, error: Exception) -> None:
    """Write where an error struck that nobody foresaw, also while no log is written; OSError."""
    record = logging.LogRecord(
        "station", logging.ERROR, "", 0, "unexpected", None, (type(error), error, error.__traceback__)
    )
    with (data / LOG_NAME).open("a", encoding="utf-8") as log:
        log.write(JsonLines(None).format(record) + "\n")
