"""`station audit` as a person and a program meet it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from station.errors import Code
from station.ledger import Ledger
from station.verdict import Verdict
from tests.cli.calling import Station, station_in
from tests.ledger.making import chip_of, mac_of, name, write_csv


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


@pytest.fixture
def two_days(tmp_path: Path) -> Station:
    """Unit 1 by Li from batch `first` on the 23rd, unit 2 by Wu from batch `second` on the 24th."""
    moment = datetime(2026, 11, 23, 9, tzinfo=UTC)
    with Ledger.open(tmp_path / "data", clock=lambda: moment) as ledger:
        for number, batch, operator in ((1, "first", "Li"), (2, "second", "Wu")):
            moment = datetime(2026, 11, 22 + number, 9, tzinfo=UTC)
            ledger.import_batch(write_csv(tmp_path / f"{batch}.csv", [number]))
            run = ledger.begin_run(
                lane=1, port="COM1", profile="plug", firmware_version="1", batch=batch, operator=operator
            )
            ledger.identify_run(run, chip_of(number))
            ledger.allocate(run)
            ledger.finish_run(run, Verdict.FAIL, seconds=1.0, code=Code.UNIT_GONE, message="")
    return station_in(tmp_path / "data")


FIRST_RUN = ["run_begun", "unit_identified", "certificate_allocated", "certificate_returned", "run_finished"]


@pytest.mark.parametrize(
    ("wanted", "kinds"),
    [
        (("--until", "2026-11-24"), ["ledger_created", "batch_imported", *FIRST_RUN]),
        (("--since", "2026-11-24", "--until", "2026-11-25"), ["batch_imported", *FIRST_RUN]),
        (("--since", "2026-11-24T17:00:01+08:00", "--until", "2026-11-25"), []),
        (("--batch", "first"), ["batch_imported", *FIRST_RUN]),
        (("--mac", mac_of(1).upper().replace(":", "-")), FIRST_RUN[1:]),
        (("--device-name", name(2)), FIRST_RUN[2:]),
        (("--operator", "Wu"), FIRST_RUN),
        (("--operator", "Li", "--batch", "second"), []),
    ],
)
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_the_log_is_exported_by_time_batch_unit_certificate_or_person(
    two_days: Station, tmp_path: Path, form: str, wanted: tuple[str, ...], kinds: list[str]
) -> None:
    out = tmp_path / "audit"
    done = two_days("audit", "export", "--out", str(out), "--format", form, *wanted)
    assert done.code == 0, done.err

    text = out.read_text(encoding="utf-8-sig")
    if form == "csv":
        told = [row["kind"] for row in csv.DictReader(io.StringIO(text)) if row["number"]]
    else:
        told = [line["kind"] for line in map(json.loads, text.splitlines()) if "record" not in line]
    assert told == kinds
    proven = two_days("audit", "verify", str(out), "--key", str(tmp_path / "data" / "station.pub"))
    assert proven.code == 0, proven.out


@pytest.mark.parametrize("wanted", [("--since", "yesterday"), ("--mac", "24:0a")])
def test_a_filter_that_cannot_be_is_refused(two_days: Station, tmp_path: Path, wanted: tuple[str, str]) -> None:
    refused = two_days("audit", "export", "--out", str(tmp_path / "audit"), *wanted)

    assert (refused.code, wanted[1] in refused.err, (tmp_path / "audit").exists()) == (2, True, False)
