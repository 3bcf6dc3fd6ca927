"""`station new`: a line engineer's answers become a profile that is checked and locked; wrong ones are asked for again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from station.cli import new_command
from station.profile.prepare import prepare_recipe
from station.virtual.images import make_bench_images
from tests.cli.calling import Done, station_in

QUESTIONS_MAX = 10
RIGHT = {"ProductKey": "a1B2c3D4e5F"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    make_bench_images(folder)
    return folder


@pytest.fixture
def here(bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, the bench's images beside it; `build` is an ESP-IDF build of esp-aliyun."""
    (tmp_path / "images").symlink_to(bench) if os.name == "posix" else shutil.copytree(bench, tmp_path / "images")
    build = tmp_path / "project" / "build"
    shutil.copytree(bench / "esp-aliyun", build)
    files = {
        "0x1000": "bootloader.bin",
        "0x8000": "partition-table.bin",
        "0xd000": "ota_data_initial.bin",
        "0x10000": "app.bin",
    }
    told = {"flash_files": files, "flash_settings": {"flash_size": "4MB"}, "extra_esptool_args": {"chip": "esp32"}}
    (build / "flasher_args.json").write_text(json.dumps(told), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Engineer:
    """Answers by the begin of the question, with each answer in turn; else takes what is proposed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: str | list[str]) -> None:
        self.asked: list[str] = []
        self._answers = {
            key.replace("_", " "): [text] if isinstance(text, str) else text for key, text in answers.items()
        }
        monkeypatch.setattr(new_command, "at_terminal", lambda: True)
        monkeypatch.setattr("click.prompt", self._answer)

    def _answer(self, question: str, *, err: bool, default: str | None) -> str:
        assert err, "questions go to standard error"
        self.asked.append(question)
        for begin, answers in self._answers.items():
            if question.startswith(begin) and answers:
                return answers.pop(0)
        assert default is not None, f"nothing is proposed for {question}"
        return default


def made(done: Done, path: str) -> str:
    assert done.code == 0, done.err
    assert f"{path} is written, checked and locked." in done.out
    recipe = prepare_recipe(Path(path))
    assert all(file.locked for file in recipe.files)
    return Path(path).read_text(encoding="utf-8")


@pytest.mark.parametrize("firmware", ["project", "project/build", "images/esp-aliyun"])
def test_an_idf_build_needs_hardly_more_than_the_product_key(
    here: Path, monkeypatch: pytest.MonkeyPatch, firmware: str
) -> None:
    engineer = Engineer(monkeypatch, **RIGHT)
    text = made(station_in(here / "data")("new", firmware), "esp-aliyun-demo.yaml")
    assert len(engineer.asked) <= QUESTIONS_MAX
    assert "version: 1.0.0" in text
    assert "chip: esp32\n" in text
    assert "erase: [nvs]" in text


@pytest.mark.parametrize(
    ("folder", "name", "chip"),
    [("training", "station-training", "esp32"), ("training-c3", "station-training", "esp32c3")],
)
def test_a_folder_of_images_tells_its_chip(
    here: Path, monkeypatch: pytest.MonkeyPatch, folder: str, name: str, chip: str
) -> None:
    Engineer(monkeypatch, **RIGHT)
    text = made(station_in(here / "data")("new", f"images/{folder}"), f"{name}.yaml")
    assert f"chip: {chip}\n" in text
    assert "at: factory" in text


def test_a_micropython_image_takes_a_folder_with_main_py(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "app").mkdir()
    (here / "app" / "main.py").write_text("print('up')\n", encoding="utf-8")
    engineer = Engineer(
        monkeypatch, **RIGHT, Name="lamp", Who="console", Console_line_of_a_unit_that_is="it's online", File="made/lamp.yaml"
    )  # fmt: skip
    text = made(station_in(here / "data")("new", "images/micropython/firmware.bin"), "made/lamp.yaml")
    assert len(engineer.asked) <= QUESTIONS_MAX
    assert "filesystem: {partition: vfs, from: ../app, type: littlefs" in text
    assert "online: {by: console, expect: 'it''s online', within: 30s}" in text
    assert "version: 1.21.0" in text


def test_wrong_answers_are_told_and_asked_for_again(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "taken.yaml").write_text("mine", encoding="utf-8")
    (here / "nothing").mkdir()
    engineer = Engineer(
        monkeypatch,
        Firmware=["nowhere", "nothing", "taken.yaml", "project/build"],
        Name=["智能 插座", "plug"],
        ProductKey=["", "a1!", "a1B2c3D4e5F"],
        Chip=["esp99", "ESP32"],
        The_least=["5MB", "8mb"],
        Console_line=["(", ".*", "ready"],
        Who=["nobody", "platform"],
        File=["plug.txt", "taken.yaml", "plug.yaml"],
    )
    done = station_in(here / "data")("new")
    text = made(done, "plug.yaml")
    assert len(engineer.asked) == 4 + 2 + 3 + 2 + 2 + 3 + 2 + 3
    wanted = [
        "holds neither",
        "holds no partition table",
        "'智能 插座' is no name of a product",
        "'esp99' is no chip",
        "`5MB` is no size",
    ]
    wanted += ["no regular expression", "matches even an empty line", "Answer platform, console or none"]
    for told in [*wanted, "is no YAML file", "exists already"]:
        assert told in done.err, told
    assert "flash_size: 8MB" in text
    assert "online: {by: platform, within: 30s}" in text
    assert (here / "taken.yaml").read_text(encoding="utf-8") == "mine"


def test_a_firmware_that_is_none_ends_it_when_it_was_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engineer = Engineer(monkeypatch)
    assert (station_in(here / "data")("new", "nowhere").code, engineer.asked) == (2, [])


def test_without_a_terminal_nothing_is_asked(here: Path) -> None:
    done = station_in(here / "data")("new", "project/build")
    assert done.code == 2
    assert "station profile new" in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
def test_at_a_real_terminal_it_is_typed(here: Path) -> None:
    keyboard, terminal = os.openpty()
    program = [sys.executable, "-m", "station.cli.main", "new", "project/build", "--data", "data"]
    with subprocess.Popen(program, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal, text=True) as process:
        os.close(terminal)
        for answer in ("plug", "a1B2c3D4e5F", "", "", "", "", ""):
            os.write(keyboard, answer.encode() + b"\n")
        out, _ = process.communicate(timeout=60)
        os.close(keyboard)
    assert (process.returncode, "plug.yaml is written, checked and locked." in out) == (0, True), out
