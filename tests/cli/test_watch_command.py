"""`station watch` through the real entry point."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from station.ledger import Ledger, key_sources
from station.verdict import Verdict
from tests.cli.calling import Station, station_in
from tests.ledger.making import begin, write_csv
from tests.ledger.test_line_watch import contents


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one unit that passed on lane 2 and one under way on lane 3."""
    folder = tmp_path / "data"
    with Ledger.open(folder) as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", range(1, 11)))
        run = begin(ledger, 1, lane=2)
        ledger.allocate(run)
        ledger.begin_installing(run)
        ledger.finish_run(run, Verdict.PASS, seconds=1.0, code=None, message="")
        begin(ledger, 2, lane=3)
    return folder


@pytest.fixture
def station(data: Path) -> Station:
    return station_in(data)


def test_json_prints_one_frame_and_ends_and_leaves_every_byte_as_it_is(station: Station, data: Path) -> None:
    before = contents(data)
    done = station("watch", "--json")
    frame = json.loads(done.out)
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)
    assert (frame["total"]["passed"], frame["total"]["quantity"], frame["total"]["left"]) == (1, 10, 9)
    assert [(one["lane"], one["last"] and one["last"]["verdict"]) for one in frame["lanes"]] == [(2, "PASS"), (3, None)]
    assert frame["lanes"][1]["under_way"]["unit"]
    assert contents(data) == before


def test_it_asks_for_no_passphrase(station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_sources, "SCRYPT_N", 2**10)
    phrase = tmp_path / "phrase"
    phrase.write_text("four words nobody expects\n", encoding="utf-8")
    phrase.chmod(0o600)
    assert station("ledger", "rekey", "--to", "passphrase", "--new-passphrase-file", str(phrase)).code == 0
    assert station("watch", "--json").code == 0


def test_without_a_terminal_the_other_ways_are_told(station: Station) -> None:
    done = station("watch")
    assert (done.code, done.out) == (2, "")
    assert "--json" in done.err
    assert "--serve" in done.err


def test_where_no_ledger_is_it_says_so_and_makes_nothing(tmp_path: Path) -> None:
    done = station_in(tmp_path / "nowhere")("watch", "--serve")
    assert (done.code, done.out) == (3, "")
    assert "there is no ledger here yet" in done.err
    assert not (tmp_path / "nowhere").exists()


def test_the_training_bench_has_a_ledger_of_its_own(station: Station, data: Path, tmp_path: Path) -> None:
    assert station("watch", "--training", "--json").code == 3
    data.rename(tmp_path / "training")
    done = station_in(tmp_path)("watch", "--training", "--json")
    assert json.loads(done.out)["total"]["passed"] == 1
