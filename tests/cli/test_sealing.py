"""Sealed batches and the shredding of clear ones, through the real entry point."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyrage
import pytest

from station.ledger import sealed_batch
from tests.batch_csv import write_batch_csv
from tests.cli.calling import Station, station_in


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return station_in(tmp_path / "data")


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    write_batch_csv(tmp_path / "unit.csv", "a1Training0", 5, "unit")
    return tmp_path / "unit.csv"


def recipient(station: Station) -> str:
    return str(json.loads(station("key", "show", "--json").out)["recipient"])


def sealed_for(station: Station, csv: Path) -> Path:
    done = station("batch", "seal", str(csv), "--to", recipient(station))
    assert done.code == 0, done.err
    return csv.with_name(csv.name + ".age")


def test_the_recipient_is_made_once_and_its_key_is_its_owners(station: Station, tmp_path: Path) -> None:
    assert recipient(station).startswith("age1")
    assert recipient(station) == recipient(station)
    if os.name == "posix":
        assert (tmp_path / "data" / "station.age").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("command", ["import", "open"])
def test_a_sealed_batch_is_imported_by_the_station_it_was_made_for(station: Station, csv: Path, command: str) -> None:
    rows = csv.read_text(encoding="utf-8")
    age = sealed_for(station, csv)
    csv.unlink()
    done = station("batch", command, str(age), "--json")
    assert done.code == 0, done.err
    assert (json.loads(done.out)["imported"], json.loads(done.out)["batch"]) == (5, "unit")
    assert age.exists()
    csv.write_text(rows, encoding="utf-8")
    again = station("batch", "import", str(csv), "--keep", "--json")
    assert (json.loads(again.out)["imported"], json.loads(again.out)["already_there"]) == (0, 5)


def test_no_clear_text_is_in_the_sealed_file_nor_anywhere_after_its_import(
    station: Station, csv: Path, tmp_path: Path
) -> None:
    secrets = [line.split(",")[1] for line in csv.read_text(encoding="utf-8").splitlines()[1:]]
    age = sealed_for(station, csv)
    csv.unlink()
    assert station("batch", "open", str(age)).code == 0
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(secret.encode() in content for secret in secrets), file


def test_another_station_cannot_open_it(station: Station, csv: Path, tmp_path: Path) -> None:
    age = sealed_for(station, csv)
    other = station_in(tmp_path / "other")
    unprepared = other("batch", "open", str(age))
    assert (unprepared.code, "station key show" in unprepared.err) == (3, True)
    recipient(other)
    done = other("batch", "open", str(age))
    assert (done.code, "sealed for another station" in done.err) == (2, True)


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.99])
def test_a_sealed_file_that_was_cut_is_refused(station: Station, csv: Path, cut: float) -> None:
    age = sealed_for(station, csv)
    age.write_bytes(age.read_bytes()[: int(age.stat().st_size * cut)])
    done = station("batch", "open", str(age))
    assert (done.code, "cut or changed" in done.err) == (2, True)


def test_a_sealed_file_that_was_changed_is_refused(station: Station, csv: Path) -> None:
    age = sealed_for(station, csv)
    content = bytearray(age.read_bytes())
    content[-20] ^= 1
    age.write_bytes(content)
    done = station("batch", "open", str(age))
    assert (done.code, "cut or changed" in done.err) == (2, True)


def test_a_bad_csv_is_not_sealed(station: Station, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("DeviceName,DeviceSecret,ProductKey\nx,y,z\n", encoding="utf-8")
    done = station("batch", "seal", str(bad), "--to", recipient(station))
    assert (done.code, "bad.csv:2" in done.err) == (2, True)
    assert list(tmp_path.glob("*.age*")) == []


def test_a_bad_csv_inside_a_sealed_file_is_refused_with_its_line(station: Station, tmp_path: Path) -> None:
    to = pyrage.x25519.Recipient.from_str(recipient(station))
    age = tmp_path / "bad.csv.age"
    age.write_bytes(pyrage.encrypt(b"DeviceName,DeviceSecret,ProductKey\nunit-1,\x1b[2Jabc,a1\n", [to]))
    done = station("batch", "open", str(age))
    assert (done.code, "bad.csv.age:2" in done.err, "\x1b" in done.err) == (2, True, False)


def test_a_sealed_file_is_known_by_its_head_armored_too(station: Station, csv: Path, tmp_path: Path) -> None:
    to = pyrage.x25519.Recipient.from_str(recipient(station))
    other = tmp_path / "mail.txt"
    other.write_bytes(pyrage.encrypt(csv.read_bytes(), [to], armored=True))
    assert station("batch", "open", str(other)).code == 0


def test_a_sealed_file_that_unpacks_to_too_much_is_refused(
    station: Station, csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age = sealed_for(station, csv)
    monkeypatch.setattr(sealed_batch, "SEALED_LIMIT_BYTES", 100)
    done = station("batch", "open", str(age))
    assert (done.code, "of clear text" in done.err) == (2, True)


def test_a_file_for_a_passphrase_is_not_tried(station: Station, tmp_path: Path) -> None:
    recipient(station)
    age = tmp_path / "p.age"
    age.write_bytes(pyrage.passphrase.encrypt(b"x", "pw"))
    assert "sealed for another station" in station("batch", "open", str(age)).err


def test_what_stands_in_the_way_is_not_overwritten(station: Station, csv: Path) -> None:
    age = sealed_for(station, csv)
    before = age.read_bytes()
    done = station("batch", "seal", str(csv), "--to", recipient(station))
    assert (done.code, age.read_bytes() == before) == (2, True)
    assert station("batch", "seal", str(csv), "--to", recipient(station), "--force").code == 0
    assert station("batch", "seal", str(csv), "--to", recipient(station), "--out", str(csv), "--force").code == 2


@pytest.mark.parametrize("to", ["", "age1x", "AGE-SECRET-KEY-1", "ssh-ed25519 AAAA"])
def test_a_wrong_recipient_is_refused(station: Station, csv: Path, to: str) -> None:
    done = station("batch", "seal", str(csv), "--to", to)
    assert (done.code, "age1" in done.err) == (2, True)


def test_a_clear_file_is_not_opened(station: Station, csv: Path) -> None:
    done = station("batch", "open", str(csv))
    assert (done.code, "not sealed" in done.err) == (2, True)


@pytest.mark.skipif(os.name != "posix", reason="rights of this kind are POSIX's")
def test_an_identity_that_others_can_read_is_refused(station: Station, csv: Path, tmp_path: Path) -> None:
    age = sealed_for(station, csv)
    (tmp_path / "data" / "station.age").chmod(0o640)
    done = station("batch", "open", str(age))
    assert (done.code, "E25" in done.err, "chmod 600" in done.err) == (3, True, True)


def test_a_clear_csv_is_shredded_after_its_import_when_asked(station: Station, csv: Path) -> None:
    done = station("batch", "import", str(csv), "--shred")
    assert (done.code, csv.exists()) == (0, False)
    assert "flash disks" in done.out


def test_a_clear_csv_is_kept_without_a_terminal_and_one_is_told_so(station: Station, csv: Path) -> None:
    done = station("batch", "import", str(csv))
    assert (done.code, csv.exists(), "in clear" in done.out) == (0, True, True)


def test_a_file_that_was_refused_is_not_shredded(station: Station, csv: Path) -> None:
    csv.write_text(csv.read_text(encoding="utf-8") + "x,y,z\n", encoding="utf-8")
    assert station("batch", "import", str(csv), "--shred").code == 2
    assert csv.exists()


@pytest.mark.skipif(os.name != "posix", reason="hard links as POSIX has them")
def test_a_file_with_a_second_name_is_told_not_shredded(station: Station, csv: Path, tmp_path: Path) -> None:
    os.link(csv, tmp_path / "second.csv")
    done = station("batch", "import", str(csv), "--shred")
    assert (done.code, "second name" in done.err, csv.exists()) == (2, True, True)
