"""The demo's batch looks as the console's download does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from station.virtual.sample_batch import write_sample_batch


def test_the_file_has_the_consoles_format(tmp_path: Path) -> None:
    write_sample_batch(tmp_path / "batch.csv", "a1B2c3D4e5F", 3)
    data = (tmp_path / "batch.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfDeviceName,DeviceSecret,ProductKey\r\n")
    rows = data.decode("utf-8-sig").removesuffix("\r\n").split("\r\n")[1:]
    assert len(rows) == 3
    assert all(re.fullmatch(r"training-[0-9a-f]{4}-0000[123],[0-9a-f]{32},a1B2c3D4e5F", row) for row in rows)


def test_no_two_certificates_are_the_same(tmp_path: Path) -> None:
    write_sample_batch(tmp_path / "first.csv", "a1B2", 50)
    write_sample_batch(tmp_path / "second.csv", "a1B2", 50, prefix="other")
    rows = [
        row.split(",")
        for name in ("first", "second")
        for row in (tmp_path / f"{name}.csv").read_text("utf-8-sig").splitlines()[1:]
    ]
    assert len({name for name, _, _ in rows}) == len({secret for _, secret, _ in rows}) == 100


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    write_sample_batch(tmp_path / "batch.csv", "a1B2", 1)
    with pytest.raises(FileExistsError):
        write_sample_batch(tmp_path / "batch.csv", "a1B2", 1)


@pytest.mark.skipif(sys.platform == "win32", reason="the rights of a file are POSIX's")
def test_a_sample_batch_is_for_its_owner_only(tmp_path: Path) -> None:
    write_sample_batch(tmp_path / "batch.csv", "a1B2", 1)
    assert (tmp_path / "batch.csv").stat().st_mode & 0o077 == 0
