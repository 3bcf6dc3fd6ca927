"""Import: all or nothing, the same again changes nothing, nothing contradicts, nothing is in clear."""

from __future__ import annotations

import base64
import inspect
import re
import threading
from collections.abc import Generator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import CheckConstraint

from station.certificate import CertificateState
from station.errors import BatchError, InternalFault, UsageError
from station.ledger import ImportResult, Ledger
from station.ledger.importing import IMPORTED_COLUMNS, BatchImport
from station.ledger.schema import AUDIT_EVENTS, AUDIT_HEADS, AUDIT_SIGNATURES, BATCH_COUNTS, BATCHES, CERTIFICATES
from station.ledger.sqlite import SqliteDialect
from tests.ledger.making import HEADER, PRODUCT, STAMP, begin, name, row, secret, write_csv, write_lines


def test_a_batch_is_named_for_its_file_and_all_its_certificates_are_available(ledger: Ledger, tmp_path: Path) -> None:
    result = ledger.import_batch(write_csv(tmp_path / "plugs 11.csv", range(5)), work_order="WO-1")

    (summary,) = ledger.batches()
    assert (result.batch, result.imported, result.already_there, result.total) == ("plugs 11", 5, 0, 5)
    assert (summary.name, summary.product_key, summary.work_order) == ("plugs 11", PRODUCT, "WO-1")
    assert summary.source_name == "plugs 11.csv"
    assert (summary.total, summary.left, ledger.left("plugs 11")) == (5, 5, 5)
    assert summary.counts[CertificateState.AVAILABLE] == 5


def test_the_order_of_the_file_is_kept(ledger: Ledger, tmp_path: Path) -> None:
    numbers = [7, 3, 9, 1]
    ledger.import_batch(write_csv(tmp_path / "b.csv", numbers))

    listed = ledger.certificates("b")

    assert [(one.position, one.identity.device_name) for one in listed] == list(enumerate(map(name, numbers), 1))
    assert [one.position for one in ledger.certificates("b", limit=2, offset=1)] == [2, 3]


def test_the_same_file_again_changes_nothing_and_says_so(stocked: Ledger, tmp_path: Path) -> None:
    events = len(list(stocked.audit_events()))

    again = stocked.import_batch(tmp_path / "batch.csv", name="another name")

    assert (again.batch, again.imported, again.already_there, again.total) == ("batch", 0, 10, 10)
    assert len(stocked.batches()) == 1
    assert len(list(stocked.audit_events())) == events


def test_a_file_is_closed_when_the_ledger_fails_in_the_middle_of_it(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, readings = BatchImport._chunks, list[Generator[Any, None, None]]()

    def noted(importing: BatchImport, batch_id: int) -> Generator[Any, None, None]:
        readings.append(read(importing, batch_id))
        return readings[0]

    monkeypatch.setattr(BatchImport, "_chunks", noted)
    monkeypatch.setattr(BatchImport, "_write_chunk", Mock(side_effect=ZeroDivisionError))
    monkeypatch.setattr("station.ledger.importing._CHUNK_ROWS", 1)
    with pytest.raises(ZeroDivisionError):
        ledger.import_batch(write_csv(tmp_path / "b.csv", range(9)))

    assert [inspect.getgeneratorstate(one) for one in readings] == [inspect.GEN_CLOSED]


def test_columns_are_checked_again_when_an_import_is_interrupted_as_it_begins(data: Path) -> None:
    is_checked, told = "PRAGMA ignore_check_constraints", list[str]()

    def execute(sql: str) -> None:
        told.append(sql)
        if sql == f"{is_checked} = ON":
            raise KeyboardInterrupt

    connection = Mock(invalidated=False, exec_driver_sql=execute)
    with pytest.raises(KeyboardInterrupt), SqliteDialect(data, read_only=False).bulk(connection):
        pass

    assert [sql for sql in told if is_checked in sql][-1] == f"{is_checked} = OFF"


def test_the_same_certificates_in_another_file_change_nothing(stocked: Ledger, tmp_path: Path) -> None:
    reordered = write_csv(tmp_path / "reordered.csv", range(10, 0, -1))

    again = stocked.import_batch(reordered)

    assert (again.batch, again.imported, again.already_there) == ("batch", 0, 10)
    assert len(stocked.batches()) == 1


def test_two_imports_of_one_file_at_once_make_one_batch(ledger: Ledger, data: Path, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "b.csv", range(5000))
    with Ledger.open(data) as other:
        results: list[ImportResult] = []
        at_once = [
            threading.Thread(target=lambda one=one: results.append(one.import_batch(path))) for one in (ledger, other)
        ]
        for thread in at_once:
            thread.start()
        for thread in at_once:
            thread.join()

    assert sorted((one.batch, one.imported, one.already_there) for one in results) == [("b", 0, 5000), ("b", 5000, 0)]
    assert ledger.batch("b").total == 5000


def test_a_longer_list_brings_only_what_is_new(stocked: Ledger, tmp_path: Path) -> None:
    more = stocked.import_batch(write_csv(tmp_path / "more.csv", range(8, 14)))

    assert (more.batch, more.imported, more.already_there, more.total) == ("more", 3, 3, 6)
    assert [one.identity.device_name for one in stocked.certificates("more")] == [name(11), name(12), name(13)]
    assert stocked.left("batch") == 10


def test_a_used_certificate_is_known_again_and_stays_used(stocked: Ledger, tmp_path: Path) -> None:
    run = begin(stocked, 1)
    stocked.allocate(run)
    stocked.begin_installing(run)

    again = stocked.import_batch(write_csv(tmp_path / "again.csv", range(1, 3)))

    assert again.imported == 0
    assert stocked.certificates("batch")[0].state is CertificateState.INSTALLING


def test_a_name_with_another_secret_is_refused_by_line(stocked: Ledger, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "other.csv", [HEADER, row(20), f"{name(3)},{secret(33)},{PRODUCT}", row(21)])

    with pytest.raises(BatchError) as caught:
        stocked.import_batch(path)

    (fault,) = caught.value.faults
    assert fault.line == 3
    assert name(3) in fault.cause
    assert "batch batch" in fault.cause
    assert STAMP not in str(caught.value)
    assert (len(stocked.batches()), stocked.batch("batch").total) == (1, 10)


def test_a_secret_under_another_name_is_refused_by_line(stocked: Ledger, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "other.csv", [HEADER, f"{name(40)},{secret(4)},{PRODUCT}"])

    with pytest.raises(BatchError) as caught:
        stocked.import_batch(path)

    (fault,) = caught.value.faults
    assert fault.line == 2
    assert name(4) in fault.cause
    assert name(40) in fault.cause


def test_the_same_name_in_another_product_is_another_device(stocked: Ledger, tmp_path: Path) -> None:
    result = stocked.import_batch(write_csv(tmp_path / "lamp.csv", range(1, 4), product="b2Lamp"))

    assert result.imported == 3


def test_a_file_of_another_product_than_expected_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "b.csv", range(3))
    with pytest.raises(BatchError, match=f"product {PRODUCT}, not of otherKey"):
        ledger.import_batch(path, product_key="otherKey")
    assert ledger.batches() == []

    ledger.import_batch(path, product_key=PRODUCT)
    with pytest.raises(BatchError, match="not of otherKey"):
        ledger.import_batch(path, product_key="otherKey")


def test_two_files_of_one_name_become_two_batches(stocked: Ledger, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    folder.mkdir()

    assert stocked.import_batch(write_csv(folder / "batch.csv", range(50, 53))).batch == "batch-2"


def test_a_name_asked_for_that_is_taken_is_refused(stocked: Ledger, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "more.csv", range(50, 53))

    with pytest.raises(BatchError, match="batch named batch is there already"):
        stocked.import_batch(path, name="batch")

    assert len(stocked.batches()) == 1
    assert stocked.import_batch(path, name="fresh").batch == "fresh"


@pytest.mark.parametrize("bad", ["", "  ", " x", "a\nb", "x" * 101, "\x1b[2J"])
def test_a_name_that_could_not_be_read_on_a_screen_is_refused(ledger: Ledger, tmp_path: Path, bad: str) -> None:
    path = write_csv(tmp_path / "b.csv", range(3))

    with pytest.raises(UsageError):
        ledger.import_batch(path, name=bad)
    with pytest.raises(UsageError):
        ledger.import_batch(path, work_order=bad)


def test_a_file_with_a_wild_name_is_shown_tamely(ledger: Ledger, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "b\x1b[2J.csv", range(3))

    assert ledger.import_batch(path).batch == "b?[2J"
    assert ledger.batches()[0].source_name.isprintable()


def test_an_unknown_batch_is_told_with_the_nearest_name(stocked: Ledger) -> None:
    with pytest.raises(UsageError, match="Did you mean batch"):
        stocked.batch("bach")


def test_other_columns_are_kept_as_they_are(ledger: Ledger, tmp_path: Path) -> None:
    ledger.import_batch(write_lines(tmp_path / "b.csv", [f"{HEADER},备注,MAC", f'{row(1)},"客厅, 1",24:0a']))

    assert ledger.certificates("b")[0].extras == {"备注": "客厅, 1", "MAC": "24:0a"}
    run = begin(ledger, 1, batch="b")
    assert ledger.allocate(run).certificate.extras["备注"] == "客厅, 1"


def test_no_secret_stands_in_any_file_in_clear(data: Path, tmp_path: Path) -> None:
    lines = [f"{HEADER},ProductSecret", *(f"{row(n)},{STAMP}-product" for n in range(50))]
    path = write_lines(tmp_path / "b.csv", lines)
    forms = {STAMP.encode(), STAMP.encode().hex().encode(), base64.b64encode(STAMP.encode()), STAMP.encode("utf-16-le")}
    with Ledger.open(data) as ledger:
        ledger.import_batch(path)
        run = begin(ledger, 1, batch="b")
        certificate = ledger.allocate(run).certificate
        ledger.begin_installing(run)
        while_open = [file.read_bytes() for file in data.rglob("*") if file.is_file()]

        assert certificate.device_secret.reveal() == secret(0)
        assert certificate.secrets["ProductSecret"].reveal() == f"{STAMP}-product"
        assert STAMP not in repr(certificate)
    for content in [*while_open, *(file.read_bytes() for file in data.rglob("*") if file.is_file())]:
        assert not any(form in content for form in forms)


def test_progress_only_grows_and_ends_at_the_whole_file(ledger: Ledger, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "b.csv", range(40_000))
    heard: list[tuple[int, int]] = []

    ledger.import_batch(path, progress=lambda done, total: heard.append((done, total)))

    size_bytes = path.stat().st_size
    assert {total for _, total in heard} == {size_bytes}
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert heard[-1][0] == size_bytes
    assert ledger.left("b") == 40_000


def test_the_checks_that_an_import_is_spared_concern_nothing_that_it_writes() -> None:
    checks = [str(one.sqltext) for one in CERTIFICATES.constraints if isinstance(one, CheckConstraint)]
    others = (BATCHES, BATCH_COUNTS, AUDIT_EVENTS, AUDIT_HEADS, AUDIT_SIGNATURES)

    assert len(checks) > 3
    assert not [(check, name) for check in checks for name in IMPORTED_COLUMNS if re.search(rf"\b{name}\b", check)]
    assert not [one for table in others for one in table.constraints if isinstance(one, CheckConstraint)]


@pytest.mark.parametrize("is_refused", [False, True], ids=["done", "refused"])
def test_after_an_import_the_database_checks_again(stocked: Ledger, tmp_path: Path, is_refused: bool) -> None:
    path = write_lines(tmp_path / "b.csv", [HEADER, f"{name(3)},{secret(33)},{PRODUCT}" if is_refused else row(20)])
    with pytest.raises(BatchError) if is_refused else nullcontext():
        stocked.import_batch(path)

    with pytest.raises(InternalFault, match="void_has_a_reason"), stocked._database.writing() as connection:
        connection.exec_driver_sql("UPDATE certificates SET state = 'void' WHERE id = 1")
