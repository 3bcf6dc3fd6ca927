"""What is printed reaches pipes of any encoding: a Chinese Windows gives them its code page."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

import pytest

from station.cli.main import main
from station.ledger import Ledger
from tests.batch_csv import write_batch_csv


def printed(monkeypatch: pytest.MonkeyPatch, encoding: str, *arguments: str) -> bytes:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "argv", ["station", *arguments])
    with contextlib.redirect_stdout(io.TextIOWrapper(raw, encoding=encoding)), pytest.raises(SystemExit):
        main()
    return raw.getvalue()


@pytest.mark.parametrize("encoding", ["cp936", "cp1252", "utf-8"])
def test_marks_and_names_harm_no_pipe_and_json_is_whole_in_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    write_batch_csv(tmp_path / "灯✔.csv", "a1Plug", 1)
    with Ledger.open(tmp_path / "data") as ledger:
        ledger.import_batch(tmp_path / "灯✔.csv")
    data = ("--data", str(tmp_path / "data"))
    name = "灯✔".encode(encoding, "replace")
    assert name in printed(monkeypatch, encoding, "batch", "list", *data)

    told = printed(monkeypatch, encoding, "batch", "list", "--json", *data)
    assert told.isascii() or encoding == "utf-8"
    assert json.loads(told)[0]["name"] == "灯✔"
