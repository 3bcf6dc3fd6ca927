"""`station run`: what is told before the screen, and what is opened behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.cli import run_screen
from station.cli.behind import Behind
from station.cli.context import Session
from station.cli.shift_desk import ShiftDesk
from station.ledger import Ledger
from station.ledger.opening import ID_FILE
from tests.cli.at_terminal import Person, hash_cheaply
from tests.cli.calling import Station, add_settings, station_in
from tests.ledger.people import add_lead

RUN = ("run", "plug.yaml", "--port", "loop://")


class Screen:
    """Stands for the screen: comes, opens what is behind it, and goes. `told` is what happened, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[str] = []
        self.signs_in = False
        monkeypatch.setattr(run_screen, "has_screen", lambda: True)
        monkeypatch.setattr(run_screen, "show_screen", self._show)
        opened = Ledger.open

        def open_ledger(*arguments: object, **options: object) -> Ledger:
            self.told.append("ledger")
            return opened(*arguments, **options)  # type: ignore[arg-type]  # as they came

        monkeypatch.setattr(Ledger, "open", open_ledger)

    def _show(self, _session: Session, behind: Behind[ShiftDesk], *, signs_in: bool) -> None:
        self.told.append("screen")
        if not behind.is_begun and behind.open() and signs_in:
            behind.value().sign_in("Wang")
            self.signs_in = True


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A station whose line lead is Wang."""
    hash_cheaply(monkeypatch)
    with Ledger.open(tmp_path / "data") as ledger:
        add_lead(ledger, "Wang")
    return tmp_path / "data"


@pytest.fixture
def station(data: Path) -> Station:
    return station_in(data)


@pytest.fixture
def screen(data: Path, monkeypatch: pytest.MonkeyPatch) -> Screen:
    del data
    return Screen(monkeypatch)


def test_the_screen_is_there_before_the_ledger_and_signs_in_with_it(station: Station, screen: Screen) -> None:
    done = station(*RUN)

    assert (done.code, done.err) == (0, "")
    assert screen.told == ["screen", "ledger"]
    assert screen.signs_in


def test_a_fault_behind_the_screen_is_told_after_it(station: Station, screen: Screen, data: Path) -> None:
    (data / "ledger.key").unlink()
    done = station(*RUN)

    assert screen.told == ["screen", "ledger"]
    assert done.code == 3
    assert done.err.startswith("station: E23: ")


@pytest.mark.parametrize(
    "wish", [("--operator", "Zed"), ("--replace-foreign", "--reason", "mixed up", "--lead", "Zed")]
)
def test_a_name_that_nobody_has_is_told_before_there_is_a_screen(
    station: Station, screen: Screen, wish: tuple[str, ...]
) -> None:
    done = station(*RUN, *wish)

    assert screen.told == ["ledger"]
    assert done.code == 2
    assert "Zed" in done.err


def test_a_port_for_two_lanes_and_wrong_settings_are_told_before_anything_is_opened(
    station: Station, screen: Screen, data: Path
) -> None:
    twice = station(*RUN, "--port", "loop://")
    add_settings(data, "screen: {colours: pink}")
    wrong = station(*RUN)

    assert screen.told == []
    assert (twice.code, wrong.code) == (2, 2)
    assert "two lanes" in twice.err
    assert "pink" in wrong.err


def test_the_first_line_lead_is_asked_for_before_the_screen(
    tmp_path: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(monkeypatch, "")
    done = station_in(tmp_path / "new")(*RUN)

    assert done.code == 0
    assert person.has_answered_all
    assert screen.told == ["ledger", "screen"]


def test_a_lost_ledger_is_told_before_there_is_a_screen(tmp_path: Path, screen: Screen) -> None:
    lost = tmp_path / "lost"
    lost.mkdir()
    (lost / ID_FILE).write_text("0\n")
    done = station_in(lost)(*RUN)

    assert screen.told == ["ledger"]
    assert done.code == 3
