"""The console's CSV: what is read, and what is refused with its lines and causes."""

from __future__ import annotations

import os
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.certificate import device_name_fault
from station.errors import BatchError
from station.ledger import Ledger, console_csv
from station.ledger.console_csv import CsvRow, check_csv, read_certificates
from station.ledger.csv_bytes import survey
from station.ledger.secret_box import SecretBox
from tests.ledger.making import HEADER, PRODUCT, STAMP, name, row, secret, write_lines

BOX = SecretBox(bytes(32))


def read(path: Path) -> list[CsvRow]:
    return list(read_certificates(check_csv(survey(path, BOX.digest())), BOX))


def refused(path: Path) -> tuple[str, list[int | None]]:
    """Give the whole text of the refusal and the lines it names."""
    with pytest.raises(BatchError) as caught:
        read(path)
    text = str(caught.value)
    assert STAMP not in text, "a secret is echoed"
    assert caught.value.code == "I30"
    assert caught.value.place == str(path)
    assert caught.value.mend
    assert all(fault.cause and fault.mend for fault in caught.value.faults)
    return text, [fault.line for fault in caught.value.faults]


def refused_text(tmp_path: Path, *lines: str, end: str = "\n") -> tuple[str, list[int | None]]:
    return refused(write_lines(tmp_path / "bad.csv", lines, end=end))


# What is read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_line_ends_of_the_console_are_read(tmp_path: Path, encoding: str, end: str) -> None:
    lines = [f"{HEADER},备注", f"{row(1)},客厅插座", f"{row(2)},厨房"]

    rows = read(write_lines(tmp_path / "good.csv", lines, encoding, end))

    assert [r.device_name for r in rows] == [name(1), name(2)]
    assert [r.device_secret for r in rows] == [secret(1), secret(2)]
    assert [r.extras for r in rows] == [{"备注": "客厅插座"}, {"备注": "厨房"}]
    assert [r.line for r in rows] == [2, 3]


def test_columns_are_found_by_name_in_any_order_and_spelling(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "esp-mdf.csv",
        ["Productkey,DEVICENAME,mac, devicesecret ", f"{PRODUCT},{name(1)},24:0a:c4:00:00:01,{secret(1)}"],
    )

    (only,) = read(path)

    assert (only.device_name, only.device_secret, only.extras) == (name(1), secret(1), {"mac": "24:0a:c4:00:00:01"})


def test_quoted_fields_may_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "quoted.csv",
        [
            '"DeviceName","DeviceSecret","ProductKey","Note"',
            f'"{name(1)}","{secret(1)}","{PRODUCT}","a, ""b""',
            'c"',
            f'{row(2)},""',
        ],
    )

    rows = read(path)

    assert [r.extras for r in rows] == [{"Note": 'a, "b"\nc'}, {"Note": ""}]
    assert [r.line for r in rows] == [2, 4]


def test_a_column_of_another_secret_is_kept_as_a_secret(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "four.csv", [f"{HEADER},ProductSecret", f"{row(1)},{STAMP}product"])

    (only,) = read(path)

    assert only.other_secrets == {"ProductSecret": f"{STAMP}product"}
    assert not only.extras
    assert STAMP not in repr(only)


def test_empty_lines_and_empty_cells_at_the_end_do_not_matter(tmp_path: Path) -> None:
    rows = read(write_lines(tmp_path / "sheet.csv", ["", HEADER, "", f"{row(1)},,", row(2), "", ""]))

    assert [(r.line, r.device_name) for r in rows] == [(4, name(1)), (5, name(2))]


def test_a_last_line_without_line_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "noend.csv"
    path.write_text(f"{HEADER}\n{row(1)}\n{row(2)}", encoding="utf-8")

    assert len(read(path)) == 2


# What is refused: the file as a whole


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"):
        (tmp_path / "empty.csv").write_bytes(content)
        assert "is empty" in refused(tmp_path / "empty.csv")[0]


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    assert "no certificates" in refused_text(tmp_path, HEADER)[0]


def test_a_spreadsheet_renamed_to_csv_is_told_how_to_save(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "sheet.csv", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")

    text, _ = refused(tmp_path / "sheet.csv")

    assert ".xlsx" in text
    assert "CSV UTF-8" in text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_by_name(tmp_path: Path, encoding: str) -> None:
    assert "UTF-16" in refused(write_lines(tmp_path / "wide.csv", [HEADER, row(1)], encoding))[0]


def test_nul_bytes_are_refused_with_their_line(tmp_path: Path) -> None:
    text, lines = refused_text(tmp_path, HEADER, row(1), row(2) + "\0")

    assert "NUL" in text
    assert lines == [3]


def test_text_in_no_known_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(f"{HEADER},Note\n{row(1)},".encode() + b"caf\xe9\n")

    text, lines = refused(tmp_path / "latin.csv")

    assert "neither UTF-8 nor GB18030" in text
    assert lines == [2]


@pytest.mark.parametrize(
    ("separator", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars"), ("，", "full-width commas")]
)
def test_another_separator_is_named(tmp_path: Path, separator: str, word: str) -> None:
    lines = [line.replace(",", separator) for line in (HEADER, row(1))]

    assert word in refused_text(tmp_path, *lines)[0]


def test_line_ends_of_an_old_kind_are_named(tmp_path: Path) -> None:
    assert "CR alone" in refused_text(tmp_path, HEADER, *(row(n) for n in range(3)), end="\r")[0]
    assert "CR alone" in refused_text(tmp_path, HEADER, *(row(n) for n in range(3000)), end="\r")[0]


def test_a_missing_header_is_told_and_its_data_not_echoed(tmp_path: Path) -> None:
    text, lines = refused_text(tmp_path, row(1), row(2))

    assert "header is missing" in text
    assert lines == [1]


def test_a_missing_column_is_named_and_one_that_looks_like_it(tmp_path: Path) -> None:
    text, _ = refused_text(tmp_path, "DeviceName,Device Secret No,ProductKey", row(1))
    assert "column DeviceSecret is missing" in text
    text, _ = refused_text(tmp_path, "DeviceName,Device Secrets,ProductKey", row(1))
    assert "column 2 looks like it" in text


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    assert "DeviceSecret twice" in refused_text(tmp_path, f"{HEADER},DeviceSecret", f"{row(1)},{secret(1)}")[0]


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "missing.csv")[0]
    assert "is a folder" in refused(tmp_path)[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")

    assert "not a regular file" in refused(tmp_path / "pipe.csv")[0]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_the_right_to_read_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "closed.csv", [HEADER, row(1)])
    path.chmod(0)

    assert "cannot be read" in refused(path)[0]


def test_a_huge_file_without_line_ends_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "endless.csv"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(b"a" * (1 << 20))
    tracemalloc.start()
    try:
        text, _ = refused(path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert "64 KiB" in text
    assert peak_bytes < 8 << 20


def test_a_file_beyond_any_list_of_the_console_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(10 << 30)

    assert "more than 2 GB" in refused(path)[0]


def test_more_rows_than_a_product_can_have_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_csv, "ROWS_MAX", 100)

    assert "more than 100 rows" in refused_text(tmp_path, HEADER, *(row(n) for n in range(200)))[0]


def test_reading_stops_when_everything_is_wrong(tmp_path: Path) -> None:
    text, lines = refused_text(tmp_path, HEADER, *(["x"] * 5000))

    assert lines == list(range(2, 22))
    assert "more than 20" in text


def test_one_oversized_line_is_named(tmp_path: Path) -> None:
    text, lines = refused_text(tmp_path, HEADER, row(1), f"{row(2)},{'x' * 70_000}", row(3))

    assert "64 KiB" in text
    assert lines == [3]


def test_a_file_that_changes_between_the_two_readings_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "moving.csv", [HEADER, row(1)])
    checked = check_csv(survey(path, BOX.digest()))
    write_lines(path, [HEADER, row(2)])

    with pytest.raises(BatchError, match="changed while"):
        list(read_certificates(checked, BOX))


# What is refused: single lines


def test_every_bad_line_is_named_at_once(tmp_path: Path) -> None:
    text, lines = refused_text(
        tmp_path,
        HEADER,
        row(1),
        f"abc,{secret(2)},{PRODUCT}",
        f"{name(3)},,{PRODUCT}",
        row(4, "otherproduct"),
        f"{name(1)},{secret(5)},{PRODUCT}",
        f"{name(6)},{secret(1)},{PRODUCT}",
        f"{name(7)},{secret(7)}",
        row(8),
    )

    assert lines == [3, 4, 5, 6, 7, 8]
    for cause in (
        "'abc' has 3 characters",
        "DeviceSecret is empty",
        f"ProductKey otherproduct is not {PRODUCT} of line 2",
        f"'{name(1)}' stands on line 2 already",
        "DeviceSecret of line 2 stands here again",
        "has 2 columns, the header has 3",
    ):
        assert cause in text


def test_more_than_twenty_bad_lines_name_the_first_twenty(tmp_path: Path) -> None:
    text, lines = refused_text(tmp_path, HEADER, row(1), *(f"x,{secret(n)},{PRODUCT}" for n in range(2, 40)))

    assert lines == list(range(3, 23))
    assert "more than 20" in text


def test_duplicates_are_among_the_first_twenty_when_they_stand_there(tmp_path: Path) -> None:
    bad = (f"x,{secret(n)},{PRODUCT}" for n in range(2, 40))
    _, lines = refused_text(tmp_path, HEADER, row(1), row(1), *bad)

    assert lines[:2] == [3, 4]
    assert len(lines) == 20


@pytest.mark.parametrize(
    ("bad_name", "word"),
    [
        ("plug-\u0430bcd", "CYRILLIC SMALL LETTER A"),
        ("plug\u200b-abc", "ZERO WIDTH SPACE"),
        ("plug abc", "a space"),
        ("plug-abc ", "a space"),
        ("plug\x1b[2Jabc", "control"),
        ("ｐlug-abc", "FULLWIDTH"),
        ("plug/abc", "SOLIDUS"),
    ],
)
def test_a_character_that_the_platform_does_not_allow_is_pointed_at(tmp_path: Path, bad_name: str, word: str) -> None:
    text, lines = refused_text(tmp_path, HEADER, f"{bad_name},{secret(1)},{PRODUCT}")

    assert word in text
    assert text.isprintable() or set(text) - {"\n"} == {c for c in text if c.isprintable()}
    assert lines == [2]


@pytest.mark.parametrize("bad", ["5ec4e7\u0430", "5ec4e7 x", "5ec4e7\tx", "5ec4e7" * 11, ""])
def test_a_bad_secret_is_described_and_never_echoed(tmp_path: Path, bad: str) -> None:
    text, lines = refused_text(tmp_path, HEADER, f"{name(1)},{bad},{PRODUCT}")

    assert "DeviceSecret" in text
    assert lines == [2]


def test_a_secret_that_slipped_into_another_column_is_not_echoed(tmp_path: Path) -> None:
    refused_text(tmp_path, HEADER, f"{secret(1)} ,{name(1)},{PRODUCT}")
    refused_text(tmp_path, HEADER, f"{name(1)},{PRODUCT},{secret(1)}")


def test_a_header_in_the_middle_is_no_data(tmp_path: Path) -> None:
    text, lines = refused_text(tmp_path, HEADER, row(1), HEADER, row(2))

    assert "header stands here again" in text
    assert lines == [3]


@pytest.mark.parametrize(
    ("broken", "bad_line"),
    [
        (['"plug-00001,x', row(2), row(3)], 2),
        ([row(1), f'"{name(2)}"x,{secret(2)},{PRODUCT}', row(3)], 3),
        ([row(1), row(2), f'{name(3)},{secret(3)},"{PRODUCT}'], 4),
        ([row(1), f'"{name(2)}","{secret(2)},"{PRODUCT}"', f'"{name(3)}","{secret(3)}","{PRODUCT}"'], 3),
    ],
)
def test_broken_quoting_is_named_where_it_begins(tmp_path: Path, broken: list[str], bad_line: int) -> None:
    text, lines = refused_text(tmp_path, HEADER, *broken)

    assert "quotation mark" in text
    assert lines == [bad_line]


def test_a_quotation_mark_that_is_never_closed_does_not_swallow_the_file(tmp_path: Path) -> None:
    many = [row(n) for n in range(2, 3000)]
    _, lines = refused_text(tmp_path, HEADER, f'{name(1)},{secret(1)},"{PRODUCT}', *many, f"x,{secret(1)},{PRODUCT}")

    assert lines == [2, 3001]


@pytest.mark.parametrize("cut_bytes", [1, 5, 11, 12, 20, 43, 44, 47])
def test_a_file_cut_in_mid_row_is_refused(tmp_path: Path, cut_bytes: int) -> None:
    whole = "\n".join([HEADER, row(1), row(2), row(3)])
    path = tmp_path / "cut.csv"
    path.write_text(whole[:-cut_bytes], encoding="utf-8")

    text, lines = refused(path)

    assert "in the middle of this row" in text
    assert lines == [4]


@given(content=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_in_words(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(content)
    with suppress(BatchError):
        read(path)


@given(
    cells=st.lists(
        st.text(alphabet=st.sampled_from('aZ09-_@.:,;"\n\r\t \u0430\0'), max_size=12), min_size=3, max_size=9
    )
)
def test_any_rows_are_read_or_refused_in_words(cells: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz-rows.csv"
    path.write_text(HEADER + "\n" + "\n".join(",".join(cells[i : i + 3]) for i in range(0, len(cells), 3)), "utf-8")
    with suppress(BatchError):
        assert all(device_name_fault(one.device_name) is None for one in read(path))


def test_a_refused_file_leaves_nothing_in_the_ledger(ledger: Ledger, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "bad.csv", [HEADER, row(1), "x"])

    with pytest.raises(BatchError):
        ledger.import_batch(path)

    assert ledger.batches() == []
