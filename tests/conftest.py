"""Which files are read, in which order their tests run, and what makes each of thousands cheaper: new ledgers, the collector."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Generator
from itertools import groupby
from pathlib import Path

import pytest

from station.ledger import moving, opening
from tests.__main__ import ALONE
from tests.ledger.replayed_migrations import replay_or_migrate

ROOT = Path(__file__).parent
ALONE_MARK = f"pytest.mark.{ALONE}".encode()
SIMULATION = ROOT / "simulation"
COMPUTING = (SIMULATION,)
WAITING = (ROOT / "chip", ROOT / "line", ROOT / "cli", ROOT / "virtual")
LONG = (ROOT / "end_to_end",)
YOUNG_LOOKS_A_WHOLE_ONE = 100
"""Python's own number is 10."""


@pytest.fixture(autouse=True)
def _migrations_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the simulation: its faults strike within a first start too."""
    if SIMULATION not in request.path.parents:
        for module in (opening, moving):
            monkeypatch.setattr(module, "migrate", replay_or_migrate)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep Python's collector from the modules and tests while they come, then for good, and let it look seldom at all the rest.

    It would take a fifth of the time of the screen's tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*gc.get_threshold()[:2], YOUNG_LOOKS_A_WHOLE_ONE)
        gc.enable()


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
    """Give each worker its own mixture; it begins with a like part of the list, and takes from others in the end (pytest-xdist).

    Every second worker begins with what computes, the others with what waits: together they leave no core idle.
    """
    workers = max(2, getattr(config, "workerinput", {"workercount": 1})["workercount"])
    kinds: dict[Path, list[pytest.Item]] = {folder: [] for folder in (*COMPUTING, *WAITING, *LONG, ROOT)}
    for path, of_file in groupby(items, key=lambda item: item.path):
        kinds[next(folder for folder in kinds if folder in path.parents)] += of_file
    others, count = deque(kinds[ROOT]), len(items)
    items.clear()
    for worker in range(workers):
        for folder in WAITING if worker % 2 else COMPUTING:
            items += _share(kinds[folder], worker // 2, (workers + 1 - worker % 2) // 2)
        for folder in LONG:
            items += _share(kinds[folder], worker, workers)
        while others and len(items) < count * (worker + 1) // workers:
            items.append(others.popleft())
    items += others


def _share(items: list[pytest.Item], number: int, count: int) -> list[pytest.Item]:
    return items[len(items) * number // count : len(items) * (number + 1) // count]
