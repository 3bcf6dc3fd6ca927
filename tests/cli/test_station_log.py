"""`station.log`: JSON lines, bounded, and without a word that could be a secret."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from station.chip.quiet_esptool import LaneLogger
from station.cli import main as command_line
from station.cli.station_log import end_log, log_line, log_to
from station.errors import UsageError
from station.events import Event, StepReported
from station.verdict import Step, StepState
from tests.cli.calling import station_in

LINE_BYTES_MAX = 101_000
"""The longest line of these tests: a file is full when it has passed its size."""


@pytest.fixture(autouse=True)
def log_ended() -> Iterator[None]:
    root, station = logging.getLogger(), logging.getLogger("station")
    before = (root.level, station.level, logging.raiseExceptions)
    yield
    end_log()
    root.setLevel(before[0])
    station.setLevel(before[1])
    logging.raiseExceptions = before[2]
    logging.captureWarnings(False)


def lines(data: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (data / "station.log").read_text(encoding="utf-8").splitlines()]


class Line:
    def subscribe(self, callback: Any) -> None:
        self.say = callback


def test_each_fact_has_its_key(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text("station: bench-1\n", encoding="utf-8")
    log_to(tmp_path)
    line = Line()
    log_line(line)  # type: ignore[arg-type]  # all that is asked of a line is to be heard
    events: list[Event] = [
        StepReported(3, Step.WRITE, StepState.PROGRESS, 0.5, done_bytes=1, total_bytes=2),
        StepReported(3, Step.WRITE, StepState.FAILED, 1.25, message="gone\naway"),
    ]
    for event in events:
        line.say(event)
    (told,) = lines(tmp_path)
    assert told["time"].endswith("+00:00")
    assert {key: told[key] for key in ("level", "station", "lane", "event", "step", "state", "seconds")} == {
        "level": "info", "station": "bench-1", "lane": 3, "event": "step", "step": "write", "state": "failed", "seconds": 1.25
    }  # fmt: skip


def test_libraries_are_heard_from_warnings_on_and_the_station_from_the_level_that_is_set(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text("station: bench-1\nlog: {level: debug}\n", encoding="utf-8")
    log_to(tmp_path)
    for name in ("alembic.runtime", "pySerial.rfc2217", "asyncio"):
        logging.getLogger(name).info("quiet")
        logging.getLogger(name).warning("heard %s", name)
    LaneLogger().note("Stub is running")
    assert [(line["logger"], line["message"]) for line in lines(tmp_path)] == [
        ("alembic.runtime", "heard alembic.runtime"),
        ("pySerial.rfc2217", "heard pySerial.rfc2217"),
        ("asyncio", "heard asyncio"),
        ("station.esptool", "Stub is running"),
    ]
    assert lines(tmp_path)[-1]["lane"] == "-"


def test_it_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text("station: b\nlog: {size_mb: 1, files: 2}\n", encoding="utf-8")
    log_to(tmp_path)
    for _ in range(40):
        logging.getLogger("station").warning("x" * 100_000)
    files = sorted(tmp_path.glob("station.log*"))
    assert [file.name for file in files] == ["station.log", "station.log.1"]
    assert all(file.stat().st_size <= (1 << 20) + LINE_BYTES_MAX for file in files)


def test_an_exception_is_told_without_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log_to(tmp_path)
    try:
        int("".join(["s3", "cret"]))
    except ValueError:
        logging.getLogger("station").exception("the bench failed")

    def broken(**_options: object) -> None:
        raise RuntimeError("".join(["s3", "cret"]))

    monkeypatch.setattr(command_line.station, "main", broken)
    monkeypatch.setenv("STATION_DATA", str(tmp_path))
    assert station_in(tmp_path)("ports").code == 3
    assert "s3cret" not in (tmp_path / "station.log").read_text(encoding="utf-8")
    assert [line["error"] for line in lines(tmp_path)] == ["ValueError", "RuntimeError"]
    assert "test_station_log.py" in lines(tmp_path)[1]["where"][-1]


def test_the_log_of_a_data_folder_replaces_the_one_before(tmp_path: Path) -> None:
    log_to(tmp_path / "one")
    log_to(tmp_path / "two")
    logging.getLogger("station.cli").warning("a sign")
    assert lines(tmp_path / "one") == []
    assert [line["message"] for line in lines(tmp_path / "two")] == ["a sign"]


def test_a_folder_in_the_place_of_the_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "station.log").mkdir()
    with pytest.raises(UsageError, match="cannot be used"):
        log_to(tmp_path)


def test_two_processes_that_share_a_log_lose_no_line_of_it(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text("station: b\nlog: {size_mb: 1, files: 6}\n", encoding="utf-8")
    log_to(tmp_path)
    writer = (
        "import logging, sys, pathlib\n"
        "from station.cli.station_log import log_to\n"
        "log_to(pathlib.Path(sys.argv[1]))\n"
        "for number in sys.stdin:\n"
        "    logging.getLogger('station').warning('%s %s', number.strip(), 'x' * 50_000)\n"
        "    print(number, end='', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(tmp_path)], stdin=PIPE, stdout=PIPE, encoding="utf-8"
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        for number in range(60):
            other.stdin.write(f"theirs {number}\n")
            other.stdin.flush()
            assert other.stdout.readline() == f"theirs {number}\n"
            logging.getLogger("station").warning("ours %s %s", number, "x" * 20_000)
    files = sorted(tmp_path.glob("station.log*"))
    texts = [file.read_text(encoding="utf-8") for file in files]
    told = [json.loads(line)["message"].split("x")[0] for text in texts for line in text.splitlines()]
    assert sorted(told) == sorted(f"{whose} {number} " for whose in ("ours", "theirs") for number in range(60))
    assert all(file.stat().st_size <= (1 << 20) + LINE_BYTES_MAX for file in files)
