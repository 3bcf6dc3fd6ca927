"""A ledger in a folder of its own, with a batch of ten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from station.ledger import Ledger
from tests.ledger.making import write_csv
from tests.ledger.postgresql_server import new_database, running_server


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server's URL."""
    with running_server() as url:
        yield url


@pytest.fixture
def factory(server: str) -> str:
    """The URL of an empty database on a PostgreSQL server."""
    return new_database(server)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that is not there yet."""
    return tmp_path / "data"


@pytest.fixture
def ledger(data: Path) -> Iterator[Ledger]:
    """A new, empty ledger."""
    with Ledger.open(data) as opened:
        yield opened


@pytest.fixture
def stocked(ledger: Ledger, tmp_path: Path) -> Ledger:
    """A ledger with certificates 1 to 10 in `batch`."""
    ledger.import_batch(write_csv(tmp_path / "batch.csv", range(1, 11)))
    return ledger
