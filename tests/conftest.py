"""The order of the tests: what takes long comes first on each worker, so that none has minutes left when the others are done."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent
LONG = (ROOT / "simulation", ROOT / "end_to_end")


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
