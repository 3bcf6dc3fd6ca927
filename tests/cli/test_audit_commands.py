"""`station audit export` as a person and a program meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import Station, station_in
from tests.ledger.making import write_csv


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """The command line on a data folder with one batch."""
    station = station_in(tmp_path / "data")
    station("batch", "import", str(write_csv(tmp_path / "batch.csv", range(3))))
    return station


def test_the_log_is_exported_as_json_lines(station: Station, tmp_path: Path) -> None:
    done = station("audit", "export", "--out", str(tmp_path / "audit.jsonl"), "--json")

    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    events = [line for line in lines if "record" not in line]
    given = json.loads(done.out)
    assert (given["events"], given["path"]) == (len(events), str(tmp_path / "audit.jsonl"))
    assert events[-1]["hash"] == given["head"]
    assert [line["record"] for line in lines if "record" in line] == ["export_header", "signed_head", "export_trailer"]
    assert [event["kind"] for event in events] == ["ledger_created", "batch_imported"]


def test_the_log_is_exported_for_spreadsheets(station: Station, tmp_path: Path) -> None:
    done = station("audit", "export", "--out", str(tmp_path / "audit.csv"), "--format", "csv")

    assert "2 events" in done.out
    assert (tmp_path / "audit.csv").read_bytes().startswith(b"\xef\xbb\xbfnumber,at,station,")


def test_a_file_that_is_there_is_replaced_only_by_force(station: Station, tmp_path: Path) -> None:
    out = tmp_path / "audit.jsonl"
    out.write_text("mine", encoding="utf-8")

    done = station("audit", "export", "--out", str(out))
    assert (done.code, out.read_text(encoding="utf-8")) == (2, "mine")
    assert "--force" in done.err

    assert station("audit", "export", "--out", str(out), "--force").code == 0


def test_a_format_nobody_knows_is_refused(station: Station, tmp_path: Path) -> None:
    assert station("audit", "export", "--out", str(tmp_path / "x"), "--format", "xml").code == 2
