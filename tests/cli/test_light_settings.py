"""The stack light of the settings shows what `station flash` does, and its port is no lane."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.chip.ports import PortInfo
from station.cli import lanes
from station.cli.context import Session
from station.cli.lanes import LaneFinder
from tests.batch_csv import write_batch_csv
from tests.cli.calling import add_settings, stocked_station
from tests.end_to_end.quick_units import PRODUCT_KEY, make_product, quick_fixture, unit_number
from tests.peripherals.light_double import LightDouble

SIGNALS = "{fault: 01, fail: 02, pass: 03, working: 04, waiting: 05, off: 06}"


def test_the_light_shows_that_a_unit_is_worked_on_and_is_put_out_at_the_end(tmp_path: Path) -> None:
    profile = make_product(tmp_path)
    write_batch_csv(tmp_path / "batch.csv", PRODUCT_KEY, 2)
    station = stocked_station(tmp_path / "data", tmp_path / "batch.csv")
    with LightDouble() as light, quick_fixture(unit_number(1)) as fixture:
        add_settings(tmp_path / "data", f"stack_light: {{port: '{light.url}', signals: {SIGNALS}}}")
        done = station("flash", str(profile), "--port", fixture.url)

        assert done.code == 0, done.err
        light.wait_for_last(b"\x06")
        assert light.taken[0] == 6
        assert 4 in light.taken  # the others may be over before the light's thread comes to them


def test_the_lights_port_is_no_lane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [PortInfo(f"/dev/ttyUSB{n}", "CP2102", "10c4:ea60", f"A506900{n}", f"1-1.{n}", usable=True) for n in (0, 1)]
    monkeypatch.setattr(lanes, "list_serial_ports", lambda: ports)
    (tmp_path / "light").symlink_to("/dev/ttyUSB0")
    for named in ("/dev/ttyUSB0", tmp_path / "light"):
        (tmp_path / "station.yaml").write_text(f"stack_light: {{port: {named}}}\n", encoding="utf-8")
        assert LaneFinder(Session(data=tmp_path), ()).lanes() == {1: "/dev/ttyUSB1"}
