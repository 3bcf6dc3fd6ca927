"""`station ports`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from station.chip.ports import PortInfo, adapter_name
from station.cli import port_listing
from station.held_baud import HeldBaud
from station.ledger import Ledger
from tests.cli.calling import station_in

PORTS = [
    PortInfo("/dev/ttyS0", "ttyS0", None, None, None, usable=True),
    PortInfo("/dev/ttyUSB0", "CP2102", "10c4:ea60", "0001", "1-1.2", usable=False),
]


def test_ports_are_listed_with_their_place_and_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_listing, "list_serial_ports", lambda: PORTS)
    on_board, adapter = station_in(tmp_path)("ports").out.splitlines()
    assert "on board" in on_board
    assert "USB 1-1.2" in adapter
    assert "10c4:ea60" in adapter
    assert "no right to open it" in adapter


def test_ports_speak_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_listing, "list_serial_ports", lambda: PORTS)
    listed = json.loads(station_in(tmp_path)("ports", "--json").out)
    assert [port["url"] for port in listed] == ["/dev/ttyS0", "/dev/ttyUSB0"]
    assert listed[1]["usable"] is False


def test_ports_show_the_baud_rate_that_their_adapter_has_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_listing, "list_serial_ports", lambda: PORTS)
    with Ledger.open(tmp_path) as ledger:
        ledger.held_bauds.keep("USB 1-1.2", HeldBaud(1_500_000, 4))
    station = station_in(tmp_path)
    assert [port["baud"] for port in json.loads(station("ports", "--json").out)] == [None, 1_500_000]
    assert "1500000 baud" in station("ports").out


def test_an_adapter_is_named_by_its_place_as_lanes_are() -> None:
    def adapter(number: str, plug: int) -> PortInfo:
        return PortInfo(f"/dev/ttyUSB{plug}", "FT232R", "0403:6001", number, f"1-{plug}", usable=True)

    twins = [adapter("A50285BI", 0), adapter("A50285BI", 1)]
    assert [adapter_name(twin.url, twins) for twin in twins] == ["USB 1-0", "USB 1-1"]
    assert adapter_name("/dev/ttyUSB0", twins[:1]) == "adapter A50285BI"
    assert adapter_name("/dev/ttyUSB2", [adapter("0001", 2)]) == "USB 1-2"
    assert adapter_name("/dev/ttyS0", PORTS) == "/dev/ttyS0"
    assert adapter_name("rfc2217://127.0.0.1:1", PORTS) == "rfc2217://127.0.0.1:1"


def test_no_port_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_listing, "list_serial_ports", list)
    done = station_in(tmp_path)("ports")
    assert (done.code, done.err) == (0, "")
    assert "Plug an adapter in" in done.out
