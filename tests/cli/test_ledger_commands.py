"""`station ledger rekey` and the passphrase, through the real entry point."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path

import pytest

from station.errors import Code
from station.ledger import key_sources
from station.ledger.records import VerdictRecord
from station.ledger.verdict_spool import KeptVerdict, VerdictSpool
from station.verdict import Verdict
from tests.batch_csv import write_batch_csv
from tests.cli.calling import Station, stocked_station

PHRASE = "four words nobody expects"


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    monkeypatch.setattr(key_sources, "SCRYPT_N", 2**10)
    write_batch_csv(tmp_path / "unit.csv", "a1Training0", 3, "unit")
    return stocked_station(tmp_path / "data", tmp_path / "unit.csv")


def owned(path: Path, text: str) -> Path:
    path.write_text(text + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def test_rekey_says_where_the_key_is_and_where_the_old_one_was_left(station: Station, tmp_path: Path) -> None:
    done = station("ledger", "rekey")
    assert done.code == 0, done.err
    assert "3 certificates were sealed anew" in done.out
    assert f"The old key is still in {tmp_path / 'data' / 'ledger.key'}" in done.out


def test_rekey_to_a_passphrase_and_open_with_it_from_a_file(station: Station, tmp_path: Path) -> None:
    file = owned(tmp_path / "phrase", PHRASE)
    done = station("ledger", "rekey", "--to", "passphrase", "--new-passphrase-file", str(file), "--json")
    assert (done.code, json.loads(done.out)["source"], json.loads(done.out)["rows"]) == (0, "passphrase", 3)
    listed = station("batch", "list", "--passphrase-file", str(file))
    assert (listed.code, "unit" in listed.out) == (0, True)
    assert PHRASE not in done.out + done.err + listed.out + listed.err


def test_a_wrong_passphrase_is_one_clear_error(station: Station, tmp_path: Path) -> None:
    file = owned(tmp_path / "phrase", PHRASE)
    station("ledger", "rekey", "--to", "passphrase", "--new-passphrase-file", str(file))
    done = station("batch", "list", "--passphrase-file", str(owned(tmp_path / "wrong", "something else entirely")))
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("station: E24: ")
    assert "something else" not in done.err


def test_without_a_terminal_the_passphrase_is_not_waited_for(station: Station, tmp_path: Path) -> None:
    file = owned(tmp_path / "phrase", PHRASE)
    station("ledger", "rekey", "--to", "passphrase", "--new-passphrase-file", str(file))
    done = station("batch", "list")
    assert done.code == 3
    assert "--passphrase-file" in done.err


@pytest.mark.skipif(os.name != "posix", reason="rights of this kind are POSIX's")
def test_a_passphrase_file_that_others_can_read_is_refused(station: Station, tmp_path: Path) -> None:
    file = owned(tmp_path / "phrase", PHRASE)
    file.chmod(0o644)
    done = station("ledger", "rekey", "--to", "passphrase", "--new-passphrase-file", str(file))
    assert done.code == 2
    assert "chmod 600" in done.err


@pytest.mark.parametrize("name", ["missing", "folder", "empty"])
def test_a_passphrase_file_that_is_none_is_refused(station: Station, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    owned(tmp_path / "empty", "").write_bytes(b"")
    done = station("ledger", "rekey", "--to", "passphrase", "--new-passphrase-file", str(tmp_path / name))
    assert done.code == 2
    assert "passphrase" in done.err


def test_a_new_passphrase_that_cannot_be_asked_for_is_told_with_its_own_option(station: Station) -> None:
    done = station("ledger", "rekey", "--to", "passphrase")

    assert (done.code, "--new-passphrase-file" in done.err) == (2, True)
    assert station("batch", "list").code == 0


def test_what_is_kept_for_a_server_is_told_without_it(station: Station, tmp_path: Path) -> None:
    assert "the ledger has them all" in station("ledger", "kept").out
    verdict = VerdictRecord(Verdict.FAIL, 9.5, Code.NOT_ONLINE, "silent")
    with closing(VerdictSpool(tmp_path / "data", "some ledger")) as spool:
        spool.keep(KeptVerdict("a" * 32, 7, "2026-11-24T10:00:00.000000Z", (), verdict))

    told, listed = station("ledger", "kept"), station("ledger", "kept", "--json")
    assert told.out.splitlines() == ["run 7        2026-11-24T10:00:00Z  FAIL     F40", "1 verdicts are kept."]
    assert json.loads(listed.out) == [
        {"run": 7, "at": "2026-11-24T10:00:00.000000Z", "verdict": "FAIL", "code": "F40", "seconds": 9.5}
    ]
    assert "1 verdicts wait here for the ledger's server" in station("doctor").out


def test_what_is_kept_is_not_handed_over_to_a_server_that_is_away(station: Station) -> None:
    nowhere = "postgresql://line1@127.0.0.1:1/ledger"
    done = station("ledger", "kept", "--record", "--ledger", nowhere)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("station: E29: ")
