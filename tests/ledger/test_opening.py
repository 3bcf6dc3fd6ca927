"""Opening: the first start, and each way a data folder can be wrong."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy import event

from station.errors import Code, LedgerFault, UsageError
from station.ledger import Ledger, sqlite
from tests.ledger.making import begin, write_csv


def refusal(data: Path) -> LedgerFault:
    with pytest.raises(LedgerFault) as caught:
        Ledger.open(data).close()
    assert caught.value.place
    assert caught.value.mend
    return caught.value


def test_the_first_start_makes_all_and_the_second_changes_nothing(data: Path) -> None:
    with Ledger.open(data) as first:
        station = first.station
        kinds = [one.kind for one in first.audit_events()]
    with Ledger.open(data) as second:
        assert second.station == station
        assert [one.kind for one in second.audit_events()] == kinds == ["ledger_created"]


def test_an_open_ledger_of_today_does_not_import_alembic(data: Path) -> None:
    Ledger.open(data).close()
    program = (
        "import sys; from pathlib import Path; from station.ledger import Ledger;"
        "Ledger.open(Path(sys.argv[1])).close(); print('alembic' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program, data], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_closing_leaves_no_log_and_no_lock_behind(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data) as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", range(3)))
        begin(ledger)

    assert sorted(file.name for file in data.iterdir() if not file.name.endswith(".lock")) == [
        "audit.head",
        "ledger.id",
        "ledger.key",
        "ledger.sqlite3",
        "processes",
        "station.key",
        "station.pub",
        "station.yaml",
    ]
    assert list((data / "processes").iterdir()) == []


def _open_and_say(data: str, barrier: Barrier, answers: Queue[str]) -> None:
    barrier.wait(30)
    with Ledger.open(Path(data)) as ledger:
        answers.put(ledger.station)


def test_processes_that_start_first_in_the_same_instant_make_one_ledger(data: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    answers: Queue[str] = context.Queue()
    processes = [context.Process(target=_open_and_say, args=(str(data), barrier, answers)) for _ in range(4)]
    for process in processes:
        process.start()
    stations = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    answers.close()
    answers.join_thread()

    assert [process.exitcode for process in processes] == [0] * 4
    assert len(set(stations)) == 1
    with Ledger.open(data) as ledger:
        assert [one.kind for one in ledger.audit_events()] == ["ledger_created"]


@pytest.mark.parametrize("content", [b"not a database, just text " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_unreadable(data: Path, content: bytes) -> None:
    data.mkdir()
    (data / "ledger.sqlite3").write_bytes(content)

    assert refusal(data).code is Code.LEDGER_UNREADABLE
    assert (data / "ledger.sqlite3").read_bytes() == content


def test_the_database_of_another_program_is_left_alone(data: Path) -> None:
    data.mkdir()
    with closing(sqlite3.connect(data / "ledger.sqlite3")) as foreign:
        foreign.execute("CREATE TABLE songs (title)")

    fault = refusal(data)

    assert fault.code is Code.LEDGER_UNREADABLE
    assert "another program" in fault.cause


def test_a_damaged_ledger_is_unreadable(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data) as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", range(2000)))
    file = data / "ledger.sqlite3"
    content = bytearray(file.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    file.write_bytes(content)

    with pytest.raises(LedgerFault) as caught, Ledger.open(data) as ledger:
        ledger.batches()

    assert caught.value.code is Code.LEDGER_UNREADABLE


@pytest.mark.parametrize("emptied", [True, False])
def test_a_lost_ledger_is_not_taken_for_a_first_start(data: Path, emptied: bool) -> None:
    Ledger.open(data).close()
    (data / "ledger.sqlite3").unlink()
    if emptied:
        (data / "ledger.sqlite3").touch()

    fault = refusal(data)

    assert fault.code is Code.LEDGER_UNREADABLE
    assert "gone" in fault.cause


def test_a_first_start_that_was_cut_off_is_begun_again(data: Path) -> None:
    Ledger.open(data).close()
    key = (data / "ledger.key").read_bytes()
    (data / "ledger.id").unlink()
    (data / "ledger.sqlite3").write_bytes(b"")

    with Ledger.open(data) as ledger:
        assert ledger.batches() == []
    assert (data / "ledger.key").read_bytes() == key


def test_a_ledger_of_a_newer_station_is_refused_and_not_touched(data: Path) -> None:
    Ledger.open(data).close()
    with closing(sqlite3.connect(data / "ledger.sqlite3")) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
        other.commit()

    fault = refusal(data)

    assert fault.code is Code.LEDGER_NEWER
    assert "9999" in fault.cause


def test_a_locked_ledger_is_busy(stocked: Ledger, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = write_csv(tmp_path / "more.csv", [50])
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(data / "ledger.sqlite3", isolation_level=None)) as other, Ledger.open(data) as mine:
        other.execute("BEGIN IMMEDIATE")
        for call in (lambda: begin(mine), lambda: mine.import_batch(more)):
            with pytest.raises(LedgerFault) as caught:
                call()
            assert caught.value.code is Code.LEDGER_BUSY
        other.execute("ROLLBACK")

        assert mine.import_batch(more).imported == 1
        assert begin(mine)


def test_a_full_disk_is_told_and_changes_nothing(stocked: Ledger, data: Path, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "large.csv", range(100, 5000))
    with Ledger.open(data) as mine:
        event.listen(mine._database._engine, "checkout", lambda c, *_: c.execute("PRAGMA max_page_count = 80").close())
        with pytest.raises(LedgerFault) as caught:
            mine.import_batch(path)

    assert caught.value.code is Code.DISK_FULL
    assert [summary.name for summary in stocked.batches()] == ["batch"]


def test_a_ledger_opened_for_reading_refuses_every_change(stocked: Ledger, data: Path, tmp_path: Path) -> None:
    with Ledger.open(data, read_only=True) as reader:
        assert reader.left("batch") == 10
        with pytest.raises(LedgerFault) as caught:
            reader.import_batch(write_csv(tmp_path / "more.csv", range(50, 53)))

    assert caught.value.code is Code.LEDGER_NOT_WRITABLE


def test_reading_makes_no_ledger(data: Path) -> None:
    with pytest.raises(LedgerFault, match="no ledger here"):
        Ledger.open(data, read_only=True)
    assert not data.exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_told(data: Path) -> None:
    data.mkdir()
    data.chmod(0o500)

    assert refusal(data).code is Code.LEDGER_NOT_WRITABLE


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_ledger_without_the_right_to_read_is_told(data: Path) -> None:
    Ledger.open(data).close()
    (data / "ledger.sqlite3").chmod(0)

    assert refusal(data).code is Code.LEDGER_UNREADABLE


def test_a_data_folder_that_is_a_file_is_told(data: Path) -> None:
    data.write_text("", encoding="utf-8")

    assert refusal(data).code is Code.LEDGER_NOT_WRITABLE


@pytest.mark.parametrize("content", ["", "station:", "station: [a]", "station: 'a b'", "{", "station: ../x", "\x00"])
def test_a_station_file_that_names_none_is_told(data: Path, content: str) -> None:
    Ledger.open(data).close()
    (data / "station.yaml").write_text(content, encoding="utf-8")

    with pytest.raises(UsageError, match="station: "):
        Ledger.open(data)


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "sqlite://"])
def test_an_address_that_is_no_ledger_is_told(data: Path, url: str) -> None:
    with pytest.raises(UsageError):
        Ledger.open(data, url=url)


def test_a_ledger_may_stand_at_another_address(data: Path, tmp_path: Path) -> None:
    with Ledger.open(data, url=f"sqlite:///{(tmp_path / 'other.sqlite3').as_posix()}") as ledger:
        assert ledger.batches() == []
    assert (tmp_path / "other.sqlite3").exists()
    assert not (data / "ledger.sqlite3").exists()


def test_a_copied_data_folder_opens_elsewhere(stocked: Ledger, data: Path, tmp_path: Path) -> None:
    stocked.close()
    shutil.copytree(data, tmp_path / "copy")

    with Ledger.open(tmp_path / "copy") as copy:
        assert copy.allocate(begin(copy, 1)).certificate.identity.device_name == "plug-00001"
