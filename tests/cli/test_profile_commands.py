"""`station profile …`: exit codes, texts and JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from station.cli.main import main
from station.virtual.images import make_bench_images
from tests.profile.workplace import GOOD


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bench's training images."""
    folder = tmp_path_factory.mktemp("bench")
    make_bench_images(folder)
    return folder / "training"


@pytest.fixture
def plug(tmp_path: Path, images: Path) -> Path:
    """A good profile, its images elsewhere."""
    path = tmp_path / "plug.yaml"
    path.write_text(GOOD.replace("file: images", f"file: {images.as_posix()}"), encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `station` with these arguments and give its exit code."""
    monkeypatch.setattr(sys, "argv", ["station", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert isinstance(left.value.code, int)
    return left.value.code


def test_check_tells_what_will_be_written(
    plug: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Name, offset, size and hash of each region, and what is not locked."""
    assert run(monkeypatch, "profile", "check", str(plug)) == 0

    out = capsys.readouterr().out
    assert "smart-plug 1.0.0 for esp32" in out
    assert "partition-table" in out
    assert "0x00110000" in out
    assert "not locked" in out


def test_check_tells_every_mistake(
    plug: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, with line and mend; exit code 2."""
    plug.write_text(plug.read_text(encoding="utf-8").replace("chip:", "chp:").replace("u16", "u8"), encoding="utf-8")

    assert run(monkeypatch, "profile", "check", str(plug)) == 2

    error = capsys.readouterr().err
    assert error.startswith(f"station: I20: {plug}: The profile has 2 mistakes")
    assert f"{plug}:5: the key `chp` is not known. Did you mean `chip`?" in error
    assert "does not fit u8" in error
    assert "Traceback" not in error


def test_check_of_several_tells_all(
    plug: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Good ones are summed up, the mistakes of the others stand together."""
    other = plug.with_name("gone.yaml")
    empty = plug.with_name("empty.yaml")
    empty.touch()

    assert run(monkeypatch, "profile", "check", str(plug), str(other), str(empty)) == 2

    said = capsys.readouterr()
    assert "good" in said.out
    assert "gone.yaml does not exist" in said.err
    assert "the file holds nothing" in said.err


def test_check_speaks_json(plug: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line, for good and for bad."""
    assert run(monkeypatch, "--json", "profile", "check", str(plug)) == 0
    good = json.loads(capsys.readouterr().out)
    assert good["credentials"] == {"partition": "fctry", "offset": 0x110000, "size_bytes": 0x6000}
    assert {region["name"] for region in good["regions"]} >= {"bootloader", "app"}

    plug.write_text("schema: 2\n", encoding="utf-8")
    assert run(monkeypatch, "profile", "check", "--json", str(plug)) == 2
    bad = json.loads(capsys.readouterr().out)
    assert (bad["event"], bad["code"], bad["place"]) == ("error", "I20", str(plug))
    assert {"file", "line", "cause", "mend"} == set(bad["faults"][0])


def test_lock_writes_the_hashes(
    plug: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says which; then there is nothing to do."""
    assert run(monkeypatch, "profile", "lock", str(plug)) == 0
    assert "3 of 3 hashes written" in capsys.readouterr().out

    assert run(monkeypatch, "profile", "lock", "--json", str(plug)) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []

    assert run(monkeypatch, "profile", "check", str(plug)) == 0
    assert "not locked" not in capsys.readouterr().out


def test_schema_is_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """To be put into a file for the editor."""
    assert run(monkeypatch, "profile", "schema") == 0

    assert json.loads(capsys.readouterr().out)["properties"]["flash_size"]["description"]


def test_new_writes_a_profile_and_says_what_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second time it refuses."""
    out = tmp_path / "lamp.yaml"
    order = ("profile", "new", "lamp", "--product-key", "a1B2", "--chip", "esp32c3", "--out", str(out))

    assert run(monkeypatch, *order) == 0
    assert "still to do" in capsys.readouterr().out
    assert run(monkeypatch, *order) == 2
    assert "exists already" in capsys.readouterr().err
