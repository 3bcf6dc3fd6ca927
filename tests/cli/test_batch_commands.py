"""`station batch` as a person and a program meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import Station, station_in
from tests.ledger.making import HEADER, PRODUCT, STAMP, name, row, write_csv, write_lines


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """The command line on a data folder of its own."""
    return station_in(tmp_path / "data")


def test_a_batch_is_imported_and_listed(station: Station, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "plugs.csv", range(1, 6))

    done = station("batch", "import", str(path), "--work-order", "WO-4711")

    assert (done.code, done.err) == (0, "")
    assert "5 certificates of a1B2c3D4e5F imported" in done.out
    listed = station("batch", "list")
    assert all(word in listed.out for word in ("plugs", PRODUCT, "WO-4711", "5"))


def test_importing_again_says_that_nothing_changed(station: Station, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "plugs.csv", range(1, 6))
    station("batch", "import", str(path))

    done = station("batch", "import", str(path))

    assert done.code == 0
    assert "Nothing changed" in done.out


def test_the_json_of_an_import_is_one_object(station: Station, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "plugs.csv", range(1, 6))

    done = station("batch", "import", str(path), "--name", "today", "--json")

    given = json.loads(done.out)
    assert given.pop("seconds") >= 0
    assert given == {"batch": "today", "product_key": PRODUCT, "imported": 5, "already_there": 0, "total": 5}


def test_a_bad_file_is_refused_with_its_lines_and_code_2(station: Station, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "bad.csv", [HEADER, row(1), row(1), "x,5ec4e7,y"])

    for form in ((), ("--json",)):
        done = station("batch", "import", str(path), *form)
        assert done.code == 2
        assert "Traceback" not in done.err
        assert STAMP not in done.out + done.err
    error = json.loads(done.out)
    assert (error["event"], error["code"], error["place"]) == ("error", "I30", str(path))
    assert [fault["line"] for fault in error["faults"]] == [3, 4, 4]
    assert station("batch", "list", "--json").out.strip() == "[]"


def test_a_file_of_another_product_is_refused(station: Station, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "plugs.csv", range(3))

    done = station("batch", "import", str(path), "--product-key", "other")

    assert done.code == 2
    assert "not of other" in done.err


def test_a_batch_is_shown_with_its_counts_and_certificates(station: Station, tmp_path: Path) -> None:
    station("batch", "import", str(write_csv(tmp_path / "plugs.csv", range(1, 31))))
    station("unit", "void", name(2), "--reason", "lost")

    text = station("batch", "show", "plugs", "--limit", "3").out
    assert "available 29" in text
    assert "void 1" in text
    assert name(3) in text
    assert name(4) not in text
    assert "27 more" in text

    given = json.loads(station("batch", "show", "plugs", "--limit", "2", "--offset", "1", "--json").out)
    assert (given["name"], given["total"], given["left"], given["counts"]["void"]) == ("plugs", 30, 29, 1)
    assert [one["device_name"] for one in given["certificates"]] == [name(2), name(3)]
    assert STAMP not in json.dumps(given)


def test_an_unknown_batch_is_refused_with_the_nearest_name(station: Station, tmp_path: Path) -> None:
    assert "Import one first" in station("batch", "show", "plugs").err
    station("batch", "import", str(write_csv(tmp_path / "plugs.csv", range(3))))

    done = station("batch", "show", "plug")

    assert done.code == 2
    assert "Did you mean plugs?" in done.err


def test_an_empty_ledger_says_what_to_do(station: Station) -> None:
    assert "batch import" in station("batch", "list").out


def test_a_lost_key_is_the_stations_fault(station: Station, tmp_path: Path) -> None:
    station("batch", "list")
    (tmp_path / "data" / "ledger.key").unlink()

    done = station("batch", "list")

    assert done.code == 3
    assert "E23" in done.err
