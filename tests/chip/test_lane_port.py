"""A lane's port: opened for us alone, interruptible, always released."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest
import serial

from station.chip.chip_failures import translated
from station.chip.lane_port import LanePort
from station.errors import Aborted, Code, PortFault
from tests.free_port import free_port


class SilentPort:
    """A pyserial port on which nobody speaks."""

    def __init__(self) -> None:
        self.timeout = 0.01
        self.dtr = True
        self.closed = 0
        self._ended = threading.Event()

    def read(self, _size: int) -> bytes:
        self._ended.wait(self.timeout)
        return b""

    def write(self, data: bytes) -> int:
        return len(data)

    def close(self) -> None:
        self.closed += 1
        self._ended.set()


def silent_lane_port(abort: threading.Event) -> tuple[LanePort, SilentPort]:
    inner = SilentPort()
    return LanePort(inner, "test", abort), inner  # type: ignore[arg-type]  # a stand-in for serial.Serial


def test_an_abort_ends_a_long_read_at_once() -> None:
    abort = threading.Event()
    port, _ = silent_lane_port(abort)
    port.timeout = 60.0
    threading.Timer(0.05, abort.set).start()
    began = time.monotonic()
    with pytest.raises(Aborted):
        port.read(10)
    assert time.monotonic() - began < 5


def test_an_abort_ends_a_long_write() -> None:
    abort = threading.Event()
    port, _ = silent_lane_port(abort)
    abort.set()
    with pytest.raises(Aborted):
        port.write(b"x" * 100_000)


def test_a_read_gives_what_came_when_its_time_is_over() -> None:
    port, _ = silent_lane_port(threading.Event())
    port.timeout = 0.0
    assert port.read(5) == b""


def test_changing_the_time_out_costs_the_driver_nothing() -> None:
    port, inner = silent_lane_port(threading.Event())
    port.timeout = 3.0
    assert inner.timeout == 0.01


def test_other_settings_reach_the_inner_port() -> None:
    port, inner = silent_lane_port(threading.Event())
    port.dtr = False
    assert inner.dtr is False
    assert port.dtr is False


def test_only_release_closes() -> None:
    port, inner = silent_lane_port(threading.Event())
    port.close()
    assert inner.closed == 0
    port.release()
    assert inner.closed == 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("/dev/ttyNOSUCH0" if sys.platform != "win32" else "COM250", Code.PORT_MISSING),
        ("nonsense://host:1", Code.PORT_MISSING),
        ("rfc2217://127.0.0.1:notaport", Code.PORT_MISSING),
    ],
)
def test_a_port_that_does_not_exist_is_named_with_the_mend(url: str, code: Code) -> None:
    with pytest.raises(PortFault) as caught:
        LanePort.open(url, threading.Event())
    assert caught.value.code == code
    assert caught.value.place == url
    assert "station ports" in caught.value.mend


def test_a_network_port_where_nobody_listens_is_missing() -> None:
    with pytest.raises(PortFault) as caught:
        LanePort.open(f"rfc2217://127.0.0.1:{free_port()}", threading.Event())
    assert caught.value.code == Code.PORT_MISSING


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX")
def test_an_adapter_that_is_pulled_before_its_input_is_forgotten_is_told_as_such() -> None:
    controller, device = os.openpty()
    port = LanePort.open(os.ttyname(device), threading.Event())
    os.close(controller)
    try:
        with pytest.raises(PortFault) as caught, translated(port.url, "connect"):
            port.reset_input_buffer()
        assert caught.value.code is Code.PORT_LOST
    finally:
        port.release()
        os.close(device)


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX")
def test_a_port_in_use_is_told_as_such() -> None:
    controller, device = os.openpty()
    name = os.ttyname(device)
    first = serial.Serial(name, exclusive=True)
    try:
        with pytest.raises(PortFault) as caught:
            LanePort.open(name, threading.Event())
        assert caught.value.code == Code.PORT_BUSY
    finally:
        first.close()
        os.close(controller)
        os.close(device)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("PermissionError(13, '拒绝访问。', None, 5)", Code.PORT_BUSY),
        ("PermissionError(13, 'Access is denied.', None, 5)", Code.PORT_BUSY),
        ("FileNotFoundError(2, '系统找不到指定的文件。', None, 2)", Code.PORT_MISSING),
        ("OSError(22, '信号灯超时时间已到', None, 121)", Code.PORT_MISSING),
    ],
)
def test_what_windows_says_in_its_own_language_is_understood(
    monkeypatch: pytest.MonkeyPatch, told: str, code: Code
) -> None:
    def refuse(_port: serial.Serial) -> None:
        raise serial.SerialException(f"could not open port 'COM12': {told}")

    monkeypatch.setattr(serial.Serial, "open", refuse)
    with pytest.raises(PortFault) as caught:
        LanePort.open("COM12", threading.Event())
    assert caught.value.code == code


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user who is not root")
def test_a_port_without_rights_names_the_group(tmp_path: Path) -> None:
    forbidden = tmp_path / "ttyX"
    forbidden.touch(mode=0o000)
    with pytest.raises(PortFault) as caught:
        LanePort.open(str(forbidden), threading.Event())
    assert caught.value.code == Code.PORT_DENIED
    assert "dialout" in caught.value.mend
