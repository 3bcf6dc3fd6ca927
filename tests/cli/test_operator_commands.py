"""`station operator` as a person and a program meet it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from station.ledger import Ledger
from tests.cli.at_terminal import OTHER_PIN, PIN, Person, hash_cheaply, kinds, pin_file
from tests.cli.calling import Station, station_in


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    hash_cheaply(monkeypatch)
    monkeypatch.setattr("getpass.getuser", lambda: "line-pc")
    return tmp_path / "data"


@pytest.fixture
def station(data: Path) -> Station:
    return station_in(data)


@pytest.fixture
def led(station: Station, tmp_path: Path) -> Station:
    """The command line of a station with the line lead Wang."""
    assert station("operator", "add", "Wang", "--lead", "--pin-file", pin_file(tmp_path)).code == 0
    return station


def test_before_there_is_a_line_lead_anybody_may_add_and_the_record_says_so(station: Station, data: Path) -> None:
    done = station("operator", "add", "Li Wei", "--badge", "B-17")

    assert done.code == 0
    assert "station operator add NAME --lead" in done.out
    with Ledger.open(data) as ledger:
        open_action, added = list(ledger.audit_events())[-2:]
    assert (open_action.kind, open_action.operator) == ("without_line_lead", "line-pc")
    assert (added.kind, added.operator, added.data["line_lead"]) == ("operator_added", "line-pc", False)


def test_the_first_line_lead_is_made_at_the_terminal(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    person = Person(monkeypatch, PIN, PIN)
    done = station("operator", "add", "Wang", "--lead", "--json")

    assert person.asked == ["New PIN of Wang", "The same PIN again"]
    given = json.loads(done.out)
    assert (given["name"], given["role"], given["active"], given["badge"]) == ("Wang", "line_lead", True, None)


def test_a_list_shows_who_works_here(led: Station, tmp_path: Path) -> None:
    who = ("--operator", "Wang", "--pin-file", str(tmp_path / "pin"))
    led("operator", "add", "Li", "--badge", "B-17", *who)
    led("operator", "add", "Chen", *who)
    led("operator", "remove", "Chen", *who)

    shown = led("operator", "list").out
    assert all(word in shown for word in ("Li", "B-17", "technician", "Wang", "line lead"))
    assert "Chen" not in shown
    assert "Chen" in led("operator", "list", "--all").out
    given = json.loads(led("operator", "list", "--all", "--json").out)
    assert [(one["name"], one["active"]) for one in given] == [("Chen", False), ("Li", True), ("Wang", True)]


def test_an_empty_list_says_whose_name_is_recorded(station: Station) -> None:
    assert "user of this PC" in station("operator", "list").out
    assert json.loads(station("operator", "list", "--json").out) == []


def test_once_there_is_a_line_lead_nobody_else_manages_operators(led: Station, tmp_path: Path, data: Path) -> None:
    who = ("--operator", "Wang", "--pin-file", str(tmp_path / "pin"))
    assert led("operator", "add", "Li", *who).code == 0
    wrong = pin_file(tmp_path, OTHER_PIN, "wrong")
    for arguments, code in (
        (("add", "Chen"), "I10"),
        (("add", "Chen", "--operator", "Wang"), "I10"),
        (("add", "Chen", "--operator", "Wang", "--pin-file", wrong), "I40"),
        (("add", "Chen", "--operator", "Li", "--pin-file", str(tmp_path / "pin")), "I42"),
        (("add", "Chen", "--operator", "Nobody", "--pin-file", str(tmp_path / "pin")), "I10"),
        (("remove", "Li"), "I10"),
        (("badge", "Li", "--badge", "1"), "I10"),
        (("pin", "Wang"), "I10"),
    ):
        done = led("operator", *arguments, "--json")
        assert (done.code, json.loads(done.out)["code"]) == (2, code), arguments
    with Ledger.open(data) as ledger:
        assert [one.name for one in ledger.operators.all()] == ["Li", "Wang"]


def test_five_wrong_pins_lock(led: Station, tmp_path: Path, data: Path) -> None:
    wrong = pin_file(tmp_path, OTHER_PIN, "wrong")
    codes = [
        json.loads(led("operator", "remove", "Wang", "--operator", "Wang", "--pin-file", file, "--json").out)["code"]
        for file in [*[wrong] * 5, str(tmp_path / "pin")]
    ]
    assert codes == ["I40", "I40", "I40", "I40", "I41", "I41"]
    assert kinds(data).count("pin_wrong") == 5


def test_the_last_line_lead_cannot_be_removed(led: Station, tmp_path: Path) -> None:
    done = led("operator", "remove", "Wang", "--operator", "Wang", "--pin-file", str(tmp_path / "pin"))
    assert done.code == 2
    assert "last line lead" in done.err


def test_a_line_lead_changes_the_own_pin_by_the_old_one(
    led: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(monkeypatch, PIN, OTHER_PIN, OTHER_PIN)
    assert led("operator", "pin", "Wang").code == 0
    assert person.asked == ["PIN of Wang", "New PIN of Wang", "The same PIN again"]
    person = Person(monkeypatch, "Wang", OTHER_PIN)
    assert led("operator", "add", "Li").code == 0
    assert person.has_answered_all


def test_another_line_lead_gives_a_new_pin(led: Station, tmp_path: Path) -> None:
    who = ("--operator", "Wang", "--pin-file", str(tmp_path / "pin"))
    new = pin_file(tmp_path, OTHER_PIN, "new")
    assert led("operator", "add", "Zhao", "--lead", "--new-pin-file", new, *who).code == 0
    newer = pin_file(tmp_path, "kran-74", "newer")
    assert led("operator", "pin", "Zhao", "--new-pin-file", newer, *who).code == 0
    assert led("operator", "remove", "Wang", "--operator", "Zhao", "--pin-file", newer).code == 0
    assert led("operator", "pin", "Wang").code == 2


def test_a_badge_is_scanned_given_or_taken_away(led: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    who = ("--operator", "Wang", "--pin-file", str(tmp_path / "pin"))
    assert "no badge" in led("operator", "badge", "Wang", "--none", *who).out
    assert led("operator", "badge", "Wang", *who).code == 2
    assert led("operator", "badge", "Wang", "--none", "--badge", "1", *who).code == 2
    person = Person(monkeypatch, "770011")
    assert "770011" in led("operator", "badge", "Wang", *who).out
    assert person.asked == ["Scan the badge of Wang"]
    assert led("operator", "add", "Li", "--operator", "770011", "--pin-file", str(tmp_path / "pin")).code == 0


def test_a_bad_pin_file_is_told_without_what_it_holds(led: Station, tmp_path: Path) -> None:
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.touch(0o600)
    binary.write_bytes(b"\xff\xfe804217")
    binary.chmod(0o600)
    files = [empty, binary, tmp_path / "missing", tmp_path]
    if os.name == "posix":
        files += [Path("/dev/zero"), Path(pin_file(tmp_path, PIN, "open", 0o644))]
    for file in files:
        done = led("operator", "add", "Li", "--operator", "Wang", "--pin-file", str(file))
        assert done.code == 2
        assert done.err.startswith("station: I10: ")
        assert PIN not in done.err


def test_no_pin_is_told_anywhere(led: Station, tmp_path: Path, data: Path) -> None:
    wrong = pin_file(tmp_path, OTHER_PIN, "wrong")
    weak = pin_file(tmp_path, "123456", "weak")
    who = ("--operator", "Wang", "--pin-file")
    told = [
        led("operator", "add", "Zhao", "--lead", "--new-pin-file", weak, *who, str(tmp_path / "pin")),
        led("operator", "add", "Li", *who, wrong),
        led("operator", "list", "--all", "--json"),
        led("audit", "export", "--out", str(tmp_path / "audit.jsonl")),
    ]
    files = [file.read_bytes() for file in data.rglob("*") if file.is_file()] + [
        (tmp_path / "audit.jsonl").read_bytes()
    ]
    for pin in (PIN, OTHER_PIN):
        assert all(pin not in done.out + done.err for done in told)
        assert all(pin.encode() not in content for content in files)
    assert "123456" not in told[0].err


def test_without_terminal_and_file_one_clear_error(station: Station) -> None:
    done = station("operator", "add", "Wang", "--lead")
    assert done.code == 2
    assert "--pin-file FILE" in done.err
