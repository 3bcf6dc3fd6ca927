"""`station recover`, `ledger backup` and `audit verify` as a person and a program meet them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from station.ledger import Ledger
from tests.cli.calling import Station, station_in
from tests.ledger.making import begin, mac_of, write_csv
from tests.ledger.test_gap import passed


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a batch of ten, one unit passed, a backup, then one passed and one broken off."""
    data = tmp_path / "data"
    with Ledger.open(data) as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", range(1, 11)))
        passed(ledger, 1)
        ledger.back_up(tmp_path / "backup")
        passed(ledger, 2)
        run = begin(ledger, 3, lane=2)
        ledger.allocate(run)
        ledger.begin_installing(run)
    return data


@pytest.fixture
def station(data: Path) -> Station:
    """The command line on that folder."""
    return station_in(data)


def test_a_unit_broken_off_is_told_with_what_to_do(station: Station) -> None:
    told = station("recover")
    assert mac_of(3) in told.out
    assert "continues with the same certificate" in told.out

    (one,) = json.loads(station("recover", "--list", "--json").out)["unfinished"]
    assert (one["mac"], one["lane"], one["certificate_state"]) == (mac_of(3), 2, "installing")


def test_a_run_of_another_station_is_told_with_its_name(station: Station, data: Path) -> None:
    with Ledger.open(data) as ledger:
        other = ledger.station
    (data / "station.yaml").write_text("station: line-9\n", encoding="utf-8")

    assert f"{mac_of(3)} on lane 2 of {other} was broken off" in station("recover").out
    assert json.loads(station("recover", "--json").out)["unfinished"][0]["station"] == other
    assert f"2 of {other}" in station("unit", "show", mac_of(3)).out
    assert f"on lane 2 of {other}" in station("doctor").out


def test_a_restored_backup_is_refused_then_accepted(station: Station, data: Path, tmp_path: Path) -> None:
    shutil.copyfile(tmp_path / "backup", data / "ledger.sqlite3")

    assert station("batch", "list").code == 3
    assert "E28" in station("batch", "list").err
    gap = json.loads(station("recover", "--json").out)["gap"]
    assert (gap["missing"], gap["skip_proposed"]) == (11, 2)
    assert "--accept-gap" in gap["to_do"]
    assert station("recover", "--accept-gap").code == 2
    refused = station("recover", "--release", "b", "--skip", "0", "--reason", "x", "--operator", "Wang")
    assert (refused.code, "--accept-gap" in refused.err) == (3, True)
    done = station("recover", "--accept-gap", "--reason", "disk failed", "--operator", "Wang", "--json")
    assert json.loads(done.out)["skipped"] == {"batch": 2}
    assert station("batch", "list").code == 0
    assert station("recover").out == "Nothing is unfinished.\n"
    more = station("recover", "--skip", "1", "--batch", "batch", "--reason", "x", "--operator", "Wang", "--json")
    assert json.loads(more.out) == {"skipped": {"batch": 1}}


@pytest.mark.parametrize(
    "options",
    [
        ("--list", "--accept-gap"),
        ("--skip", "3"),
        ("--accept-gap", "--batch", "batch"),
        ("--accept-gap", "--reason", "x"),
        ("--release", "b", "--reason", "x"),
        ("--release", "b", "--skip", "0", "--reason", "x"),
        ("--release", "b", "--skip", "0", "--accept-gap", "--reason", "x"),
    ],
)
def test_options_that_contradict_each_other_are_refused(station: Station, options: tuple[str, ...]) -> None:
    assert station("recover", *options).code == 2


def test_a_backup_is_a_new_file(station: Station, tmp_path: Path) -> None:
    told = json.loads(station("ledger", "backup", str(tmp_path / "copy"), "--json").out)

    assert told["events"] > 10
    assert station("ledger", "backup", str(tmp_path / "copy")).code == 2


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_is_verified_without_a_ledger(station: Station, data: Path, tmp_path: Path, form: str) -> None:
    out, elsewhere = tmp_path / "audit", station_in(tmp_path / "nothing here")
    assert station("audit", "export", "--out", str(out), "--format", form).code == 0

    assert elsewhere("audit", "verify", str(out), "--key", str(data / "station.pub")).code == 0
    told = json.loads(elsewhere("audit", "verify", str(out), "--json").out)
    assert (told["ok"], told["flaw"]) == (True, None)
    assert not (tmp_path / "nothing here").exists()

    out.write_bytes(out.read_bytes().replace(b"COM1", b"COM7", 1))
    broken = elsewhere("audit", "verify", str(out), "--json")
    assert (broken.code, json.loads(broken.out)["flaw"]) == (1, "changed")
    assert "✘ changed: event 3" in elsewhere("audit", "verify", str(out)).out
    assert elsewhere("audit", "verify", str(out), "--key", "00" * 32).code == 1
    assert elsewhere("audit", "verify", str(out), "--key", "nonsense").code == 2
    assert elsewhere("audit", "verify", str(tmp_path / "batch.csv")).code == 2


def test_an_export_is_filtered(station: Station, tmp_path: Path) -> None:
    out = tmp_path / "audit"
    done = station("audit", "export", "--out", str(out), "--mac", mac_of(1).upper(), "--since", "2020-01-01", "--json")

    assert json.loads(done.out)["events"] > 3
    told = json.loads(station("audit", "verify", str(out), "--json").out)
    assert told["filter"] == {"mac": mac_of(1), "since": "2020-01-01T00:00:00.000000Z"}
    assert station("audit", "export", "--out", str(tmp_path / "x"), "--since", "soon").code == 2
    assert station("audit", "export", "--out", str(tmp_path / "x"), "--mac", "no").code == 2
