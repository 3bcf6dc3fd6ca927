"""`station demo` where the platform's official client is not installed; with it, see tests/end_to_end/test_first_unit.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from station.certificate import CertificateState
from station.cli.lesson_names import LessonName
from station.ledger import Ledger
from tests.cli.calling import station_in


def test_without_the_client_certificates_come_as_csv_and_units_are_believed_by_their_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        sys.modules, "alibabacloud_iot20180120", None
    )  # as if not installed: neither found nor imported
    done = station_in(tmp_path)("demo", "--auto", "--lanes", "1", "--units", "1")
    assert done.code == 0, done.out + done.err
    first, *lines = done.out.splitlines()
    assert "pip install '.[platform]'" in first
    assert any("PASS" in line for line in lines)
    assert any("online" in line for line in lines)
    with Ledger.open(tmp_path / "training") as ledger:
        (batch,) = ledger.batches()
        assert batch.counts[CertificateState.INSTALLED] == 1
        assert batch.counts[CertificateState.ACTIVATED] == 0
    assert not list(tmp_path.rglob("training-*.csv"))


@pytest.mark.parametrize("lesson", list(LessonName))
def test_a_lesson_is_asked_for_by_the_name_that_the_readme_says(tmp_path: Path, lesson: LessonName) -> None:
    refused = station_in(tmp_path)("demo", "--auto", "--lesson", lesson.value)

    assert "a lesson is given on the screen" in refused.err
    assert f"| `{lesson.value}` |" in (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_units_whose_profile_wants_labels_have_one_each_and_keep_it(tmp_path: Path) -> None:
    done = station_in(tmp_path)("demo", "--auto", "--lanes", "2", "--units", "2", "--profile", "labelled", "--json")

    assert done.code == 0, done.out + done.err
    events = [json.loads(line) for line in done.out.splitlines()]
    numbers = {event["serial_number"] for event in events if event["event"] == "verdict"}
    assert len(numbers) == 2
    shown = station_in(tmp_path / "training")("unit", "show", min(numbers), "--json")
    assert json.loads(shown.out)["serial_numbers"][0]["fields"] == {"hardware": "R02"}
    labels = (tmp_path / "training" / "labels.zpl").read_text(encoding="utf-8")
    assert labels.count("^XZ") == 2
    assert all(number in labels for number in numbers)
