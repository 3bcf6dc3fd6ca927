"""`station lanes`: what is taught, how it is kept, and what of the settings stays as it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from station.chip.ports import Place, PortInfo
from station.cli import lane_teaching, lanes, port_listing
from station.cli.context import Session
from station.cli.lane_settings import learnt_lanes, write_learnt_lanes
from station.cli.lane_teaching import learn_places
from station.cli.lanes import LaneFinder
from station.errors import UsageError
from station.ledger import Ledger
from station.line.lane import LaneInfo, LanePlan
from tests.cli.calling import station_in
from tests.line.ports import adapter

ONE = adapter("/dev/ttyUSB0", "1-1.2", "A5069RR4")
TWO = adapter("/dev/ttyUSB1", "1-1.3", "0001")


def looks(*seen: list[PortInfo]) -> tuple[Callable[[], list[PortInfo]], Callable[[], bool]]:
    """What each look finds, and whether it was the last."""
    left = list(seen)
    return lambda: left.pop(0), lambda: len(left) == 1


def test_adapters_get_their_numbers_in_the_order_of_plugging() -> None:
    told: list[tuple[int, str, bool]] = []
    look, ended = looks([ONE], [], [TWO], [ONE, TWO], [ONE, TWO], [TWO], [ONE, TWO])
    taught = learn_places(look, ended, lambda lane, port, is_new: told.append((lane, port.url, is_new)))
    assert taught == {1: Place(None, "1-1.3"), 2: Place("A5069RR4", "1-1.2")}
    assert told == [(1, TWO.url, True), (2, ONE.url, True), (2, ONE.url, False)]


def test_what_was_in_from_the_beginning_is_not_taught() -> None:
    look, ended = looks([ONE, TWO], [ONE, TWO])
    assert learn_places(look, ended, lambda *_told: None) == {}


def test_learn_writes_what_was_plugged_until_enter_but_the_stack_light(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    light = adapter("/dev/ttyUSB9", "1-1.9", "LIGHT")
    (tmp_path / "station.yaml").write_text(f"stack_light: {{port: {light.url}}}\n", encoding="utf-8")
    seen: list[list[PortInfo]] = [[], [light], [light, ONE], [light, TWO, ONE]]
    all_in = threading.Event()

    def look() -> list[PortInfo]:
        if len(seen) > 1:
            return seen.pop(0)
        all_in.set()
        return seen[0]

    monkeypatch.setattr(lane_teaching, "list_serial_ports", look)
    monkeypatch.setattr(lane_teaching, "LOOK_PERIOD_S", 0.01)

    class Keyboard:
        def readline(self) -> str:
            assert all_in.wait(10)
            return "\n"

    monkeypatch.setattr("sys.stdin", Keyboard())
    done = station_in(tmp_path)("lanes", "learn")
    assert done.code == 0, done.err
    assert "Lane 1: /dev/ttyUSB0, USB 1-1.2, adapter A5069RR4" in done.out
    assert learnt_lanes(tmp_path) == {1: Place("A5069RR4", "1-1.2"), 2: Place(None, "1-1.3")}
    listed = json.loads(station_in(tmp_path)("lanes", "--json").out)
    assert listed[1] == {"lane": 2, "serial_number": None, "location": "1-1.3", "port": "/dev/ttyUSB1"}
    assert "2  /dev/ttyUSB1" in station_in(tmp_path)("lanes", "list").out


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_other_line_of_the_settings_stays_as_it_is(tmp_path: Path, newline: str) -> None:
    before = [
        "# ours",
        "station: bench-1  # a name",
        "lanes: {3: {location: '9-9'}}",
        "",
        "platform:",
        "  region: cn-shanghai",
    ]
    path = tmp_path / "station.yaml"
    path.write_bytes(newline.join(before).encode() + newline.encode())
    for places in ({1: Place(None, "1-1")}, {2: Place("0012345678", None), 1: Place("it's", "1-2")}):
        write_learnt_lanes(tmp_path, places)
        assert learnt_lanes(tmp_path) == places
        after = path.read_bytes().decode().split(newline)
        assert [line for line in before if not line.startswith("lanes")] == [
            line for line in after[:-1] if not line.startswith(("lanes", "  1", "  2"))
        ]


def test_lanes_that_are_learnt_before_the_first_start_do_not_hinder_it(tmp_path: Path) -> None:
    write_learnt_lanes(tmp_path, {1: Place(None, "1-1")})
    Ledger.open(tmp_path).close()
    assert learnt_lanes(tmp_path) == {1: Place(None, "1-1")}


def test_a_file_that_cannot_be_added_to_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "station.yaml"
    path.write_text("{station: bench-1}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot add to"):
        write_learnt_lanes(tmp_path, {1: Place(None, "1-1")})
    assert path.read_text(encoding="utf-8") == "{station: bench-1}\n"


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("[1, 2]", "station.yaml:2: `lanes` is a mapping: {key: value}, not `[1, 2]`"),
        ("{0: {location: 1-1}}", "station.yaml:2: `0` is no lane number from 1 to 99"),
        ("{1: left}", "`1` is a mapping: {key: value}, not `left`"),
        ("{1: {}}", "the lane names no place"),
        ("{1: {port: COM7}}", "the key `port` is not known"),
        ("{1: {location: [1]}}", "location is no text"),
        ("{1: {location: 1-1}, 2: {location: 1-1}}", "lane 2 is at the same place as lane 1 (location)"),
    ],
)
def test_wrong_settings_are_told_with_their_line(tmp_path: Path, section: str, told: str) -> None:
    (tmp_path / "station.yaml").write_text(f"station: bench-1\nlanes: {section}\n", encoding="utf-8")
    for command in (["lanes"], ["ports"], ["lanes", "learn"]):
        done = station_in(tmp_path)(*command)
        assert (done.code, done.out) == (2, "")
        assert told in done.err


def test_ports_and_the_finder_show_the_taught_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_learnt_lanes(tmp_path, {5: Place(None, "1-1.3")})
    for module in (port_listing, lanes):
        monkeypatch.setattr(module, "list_serial_ports", lambda: [ONE, TWO])
    shown = station_in(tmp_path)("ports").out.splitlines()
    assert [line.split("  ")[0] for line in shown] == ["lane 6", "lane 5"]
    listed = json.loads(station_in(tmp_path)("ports", "--json").out)
    assert [port["lane"] for port in listed] == [6, 5]
    assert LaneFinder(Session(data=tmp_path), ()).found() == {5: TWO.url, 6: ONE.url}


def test_a_named_port_is_followed_by_its_place_and_an_address_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "list_serial_ports", lambda: [ONE])
    address = "rfc2217://127.0.0.1:4000"
    finder = LaneFinder(Session(data=tmp_path), (ONE.url, address))
    assert finder.lanes() == {1: ONE.url, 2: address}
    hot_plug = finder.hot_plug(lambda number, port: LanePlan(LaneInfo(number, port)))
    assert hot_plug is not None
    assert hot_plug.named == {2}
    only = LaneFinder(Session(data=tmp_path), (address,))
    assert only.lanes() == {1: address}
    assert only.hot_plug(lambda number, port: LanePlan(LaneInfo(number, port))) is None
