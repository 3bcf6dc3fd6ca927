"""Answers are handed over at once while a lane works, and no longer than that."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from station.chip import latency
from station.chip.lane_port import LanePort
from station.chip.latency import latency_timer_ms


class LocalPort:
    """A pyserial port; `allows` says whether its driver takes low latency."""

    def __init__(self, allows: bool = True) -> None:
        self.allows = allows
        self.heard: list[object] = []

    def set_low_latency_mode(self, on: bool) -> None:
        if not self.allows:
            raise ValueError("Failed to update ASYNC_LOW_LATENCY flag")
        self.heard.append(on)

    def close(self) -> None:
        self.heard.append("closed")


def lane_port(inner: LocalPort, url: str = "/dev/ttyUSB0") -> LanePort:
    port = LanePort(inner, url, threading.Event())  # type: ignore[arg-type]  # a stand-in for serial.Serial
    port.lower_latency()
    return port


@pytest.fixture
def timer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The driver's file for ttyUSB0; not there yet."""
    monkeypatch.setattr(latency, "SYSFS_TTY", tmp_path)
    file = tmp_path / "ttyUSB0" / "device" / "latency_timer"
    file.parent.mkdir(parents=True)
    return file


@pytest.mark.skipif("sys.platform == 'win32'", reason="sysfs is Linux's")
def test_the_drivers_timer_is_read(timer: Path) -> None:
    assert latency_timer_ms("/dev/ttyUSB0") is None
    timer.write_text("16\n", encoding="ascii")
    assert latency_timer_ms("/dev/ttyUSB0") == 16
    assert latency_timer_ms("rfc2217://127.0.0.1:4000") is None


def test_latency_is_lowered_and_put_back_before_the_port_closes(timer: Path) -> None:
    inner = LocalPort()
    port = lane_port(inner)
    port.release()
    port.release()
    assert inner.heard == [True, False, "closed", "closed"]


@pytest.mark.skipif("sys.platform == 'win32'", reason="sysfs is Linux's")
def test_what_somebody_has_set_for_good_stays(timer: Path) -> None:
    timer.write_text("1\n", encoding="ascii")
    inner = LocalPort()
    lane_port(inner).release()
    assert inner.heard == ["closed"]


def test_a_driver_without_low_latency_is_used_as_it_is(timer: Path) -> None:
    inner = LocalPort(allows=False)
    lane_port(inner).release()
    assert inner.heard == ["closed"]


def test_a_port_on_the_network_is_not_asked(timer: Path) -> None:
    inner = LocalPort()
    lane_port(inner, "rfc2217://127.0.0.1:4000").release()
    assert inner.heard == ["closed"]
