"""`station ports`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from station.chip.ports import PortInfo
from station.cli import ports_command
from tests.cli.calling import station_in

PORTS = [
    PortInfo("/dev/ttyS0", "ttyS0", None, None, None, usable=True),
    PortInfo("/dev/ttyUSB0", "CP2102", "10c4:ea60", "0001", "1-1.2", usable=False),
]


def test_ports_are_listed_with_their_place_and_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports_command, "list_serial_ports", lambda: PORTS)
    on_board, adapter = station_in(tmp_path)("ports").out.splitlines()
    assert "on board" in on_board
    assert "USB 1-1.2" in adapter
    assert "10c4:ea60" in adapter
    assert "no right to open it" in adapter


def test_ports_speak_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports_command, "list_serial_ports", lambda: PORTS)
    listed = json.loads(station_in(tmp_path)("ports", "--json").out)
    assert [port["url"] for port in listed] == ["/dev/ttyS0", "/dev/ttyUSB0"]
    assert listed[1]["usable"] is False


def test_no_port_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports_command, "list_serial_ports", list)
    done = station_in(tmp_path)("ports")
    assert (done.code, done.err) == (0, "")
    assert "Plug an adapter in" in done.out
