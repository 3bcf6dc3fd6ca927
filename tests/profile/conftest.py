"""The bench's images, made once, and a workplace with a copy of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from station.virtual.images import make_bench_images
from tests.profile.workplace import Workplace


@pytest.fixture(scope="session")
def bench_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all of the bench's images."""
    folder = tmp_path_factory.mktemp("bench") / "images"
    make_bench_images(folder)
    return folder


@pytest.fixture
def workplace(tmp_path: Path, bench_images: Path) -> Workplace:
    """A folder with the training images in `images`, and no profile yet."""
    shutil.copytree(bench_images / "training", tmp_path / "images")
    return Workplace(tmp_path)
