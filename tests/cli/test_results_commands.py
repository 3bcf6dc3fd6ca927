"""`station results`, and a station whose units other systems are told of."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from station.ledger import Ledger
from station.verdict import Verdict
from tests.batch_csv import write_batch_csv
from tests.cli.calling import Station, add_settings, station_in, stocked_station
from tests.end_to_end.quick_units import PRODUCT_KEY, make_product, quick_fixture, unit_number
from tests.ledger.making import write_csv
from tests.results.conftest import run_unit
from tests.results.http_double import HANG, OtherSystem


@pytest.fixture
def mes() -> Iterator[OtherSystem]:
    with OtherSystem() as system:
        yield system


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return stocked_station(tmp_path / "data", write_csv(tmp_path / "batch.csv", range(1, 6)))


def set_results(folder: Path, text: str) -> None:
    add_settings(folder / "data", f"results: {text}")


def listed(station: Station) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(station("results", "list", "--json").out)
    return found[0]


def test_what_waits_is_listed_sent_and_refused_with_its_reason(
    station: Station, mes: OtherSystem, tmp_path: Path
) -> None:
    assert station("results", "list").out.startswith("No other system is told")
    set_results(tmp_path, f"{{mes: {{url: '{mes.url}'}}}}")
    assert "begins with the next start" in station("results", "list").out
    assert station("results", "send").out == "mes: 0 delivered, 0 refused\n"
    with Ledger.open(tmp_path / "data") as ledger:
        for unit, verdict in ((1, Verdict.PASS), (2, Verdict.FAIL)):
            run_unit(ledger, unit, verdict)
    assert (listed(station)["waiting"], listed(station)["told"]) == (2, 0)

    mes.answers = [503]
    away = station("results", "send", "mes")
    assert (away.code, away.out) == (3, "mes: 0 delivered, 0 refused; the rest waits: HTTP 503 said\n")
    mes.answers = [200, 422]
    assert json.loads(station("results", "send", "--json").out)[0]["refused"] == 1
    assert "refused" in station("results", "list").out
    assert "refused: 1\n" in station("doctor").out
    assert station("results", "send", "--refused").out == "mes: 1 delivered, 0 refused\n"
    assert (listed(station)["told"], listed(station)["refusals"]) == (2, [])
    assert station("results", "send", "wats").code == 2


def test_a_process_that_is_killed_before_it_hears_the_answer_sends_the_same_again(
    station: Station, mes: OtherSystem, tmp_path: Path
) -> None:
    set_results(tmp_path, f"{{mes: {{url: '{mes.url}', timeout_s: 60}}}}")
    station("results", "send")
    with Ledger.open(tmp_path / "data") as ledger:
        for unit in (1, 2):
            run_unit(ledger, unit)
    mes.answers = [200, HANG]
    command = [sys.executable, "-m", "station.cli.main", "results", "send", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as sending:
        try:
            mes.wait(2)
        finally:
            sending.kill()

    assert station("results", "send").out == "mes: 1 delivered, 0 refused\n"
    assert len(mes.taken) == 3
    assert (mes.taken[1].key, mes.taken[1].body) == (mes.taken[2].key, mes.taken[2].body)


def test_doctor_tells_what_cannot_be_reached(station: Station, mes: OtherSystem, tmp_path: Path) -> None:
    set_results(tmp_path, f"{{mes: {{url: '{mes.url}'}}, files: {{folder: not-there}}}}")
    seen = station("doctor").out
    assert f"results mes    {mes.url}, waiting: 0" in seen
    assert "not-there is no folder" in seen
    mes.switch_off()
    assert f"▲ results mes    {mes.url}: Connection refused; waiting in the ledger: 0" in station("doctor").out
    mes.switch_on()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{mes: {}}", "a channel goes to one place"),
        ("{mes: {url: 'http://h/x', folder: f}}", "a channel goes to one place"),
        ("{mes: {url: 'ftp://h/x'}}", "url is no address"),
        ("{mes: {url: 'https://u:abc123@h/x'}}", "url holds a password"),
        ("{'m e s': {folder: f}}", "no name of a channel"),
        ("{mes: {folder: f, wats: {}}}", "process_code"),
        ("{mes: {folder: f, authorization_file: a.txt}}", "a folder asks for no authorization"),
        ("{mes: {url: 'http://h/x', timeout_s: 0}}", "timeout_s"),
        ("{mes: {url: 'http://h/x', password: abc123}}", "never stands in a file of the station"),
    ],
)
def test_a_wrong_channel_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "station.yaml").write_text(f"results: {text}\n", encoding="utf-8")
    done = station_in(tmp_path)("settings", "check")
    assert done.code == 2
    assert told in done.err
    assert "abc123" not in done.err


def test_units_of_a_shift_are_told_before_it_ends(tmp_path: Path, mes: OtherSystem) -> None:
    make_product(tmp_path)
    write_batch_csv(tmp_path / "batch.csv", PRODUCT_KEY, 3)
    (tmp_path / "hot").mkdir()
    station = stocked_station(tmp_path / "data", tmp_path / "batch.csv")
    set_results(tmp_path, f"{{mes: {{url: '{mes.url}'}}, files: {{folder: '{tmp_path / 'hot'}'}}}}")
    with quick_fixture(unit_number(1)) as fixture:
        assert station("flash", str(tmp_path / "quick.yaml"), "--port", fixture.url).code == 0

    (file,) = (tmp_path / "hot").iterdir()
    told = [json.loads(body) for body in (mes.taken[0].body, file.read_bytes())]
    assert [(one["verdict"], one["run"]) for one in told] == [("PASS", 1)] * 2
    assert [one["step"] for one in told[0]["steps"]][-1] == "online"


def test_the_schema_is_published(tmp_path: Path) -> None:
    schema = json.loads(station_in(tmp_path)("results", "schema").out)
    assert schema["$schema"].endswith("2020-12/schema")
    assert set(schema["required"]) == set(schema["properties"])
