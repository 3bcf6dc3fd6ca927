"""`station unit` as a person and a program meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from station.ledger import Ledger
from station.serial_number import EntryWay, UnitLabel
from station.verdict import Verdict
from tests.cli.calling import Station, station_in
from tests.ledger.making import PRODUCT, begin, mac_of, name, write_csv


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """The command line on a data folder where unit 1 has passed."""
    with Ledger.open(tmp_path / "data") as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", range(1, 4)))
        run = begin(ledger, 1)
        ledger.serial_numbers.bind(run, UnitLabel("SP00000001", EntryWay.SCANNED, {"hardware": "R02"}))
        ledger.allocate(run)
        ledger.begin_installing(run)
        ledger.finish_run(run, Verdict.PASS, seconds=9.0, code=None, message="all good")
    return station_in(tmp_path / "data")


def test_a_unit_is_shown_by_mac_and_by_name(station: Station) -> None:
    for subject in (mac_of(1), mac_of(1).upper().replace(":", "-"), name(1), f"{PRODUCT}/{name(1)}", "SP00000001"):
        done = station("unit", "show", subject)
        assert done.code == 0
        assert all(word in done.out for word in (mac_of(1), name(1), "SP00000001", "hardware R02", "installed", "PASS"))


def test_the_json_of_a_unit_is_one_object(station: Station) -> None:
    given = json.loads(station("unit", "show", mac_of(1), "--json").out)

    assert given["mac"] == mac_of(1)
    assert given["serial_number"] == given["runs"][0]["serial_number"] == "SP00000001"
    assert [(one["entry"], one["fields"]) for one in given["serial_numbers"]] == [("scanned", {"hardware": "R02"})]
    assert [one["state"] for one in given["certificates"]] == ["installed"]
    assert [(one["run"], one["verdict"], one["seconds"]) for one in given["runs"]] == [(1, "PASS", 9.0)]
    assert given["events"][-1]["kind"] == "run_finished"
    assert given["events"][-1]["subject"] == {"mac": mac_of(1), "device_name": name(1), "batch": "batch"}


def test_a_unit_nobody_knows_is_refused(station: Station) -> None:
    done = station("unit", "show", "24:0a:c4:ff:ff:ff")

    assert done.code == 2
    assert "no unit" in done.err


def test_a_certificate_is_made_void_with_reason_and_operator(station: Station, tmp_path: Path) -> None:
    done = station("unit", "void", mac_of(1), "--reason", "board scrapped", "--operator", "Wang", "--json")

    given = json.loads(done.out)
    assert (given["device_name"], given["state"], given["void_reason"]) == (name(1), "void", "board scrapped")
    with Ledger.open(tmp_path / "data") as ledger:
        assert list(ledger.audit_events())[-1].operator == "Wang"
    assert station("unit", "void", mac_of(1), "--reason", "again").code == 2


def test_a_serial_number_is_taken_off_and_the_record_keeps_it(station: Station) -> None:
    done = station("unit", "release", "SP00000001", "--reason", "boards exchanged", "--operator", "Wang", "--json")

    assert json.loads(done.out) == {"mac": mac_of(1), "product_key": PRODUCT, "serial_number": "SP00000001"}
    given = json.loads(station("unit", "show", mac_of(1), "--json").out)
    assert (given["serial_number"], given["serial_numbers"][0]["release_reason"]) == (None, "boards exchanged")
    assert "taken off" in station("unit", "show", mac_of(1)).out
    assert station("unit", "release", mac_of(1), "--reason", "again").code == 2


def test_without_an_operator_the_user_of_the_pc_decides(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "line-pc")

    assert "void for ever" in station("unit", "void", name(2), "--reason", "lost").out

    with Ledger.open(tmp_path / "data") as ledger:
        assert list(ledger.audit_events())[-1].operator == "line-pc"


@pytest.mark.parametrize("arguments", [(), ("--reason", ""), ("--reason", "  "), ("--reason", "x", "--operator", "")])
def test_void_without_reason_or_operator_is_refused(station: Station, arguments: tuple[str, ...]) -> None:
    assert station("unit", "void", name(1), *arguments).code == 2


def test_the_log_of_a_unit_is_exported_by_its_label(station: Station, tmp_path: Path) -> None:
    out = tmp_path / "unit.jsonl"

    assert station("audit", "export", "--out", str(out), "--serial-number", "SP00000001").code == 0

    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert lines[0]["filter"] == {"mac": mac_of(1)}
    assert "serial_number_bound" in [line.get("kind") for line in lines]
    assert station("audit", "verify", str(out)).code == 0
    for wrong in (("SP9",), (name(1),), ("SP00000001", "--mac", mac_of(1))):
        assert station("audit", "export", "--out", str(tmp_path / "x"), "--serial-number", *wrong).code == 2
