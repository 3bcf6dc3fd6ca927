"""However the screen ends, the lanes are stopped and the ports are freed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from station.tui.app import run_station_app
from station.tui.leaving_screen import LeavingScreen
from tests.tui.driving import on_line, opened, settle, until
from tests.tui.fake_line import FakeLine, fake_app, fake_line, waiting, writing
from tests.tui.pictures import screen_text

PROGRAM = Path(__file__).with_name("scripted_station.py")
LIMIT_S = 30


@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+q"])
async def test_an_idle_station_leaves_at_once(key: str) -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(waiting(1), waiting(2))
        await settle(pilot)
        await pilot.press(key)
        await until(pilot, lambda: app.return_value is not None)

    assert line.calls == ["start", "stop"]
    assert app.return_value is True


async def test_leaving_during_a_write_says_what_is_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    line = fake_line(2)
    app = fake_app(line)
    monkeypatch.setattr(LeavingScreen, "on_mount", lambda _screen: None)
    async with on_line(app) as pilot:
        line.say(waiting(1), *writing(2))
        await settle(pilot)
        await pilot.press("ctrl+c")
        await settle(pilot)

        assert "Lanes still working: 2. They are stopped now." in screen_text(app)
        assert "keeps its certificate" in screen_text(app)


async def test_a_second_key_does_not_stop_twice() -> None:
    line = fake_line(1)
    app = fake_app(line)
    async with on_line(app) as pilot:
        await pilot.press("ctrl+c", "f10", "ctrl+c")
        await until(pilot, lambda: app.return_value is not None)

    assert line.calls == ["start", "stop"]


async def test_a_lane_that_does_not_stop_in_time_is_told() -> None:
    line = fake_line(1)
    line.stops_in_time = False
    app = fake_app(line)
    async with on_line(app) as pilot:
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app.return_value is not None)

    assert app.return_value is False


async def test_leaving_before_the_line_is_open_needs_no_stop() -> None:
    line = fake_line(1)
    app = fake_app(line, start_at_once=False)
    async with opened(app) as pilot:
        await pilot.press("f10")
        await settle(pilot)

    assert line.calls == []


def test_a_screen_that_ends_otherwise_still_stops_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    line = fake_line(1)
    app = fake_app(line)

    async def broken() -> None:
        app._line = line

    monkeypatch.setattr(app, "run_async", broken)
    monkeypatch.setattr(
        "station.tui.app.spared", nullcontext
    )  # its end would give the collector all other tests to look at

    assert run_station_app(app) is True
    assert line.calls == ["stop"]


async def test_events_after_the_end_are_dropped_quietly() -> None:
    line: FakeLine = fake_line(1)
    app = fake_app(line)
    async with on_line(app) as pilot:
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app.return_value is not None)
    line.say(*writing(1))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends the process with its console")
@pytest.mark.parametrize("way", ["window", "SIGTERM", "SIGINT"])
def test_a_closed_window_or_a_kill_stops_the_lanes_and_ends_the_process(way: str, tmp_path: Path) -> None:
    import pty  # noqa: PLC0415  not on Windows

    told = tmp_path / "told"
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(told)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(slave)
    try:
        _read_until(master, b"Insert a unit")
        if way == "window":
            os.close(master)
        else:
            process.send_signal(getattr(signal, way))
            _drain(master)
        process.wait(timeout=LIMIT_S)
    finally:
        process.kill()
        process.wait()
        if way != "window":
            os.close(master)

    assert told.read_text(encoding="utf-8") == "start stop"


def _read_until(master: int, words: bytes) -> None:
    seen = b""
    while words not in seen:
        more = os.read(master, 65536)
        assert more, seen[-2000:]
        seen += more


def _drain(master: int) -> None:
    """Read on, as a terminal does, until the other side is gone."""
    try:
        while os.read(master, 65536):
            pass
    except OSError:
        return
