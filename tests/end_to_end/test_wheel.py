"""The wheel is the whole product: outside the clone it trains, makes profiles and brings the examples."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "STATION_DATA"}}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def program(folder: Path, name: str) -> Path:
    return folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / name


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel alone, which sees the libraries of this one but not the clone."""
    folder = tmp_path_factory.mktemp("elsewhere")
    clone = folder / "clone"
    for name in ("station", "profiles", "firmware"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__", "images"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, clone)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    run(*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", folder, clone, cwd=folder)
    shutil.rmtree(clone)
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    (wheel,) = folder.glob("flashing_station-*.whl")
    run(*pip, "--python", folder / "venv", "install", "--no-index", "--no-deps", "--no-compile", wheel, cwd=folder)
    libraries = Path(
        run(
            program(folder, "python"), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
        ).strip()
    )
    (libraries / "these.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder


def station(folder: Path, *arguments: str) -> str:
    return run(program(folder, "station"), "--data", folder / "data", *arguments, cwd=folder)


def test_it_is_the_installed_one(elsewhere: Path) -> None:
    assert str(elsewhere) in run(
        program(elsewhere, "python"), "-c", "import station; print(station.__file__)", cwd=elsewhere
    )


def test_it_walks_a_training_unit(elsewhere: Path) -> None:
    lines = station(elsewhere, "demo", "--auto", "--lanes", "1", "--units", "1", "--profile", "micropython", "--json")
    events = [json.loads(line) for line in lines.splitlines()]
    assert [event["verdict"] for event in events if event["event"] == "verdict"] == ["PASS"]


def test_it_brings_the_examples_and_their_images(elsewhere: Path) -> None:
    station(elsewhere, "profile", "examples", "--out", "examples")
    station(elsewhere, "virtual", "images", "--out", "examples/profiles/images")
    told = station(elsewhere, "profile", "check", *map(str, sorted((elsewhere / "examples").glob("profiles/*.yaml"))))
    assert told.count(": good.") == len(list((ROOT / "profiles").glob("*.yaml")))
    station(
        elsewhere, "profile", "new", "plug", "--product-key", "a1Plug", "--out", "examples/plug.yaml",
        "--micropython", "examples/profiles/images/micropython/firmware.bin",
    )  # fmt: skip
    assert "good." in station(elsewhere, "profile", "check", "examples/plug.yaml")
