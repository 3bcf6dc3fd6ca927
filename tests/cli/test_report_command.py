"""`station report` as a person, a spreadsheet and a program meet it."""

from __future__ import annotations

import csv
import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from station.errors import Code
from station.ledger.sqlite_reading import LEDGER_FILE, connect_to_read
from station.verdict import Verdict
from tests.cli.calling import Station, add_settings, station_in
from tests.ledger.making import STAMP
from tests.reports.made_runs import made_shift


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """The command line on a data folder with four runs of three units."""
    data = tmp_path_factory.mktemp("report") / "data"
    with made_shift(data, 5) as shift:
        shift.run(1, at_s=0, operator="=HYPERLINK(1)")
        shift.run(2, Verdict.FAIL, Code.NO_BOOT, at_s=60)
        shift.run(2, at_s=120)
        shift.run(None, Verdict.ERROR, Code.PORT_LOST, at_s=180)
    return station_in(data)


def test_the_page_is_written_in_the_language_asked_for(station: Station, tmp_path: Path) -> None:
    out = tmp_path / "report.html"

    assert station("report", "batch", "--out", str(out), "--lang", "zh-CN").code == 0
    assert '<html lang="zh-CN">' in out.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_the_page_is_in_the_screens_language_unless_another_is_asked_for(tmp_path: Path) -> None:
    out, data = tmp_path / "report.html", tmp_path / "data"
    with made_shift(data, 1):
        pass
    add_settings(data, "screen: {language: zh-CN}")
    station = station_in(data)

    for asked, written in ((), "zh-CN"), (("--lang", "en"), "en"):
        assert station("report", "batch", "--out", str(out), "--force", *asked).code == 0
        assert f'<html lang="{written}">' in out.read_text(encoding="utf-8")


def test_mistakes_of_the_settings_are_told_before_the_audit_log_is_signed(tmp_path: Path) -> None:
    out, data = tmp_path / "report.html", tmp_path / "data"
    with made_shift(data, 1):
        pass
    add_settings(data, "screen: {colours: pink}")

    assert station_in(data)("report", "batch", "--out", str(out)).code == 2
    assert not out.exists()
    with closing(connect_to_read(data / LEDGER_FILE, 1.0)) as connection:
        assert not connection.execute("SELECT * FROM audit_signatures WHERE reason = 'report'").fetchall()


def test_programs_get_all_numbers_without_a_file(station: Station) -> None:
    done = station("report", "batch", "--json")

    numbers = json.loads(done.out)
    assert (numbers["units"], numbers["first_pass_yield"], numbers["final_yield"]) == (2, 0.5, 1.0)
    assert numbers["certificates_left"] == 3
    assert numbers["codes"] == [{"code": "E13", "count": 1}, {"code": "F31", "count": 1}]


def test_the_table_has_a_row_for_each_run_and_no_formula(station: Station, tmp_path: Path) -> None:
    out = tmp_path / "runs.csv"

    assert "4 runs" in station("report", "batch", "--out", str(out)).out
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    assert STAMP not in out.read_text(encoding="utf-8")
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["device_name"], row["attempt"], row["verdict"], row["write_s"]) for row in rows} == {
        ("plug-00001", "1", "PASS", "10.0"),
        ("plug-00002", "1", "FAIL", "10.0"),
        ("plug-00002", "2", "PASS", "10.0"),
        ("", "1", "ERROR", "10.0"),
    }
    assert {row["operator"] for row in rows} == {"Li", "'=HYPERLINK(1)"}


def test_parquet_keeps_types(station: Station, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra [analysis]")
    out = tmp_path / "runs.parquet"

    assert station("report", "batch", "--out", str(out)).code == 0
    rows = pq.read_table(out).to_pylist()
    first = next(row for row in rows if row["device_name"] == "plug-00001")
    assert (len(rows), first["finished_at"], first["write_s"]) == (
        4,
        datetime(2026, 11, 24, 8, 0, 12, tzinfo=UTC),
        10.0,
    )


def test_a_file_that_is_there_is_replaced_only_by_force(station: Station, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    out.write_text("mine", encoding="utf-8")

    done = station("report", "batch", "--out", str(out))
    assert (done.code, out.read_text(encoding="utf-8")) == (2, "mine")
    assert "--force" in done.err
    assert station("report", "batch", "--out", str(out), "--force").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("batsch", "--out", "{folder}/x.html"), "Did you mean batch?"),
        (("batch", "--out", "{folder}/x.doc"), "--format"),
        (("batch",), "--out report.html"),
        (("batch", "--out", "{folder}/none/x.html"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_told_and_leaves_nothing(
    station: Station, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = station("report", *(word.format(folder=tmp_path) for word in arguments))

    assert done.code == 2
    assert words in done.err
    assert not list(tmp_path.iterdir())
