"""An exported log proves itself, and the first thing that was done to it is named."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from station.errors import UsageError
from station.ledger import Ledger, canonical_json
from station.ledger.audit_export import ExportFormat
from station.ledger.audit_filters import Filters
from station.ledger.audit_flaws import Flaw
from station.ledger.audit_verify import verify_export
from tests.ledger.making import begin, mac_of
from tests.ledger.test_audit import walk

FORMS = get_args(ExportFormat)
Lines = list[str]


@pytest.fixture
def full(stocked: Ledger) -> Ledger:
    """A ledger of 16 events with a head signed in between."""
    walk(stocked, 1)
    stocked.sign_head("shift_end")
    walk(stocked, 2)
    return stocked


def export(ledger: Ledger, path: Path, form: ExportFormat = "jsonl", **wanted: str) -> Path:
    ledger.export_audit(path, form, filters=Filters(**wanted))
    return path


def rehashed(line: str, **changes: Any) -> str:
    """Give an event's line with other content, and the hash made anew."""
    event = {**json.loads(line), **changes}
    seq = event.pop("seq", None)
    event.pop("hash")
    event["hash"] = hashlib.sha256(canonical_json(event).encode()).hexdigest()
    text = canonical_json(event)
    return text if seq is None else f'{{"seq":{seq},{text[1:]}'


def number_of(line: str) -> int | None:
    number = json.loads(line).get("number")
    return number if isinstance(number, int) else None


def at(lines: Lines, number: int) -> int:
    return next(index for index, line in enumerate(lines) if number_of(line) == number)


def tampered(path: Path, change: Callable[[Lines], None]) -> Path:
    lines = path.read_text(encoding="utf-8").splitlines()
    change(lines)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("form", FORMS)
def test_an_export_as_it_was_written_is_right(full: Ledger, tmp_path: Path, form: ExportFormat) -> None:
    found = verify_export(export(full, tmp_path / "audit", form), key=full.proof.public_key)

    assert (found.flaw, found.station, found.public_key) == (None, full.station, full.proof.public_key)
    assert found.events == len(list(full.audit_events()))


def change_field(lines: Lines) -> None:
    lines[at(lines, 5)] = lines[at(lines, 5)].replace('"operator":"Li"', '"operator":"Wu"')


def change_and_rehash(lines: Lines) -> None:
    lines[at(lines, 5)] = rehashed(lines[at(lines, 5)], operator="Wu")


def change_and_rehash_all_after(lines: Lines) -> None:
    prev, operator = None, {"operator": "Wu"}
    for number in range(12, 17):
        index = at(lines, number)
        lines[index] = rehashed(lines[index], **operator, **({"prev": prev} if prev else {}))
        prev, operator = json.loads(lines[index])["hash"], {}


def remove_one(lines: Lines) -> None:
    del lines[at(lines, 7)]


def remove_the_first(lines: Lines) -> None:
    del lines[at(lines, 1)]


def insert_one(lines: Lines) -> None:
    before = json.loads(lines[at(lines, 6)])
    lines.insert(at(lines, 7), rehashed(lines[at(lines, 7)], prev=before["hash"], operator="Wu"))


def insert_nonsense(lines: Lines) -> None:
    lines.insert(at(lines, 7), lines[at(lines, 7)].replace("Li", "Wu"))


def repeat_one(lines: Lines) -> None:
    lines.insert(at(lines, 9), lines[at(lines, 4)])


def swap_neighbours(lines: Lines) -> None:
    first, second = at(lines, 6), at(lines, 7)
    lines[first], lines[second] = lines[second], lines[first]


def swap_afar(lines: Lines) -> None:
    first, second = at(lines, 4), at(lines, 8)
    lines[first], lines[second] = lines[second], lines[first]


def cut_tail(lines: Lines) -> None:
    del lines[at(lines, 12) :]


def cut_tail_but_keep_the_end(lines: Lines) -> None:
    del lines[at(lines, 14) : -1]


def cut_in_a_line(lines: Lines) -> None:
    del lines[at(lines, 15) :]
    lines.append('{"at":"2026')


def change_the_filter_of_both(lines: Lines) -> None:
    lines[0] = lines[0].replace('"filter":{}', '"filter":{"batch":"batch"}')
    lines[-1] = lines[-1].replace('"filter":{}', '"filter":{"batch":"batch"}')


def add_hidden_words(lines: Lines) -> None:
    lines[at(lines, 5)] = lines[at(lines, 5)].replace('"kind":', '"kind":"void","kind":')


@pytest.mark.parametrize(
    ("change", "flaw", "number"),
    [
        (change_field, Flaw.CHANGED, 5),
        (add_hidden_words, Flaw.CHANGED, 5),
        (change_and_rehash, Flaw.CHANGED, 5),
        (change_and_rehash_all_after, Flaw.CHANGED, 10),
        (remove_one, Flaw.REMOVED, 7),
        (remove_the_first, Flaw.REMOVED, 1),
        (insert_one, Flaw.INSERTED, 7),
        (insert_nonsense, Flaw.INSERTED, 7),
        (repeat_one, Flaw.INSERTED, 4),
        (swap_neighbours, Flaw.SWAPPED, 7),
        (swap_afar, Flaw.SWAPPED, 8),
        (cut_tail, Flaw.CUT, 12),
        (cut_tail_but_keep_the_end, Flaw.CUT, 14),
        (cut_in_a_line, Flaw.CUT, 15),
    ],
)
def test_what_was_done_first_is_named(
    full: Ledger, tmp_path: Path, change: Callable[[Lines], None], flaw: Flaw, number: int
) -> None:
    found = verify_export(tampered(export(full, tmp_path / "audit"), change))

    assert (found.flaw, found.number) == (flaw, number), found.message


def test_a_changed_statement_is_named(full: Ledger, tmp_path: Path) -> None:
    found = verify_export(tampered(export(full, tmp_path / "audit"), change_the_filter_of_both))

    assert found.flaw is not None


def test_a_rewritten_log_needs_the_stations_key(full: Ledger, tmp_path: Path) -> None:
    """The whole of another station's log passes by its own key, but not by ours."""
    with Ledger.open(tmp_path / "other") as other:
        path = export(other, tmp_path / "audit")

    assert verify_export(path).flaw is None
    found = verify_export(path, key=full.proof.public_key)
    assert (found.flaw, found.events) == (Flaw.OTHER_KEY, 0)


@pytest.mark.parametrize("record", ["signed_head", "export_trailer"])
def test_a_head_under_another_key_is_named(full: Ledger, tmp_path: Path, record: str) -> None:
    with Ledger.open(tmp_path / "other") as other:
        foreign = str(other.proof.public_key)

    def change(lines: Lines) -> None:
        index = next(index for index, line in enumerate(lines) if f'"record":"{record}"' in line)
        lines[index] = lines[index].replace(str(full.proof.public_key), foreign)

    assert verify_export(tampered(export(full, tmp_path / "audit"), change)).flaw is Flaw.OTHER_KEY


def restored(data: Path, backup: Path) -> Ledger:
    """Put a backup in the ledger's place and go on with it."""
    for name in ("ledger.sqlite3-wal", "ledger.sqlite3-shm"):
        (data / name).unlink(missing_ok=True)
    shutil.copyfile(backup, data / "ledger.sqlite3")
    ledger = Ledger.open(data, despite_gap=True)
    ledger.accept_gap(reason="disk failed", operator="Wang")
    return ledger


def test_two_histories_in_one_file_are_a_fork(full: Ledger, data: Path, tmp_path: Path) -> None:
    full.back_up(tmp_path / "backup")
    common = len(list(full.audit_events()))
    walk(full, 3)
    before = export(full, tmp_path / "before").read_text(encoding="utf-8").splitlines()
    full.close()
    with restored(data, tmp_path / "backup") as ledger:
        walk(ledger, 4)
        after = export(ledger, tmp_path / "after")
        assert verify_export(after).gaps

        against = verify_export(after, against=tmp_path / "before")
        assert against.flaw is Flaw.FORK

    lines = after.read_text(encoding="utf-8").splitlines()
    other = [line for line in before if (number_of(line) or 0) >= common or '"record":"signed_head"' in line]
    first = next(index for index, line in enumerate(lines) if (number_of(line) or 0) == common)
    mixed = [*lines[:first], *other[-9:], *lines[first:]]
    (tmp_path / "mixed").write_text("".join(line + "\n" for line in mixed), encoding="utf-8")
    found = verify_export(tmp_path / "mixed")
    assert found.flaw is not None


def test_an_export_that_ends_before_an_earlier_one_is_told(full: Ledger, tmp_path: Path) -> None:
    early = export(full, tmp_path / "early")
    walk(full, 3)
    late = export(full, tmp_path / "late")

    assert verify_export(late, against=early).flaw is None
    found = verify_export(early, against=late)
    assert (found.flaw, found.number) == (Flaw.FORK, 17)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "wanted",
    [{"mac": mac_of(1)}, {"device_name": "plug-00002"}, {"batch": "batch"}, {"operator": "Li"}, {"since": "2020"}],
)
def test_a_filtered_export_proves_what_it_holds(
    full: Ledger, tmp_path: Path, form: ExportFormat, wanted: dict[str, str]
) -> None:
    found = verify_export(export(full, tmp_path / "audit", form, **wanted))

    assert (found.flaw, dict(found.filter)) == (None, wanted)
    assert 0 < found.events <= 16


@pytest.mark.parametrize(
    ("change", "flaw", "number"),
    [
        (change_field, Flaw.CHANGED, 5),
        (remove_one, Flaw.REMOVED, None),
        (insert_nonsense, Flaw.INSERTED, 7),
        (repeat_one, Flaw.INSERTED, 4),
        (swap_neighbours, Flaw.SWAPPED, 7),
        (cut_tail_but_keep_the_end, Flaw.CUT, 14),
        (cut_tail, Flaw.CUT, 12),
    ],
)
def test_what_was_done_to_a_filtered_export_is_named(
    full: Ledger, tmp_path: Path, change: Callable[[Lines], None], flaw: Flaw, number: int | None
) -> None:
    found = verify_export(tampered(export(full, tmp_path / "audit", operator="Li"), change))

    assert (found.flaw, found.number) == (flaw, number), found.message


def test_a_rehashed_event_of_a_filtered_export_is_noticed(full: Ledger, tmp_path: Path) -> None:
    def change(lines: Lines) -> None:
        last = at(lines, 16)
        lines[last] = rehashed(lines[last], lane=9)

    found = verify_export(tampered(export(full, tmp_path / "audit", operator="Li"), change))
    assert found.flaw is Flaw.CHANGED


def test_a_changed_cell_of_the_table_is_named(full: Ledger, tmp_path: Path) -> None:
    path = export(full, tmp_path / "audit.csv", "csv")
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    index = next(index for index, row in enumerate(rows) if row[0] == "6")
    rows[index][4] = "Wu"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)

    found = verify_export(path)
    assert (found.flaw, found.number) == (Flaw.CHANGED, 6)


def test_cells_made_harmless_still_give_their_hash(stocked: Ledger, tmp_path: Path) -> None:
    for operator in ("=1", "'=1", "''", "+", "-", "@x", "\t", "你好"):
        stocked.record_note(None, "note", {"n": 1.5e300}, operator=operator)

    assert verify_export(export(stocked, tmp_path / "audit.csv", "csv")).flaw is None


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"{}\n", b"\xef\xbb\xbfa,b\n", b'{"record":"export_header"}\n', b"{\xff"]
)
def test_a_file_that_is_no_export_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)

    with pytest.raises(UsageError):
        verify_export(tmp_path / "file")


def test_heads_are_signed_with_the_transaction_that_passes_a_thousand(stocked: Ledger, tmp_path: Path) -> None:
    for _ in range(4):
        with stocked._changing() as change:
            for number in range(5000):
                change.trail.append("note", data={"n": number})
    path = export(stocked, tmp_path / "audit")

    found = verify_export(path)
    heads = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if '"signed_head"' in line]
    assert (found.flaw, found.events) == (None, 20_002)
    assert [head["reason"] for head in heads] == ["events"] * 4


def test_the_end_of_a_batch_is_signed(stocked: Ledger) -> None:
    from station.ledger.heads import stored_heads  # noqa: PLC0415  read here only
    from station.verdict import Verdict  # noqa: PLC0415  as above

    for unit in range(10):
        run = begin(stocked, unit)
        stocked.allocate(run)
        stocked.begin_installing(run)
        stocked.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")
    with stocked._database.reading() as connection:
        heads = list(stored_heads(connection, stocked.station))

    assert [head.reason for head in heads] == ["batch_end"]
    assert heads[0].is_genuine()
    assert not dataclasses.replace(heads[0], number=1).is_genuine()
