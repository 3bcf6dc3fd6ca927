"""A ledger copied back from an older backup is noticed, and gone on with without handing out what may be used."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from station.certificate import CertificateState
from station.errors import Code, LedgerFault, UsageError
from station.ledger import Ledger
from station.ledger.event_kind import EventKind
from station.ledger.gap import allocations_in
from station.ledger.sqlite import check_copy
from station.verdict import Verdict
from tests.ledger.making import begin, mac_of, name, write_csv


def passed(ledger: Ledger, unit: int) -> str:
    run = begin(ledger, unit)
    given = ledger.allocate(run).certificate.identity.device_name
    ledger.begin_installing(run)
    ledger.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")
    return given


def put_back(data: Path, backup: Path) -> None:
    for suffix in ("-wal", "-shm"):
        (data / f"ledger.sqlite3{suffix}").unlink(missing_ok=True)
    shutil.copyfile(backup, data / "ledger.sqlite3")


@pytest.fixture
def behind(stocked: Ledger, data: Path, tmp_path: Path) -> Path:
    """A data folder whose ledger is from before units 2 and 3."""
    passed(stocked, 1)
    stocked.back_up(tmp_path / "backup")
    for unit in (2, 3):
        passed(stocked, unit)
    stocked.close()
    put_back(data, tmp_path / "backup")
    return data


def test_a_record_that_cannot_be_read_is_told_with_its_place(stocked: Ledger, data: Path) -> None:
    stocked.close()
    record = data / "audit.head"
    record.rename(data / "audit.head.away")
    record.mkdir()

    with pytest.raises(LedgerFault) as refused:
        Ledger.open(data)

    assert (refused.value.code, refused.value.place) == (Code.LEDGER_NOT_WRITABLE, str(record))


def test_an_older_ledger_is_refused_until_the_gap_is_accepted(behind: Path) -> None:
    for read_only in (False, True):
        with pytest.raises(LedgerFault, match="events are missing") as caught:
            Ledger.open(behind, read_only=read_only)
        assert caught.value.code is Code.LEDGER_BEHIND

    with Ledger.open(behind, despite_gap=True) as ledger:
        ledger.accept_gap(reason="disk failed", operator="Wang")
    with Ledger.open(behind) as ledger:
        (accepted,) = [one for one in ledger.audit_events() if one.kind == EventKind.GAP_ACCEPTED]
    assert (accepted.operator, accepted.data["reason"], accepted.data["missing"]) == ("Wang", "disk failed", 13)


def test_what_the_gap_may_have_used_is_never_handed_out(behind: Path) -> None:
    with Ledger.open(behind, despite_gap=True) as ledger:
        done = ledger.accept_gap(reason="disk failed", operator="Wang")
        assert done.skipped == {"batch": 3}
        assert passed(ledger, 4) == name(5)
        voided = [one for one in ledger.certificates("batch") if one.state is CertificateState.VOID]

    assert [one.identity.device_name for one in voided] == [name(2), name(3), name(4)]


def test_who_knows_better_says_how_many_to_skip(behind: Path) -> None:
    with Ledger.open(behind, despite_gap=True) as ledger:
        assert ledger.accept_gap(reason="x", operator="Wang", skip=2).skipped == {"batch": 2}
        assert ledger.skip_certificates("batch", 100, reason="x", operator="Wang") == 7
        assert ledger.left("batch") == 0


def test_what_was_set_aside_is_bound_to_its_unit(stocked: Ledger, data: Path, tmp_path: Path) -> None:
    run = begin(stocked, 1)
    stocked.allocate(run)
    stocked.back_up(tmp_path / "backup")
    stocked.begin_installing(run)
    stocked.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")
    stocked.close()
    put_back(data, tmp_path / "backup")

    with Ledger.open(data, despite_gap=True) as ledger:
        assert ledger.accept_gap(reason="x", operator="Wang", skip=0).bound == (name(1),)
        assert passed(ledger, 2) == name(2)
        assert passed(ledger, 1) == name(1)


def test_asking_a_line_lead_does_not_hide_the_gap(behind: Path) -> None:
    for _ in range(30):
        with Ledger.open(behind, despite_gap=True) as ledger:
            ledger.record_note(None, EventKind.PIN_WRONG, {}, operator="Wang")
            assert ledger.proof.gap is not None
            assert ledger.proof.gap.missing == 13


@pytest.mark.parametrize("content", [None, "", "{", '{"ledgers": {"x": 1}}'])
def test_a_ledger_without_its_record_is_refused_and_the_skip_must_be_said(
    stocked: Ledger, data: Path, content: str | None
) -> None:
    stocked.close()
    (data / "audit.head").unlink()
    if content is not None:
        (data / "audit.head").write_text(content, encoding="utf-8")

    with pytest.raises(LedgerFault) as caught:
        Ledger.open(data)
    assert caught.value.code is Code.LEDGER_BEHIND
    with Ledger.open(data, despite_gap=True) as ledger:
        with pytest.raises(UsageError, match="cannot be known"):
            ledger.accept_gap(reason="new PC", operator="Wang")
        ledger.accept_gap(reason="new PC", operator="Wang", skip=4)
    with Ledger.open(data) as ledger:
        assert ledger.left("batch") == 6


@pytest.mark.parametrize(("reason", "operator"), [("", "Wang"), (" ", "Wang"), ("x", " ")])
def test_a_gap_is_accepted_only_by_somebody_with_a_reason(behind: Path, reason: str, operator: str) -> None:
    with Ledger.open(behind, despite_gap=True) as ledger, pytest.raises(UsageError):
        ledger.accept_gap(reason=reason, operator=operator)
    with pytest.raises(LedgerFault):
        Ledger.open(behind)


def test_a_ledger_that_lacks_nothing_has_no_gap_to_accept(stocked: Ledger) -> None:
    with pytest.raises(UsageError, match="lacks nothing"):
        stocked.accept_gap(reason="x", operator="Wang")


def test_another_station_name_does_not_hide_the_gap(behind: Path) -> None:
    (behind / "station.yaml").write_text("station: fresh\n", encoding="utf-8")

    with pytest.raises(LedgerFault):
        Ledger.open(behind)


def test_a_lost_signing_key_is_not_replaced_in_silence(stocked: Ledger, data: Path) -> None:
    stocked.sign_head("shift_end")
    stocked.close()
    (data / "station.key").unlink()

    with pytest.raises(LedgerFault, match="another name") as caught:
        Ledger.open(data)
    assert caught.value.code is Code.KEY_MISSING


@pytest.mark.parametrize(
    ("missing", "open_runs", "most"), [(0, 0, 0), (3, 0, 0), (4, 0, 1), (13, 0, 3), (2, 1, 1), (9, 2, 3)]
)
def test_a_gap_holds_only_so_many_allocations(missing: int, open_runs: int, most: int) -> None:
    assert allocations_in(missing, open_runs) == most


def test_a_backup_is_consistent_while_lanes_write(stocked: Ledger, tmp_path: Path) -> None:
    stocked.import_batch(write_csv(tmp_path / "more.csv", range(100, 6000)), name="more")
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            stocked.record_note(None, "note", {"text": "x" * 500})

    lane = threading.Thread(target=work)
    lane.start()
    heard: list[tuple[int, int]] = []
    try:
        done = stocked.back_up(tmp_path / "backup", lambda now, total: heard.append((now, total)))
    finally:
        ended.set()
        lane.join(30)

    assert heard[-1][0] == heard[-1][1] > 0
    assert check_copy(tmp_path / "backup") == done.events
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_a_backup_never_replaces_a_file(stocked: Ledger, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine", encoding="utf-8")

    for out in (tmp_path / "mine", tmp_path, tmp_path / "nowhere" / "copy"):
        with pytest.raises(UsageError):
            stocked.back_up(out)
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "mine"


def test_a_fingerprint_of_the_secret_stands_in_the_log(stocked: Ledger) -> None:
    passed(stocked, 1)
    marks = {one.data["fingerprint"] for one in stocked.audit_events(mac=mac_of(1)) if "fingerprint" in one.data}

    (mark,) = marks
    assert isinstance(mark, str)
    assert len(mark) == 8
