"""Which files are read, and their order: what takes long comes first on each worker, so that none has minutes left at the end.

And new ledgers, of which the tests make thousands, are made quickly.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from station.ledger import moving, opening
from tests.__main__ import ALONE
from tests.ledger.replayed_migrations import replay_or_migrate

ROOT = Path(__file__).parent
ALONE_MARK = f"pytest.mark.{ALONE}".encode()
SIMULATION = ROOT / "simulation"
LONG = (SIMULATION, ROOT / "end_to_end")


@pytest.fixture(autouse=True)
def _migrations_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the simulation: its faults strike within a first start too."""
    if SIMULATION not in request.path.parents:
        for module in (opening, moving):
            monkeypatch.setattr(module, "migrate", replay_or_migrate)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """For the tests that run alone, import only the files that have some; importing all takes longer than they do."""
    if (
        config.option.markexpr == ALONE
        and collection_path.suffix == ".py"
        and ALONE_MARK not in collection_path.read_bytes()
    ):
        return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deal each kind of test to the workers in equal parts; each worker begins with a like part of the list (pytest-xdist)."""
    workers = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    kinds: dict[Path, list[pytest.Item]] = {folder: [] for folder in (*LONG, ROOT)}
    for item in items:
        kinds[next((folder for folder in LONG if folder in item.path.parents), ROOT)].append(item)
    items[:] = [
        item
        for worker in range(workers)
        for tests in kinds.values()
        for item in tests[len(tests) * worker // workers : len(tests) * (worker + 1) // workers]
    ]
