"""The schema's history leads to the schema that the code uses."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from station.ledger import Ledger, migrating, schema
from station.ledger.revisions import HEAD, KNOWN
from station.ledger.schema import METADATA


def plain(sql: str) -> set[str]:
    """Give a table's columns and constraints as a set, whatever their order and layout."""
    body = sql[sql.index("(") + 1 : sql.rindex(")")]
    parts, depth, current = [], 0, ""
    for character in body:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return {re.sub(r"\s+", " ", part.replace('"', "")).strip() for part in [*parts, current]}


def test_migrations_end_at_the_schema(ledger: Ledger) -> None:
    with ledger._database.reading() as connection:
        stored = {
            name: sql
            for name, sql in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
            if name != "alembic_version"
        }
        dialect = connection.dialect
        wanted = {table.name: str(CreateTable(table).compile(dialect=dialect)) for table in METADATA.sorted_tables}

    assert {name: plain(sql) for name, sql in stored.items()} == {name: plain(sql) for name, sql in wanted.items()}


def test_migrations_make_the_indexes_of_the_schema(ledger: Ledger) -> None:
    other = sqlalchemy.create_engine("sqlite://")
    METADATA.create_all(other)
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    with other.connect() as connection:
        wanted = {name: re.sub(r"\s+", " ", sql) for name, sql in connection.exec_driver_sql(query)}
    other.dispose()
    with ledger._database.reading() as connection:
        stored = {name: re.sub(r"\s+", " ", sql) for name, sql in connection.exec_driver_sql(query)}

    assert stored == wanted


def test_the_schema_can_be_made_in_postgresql() -> None:
    for table in METADATA.sorted_tables:
        text = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        assert text.count("CONSTRAINT") >= 1


def test_the_program_knows_every_migration() -> None:
    folder = Path(migrating.__file__).parent / "migrations" / "versions"
    revisions = {
        re.search(r'^revision = "(\w+)"', file.read_text(encoding="utf-8"), re.MULTILINE)[1]  # type: ignore[index]  # each has one
        for file in folder.glob("v*.py")
    }

    assert revisions == KNOWN
    assert max(revisions) == HEAD


def test_nothing_outside_its_own_files_is_sqlites_own() -> None:
    folder = Path(schema.__file__).parent
    for file in folder.rglob("*.py"):
        if file.name.startswith("sqlite") or file.name == "v0001_first_ledger.py":
            continue
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"PRAGMA|RAISE\(|BEGIN IMMEDIATE|dialects\.sqlite|sqlite_master|\browid\b", text), (
            file.name
        )
