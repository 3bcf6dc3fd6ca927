"""What is known of a ledger before it is opened: whether the screen may come up at once, and whether it asks who works here."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from station.ledger import Ledger
from station.ledger.first_look import FirstLook, look_first
from station.ledger.key_source import KeySource
from station.ledger.sqlite_reading import LEDGER_FILE
from tests.ledger.people import add_lead, with_cheap_pins

DECLINED = FirstLook(has_operators=False, wants_first_lead=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A station whose first line lead was put off."""
    with Ledger.open(tmp_path) as ledger:
        ledger.operators.decline_first_lead(by="Li")
    return tmp_path


def change(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data / LEDGER_FILE)) as connection, connection:
        connection.execute(statement)


def test_a_ledger_without_operators_lets_the_screen_ask_nobody(data: Path) -> None:
    assert look_first(data) == DECLINED


def test_with_operators_the_screen_asks_who_works_here_also_while_another_program_writes(data: Path) -> None:
    with Ledger.open(data) as ledger:
        with_cheap_pins(ledger)
        add_lead(ledger, "Wang")
        with ledger._database.writing():
            assert look_first(data) == FirstLook(has_operators=True, wants_first_lead=False)
        assert ledger.operators.active()


def test_who_was_removed_does_not_work_here(data: Path) -> None:
    with Ledger.open(data) as ledger:
        ledger.operators.add("Li", by="Li")
        ledger.operators.remove("Li", by="Li")
    assert look_first(data) == DECLINED


def test_before_a_first_start_it_has_to_be_opened_and_after_it_a_first_line_lead_is_wanted(tmp_path: Path) -> None:
    assert look_first(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    with Ledger.open(tmp_path) as ledger:
        assert ledger.operators.wants_first_lead()
    assert look_first(tmp_path) == FirstLook(has_operators=False, wants_first_lead=True)


def test_a_passphrase_is_asked_for_first(data: Path) -> None:
    with Ledger.open(data) as ledger:
        ledger.rekey(KeySource.PASSPHRASE, ask=lambda _question: "several words nobody expects", pause=lambda _s: None)
    assert look_first(data) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alembic_version SET version_num = '0001'",
        "UPDATE alembic_version SET version_num = '9999'",
        "INSERT INTO ledger_meta VALUES ('moved_to', 'db.factory')",
        "DROP TABLE alembic_version",
    ],
)
def test_what_has_to_be_updated_or_told_is_found_by_opening_it(data: Path, statement: str) -> None:
    change(data, statement)
    assert look_first(data) is None


def test_a_ledger_that_another_program_keeps_for_itself_is_found_by_opening_it(data: Path) -> None:
    with closing(sqlite3.connect(data / LEDGER_FILE)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE").close()
        connection.execute("BEGIN EXCLUSIVE").close()
        assert look_first(data) is None


def test_a_file_that_is_no_database_is_found_by_opening_it(data: Path) -> None:
    (data / LEDGER_FILE).write_bytes(b"no database" * 100)
    assert look_first(data) is None
