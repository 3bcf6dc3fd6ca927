"""The README is kept true: its commands, codes and picture are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from station.cli.main import COMMANDS, station
from station.errors import Code
from station.profile.schema import profile_schema

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL_BLOCKS = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)


def test_ci_does_exactly_what_the_test_command_does() -> None:
    last = (ROOT / ".ci" / "run").read_text(encoding="utf-8").strip().splitlines()[-1]
    assert last in SHELL_BLOCKS


def test_there_are_two_commands_and_each_makes_its_own_environment() -> None:
    assert len(SHELL_BLOCKS) >= 2
    for block in SHELL_BLOCKS[:2]:
        assert block.startswith("python3 -m venv .venv && ")
    assert SHELL_BLOCKS[0].endswith("station demo")


@pytest.mark.parametrize("code", list(Code))
def test_each_failure_code_is_explained(code: Code) -> None:
    assert re.search(rf"^\| {code} \| .+ \| .+ \|$", README, re.MULTILINE)


def test_no_code_is_explained_that_does_not_exist() -> None:
    explained = set(re.findall(r"^\| ([FEIA]\d\d) \|", README, re.MULTILINE))
    assert explained == {str(code) for code in Code}


def test_each_link_within_the_readme_has_its_heading() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.*)", README, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= headings


@pytest.mark.parametrize("name", list(COMMANDS))
def test_each_command_is_in_the_table_and_has_help(name: str) -> None:
    assert f"`station {name}" in README
    command = station.get_command(click.Context(station), name)
    assert command is not None
    assert command.help
    if isinstance(command, click.Group):
        for sub in command.commands.values():
            assert sub.help
            assert sub.name
            assert sub.name in README


def test_each_key_of_a_profile_is_in_the_example() -> None:
    example = README.split("### Profile")[1].split("### ")[0]
    for key in profile_schema()["properties"]:
        assert re.search(rf"^{key}:", example, re.MULTILINE), key


def test_the_pictures_exist() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file()


def test_each_test_that_proves_a_promise_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", README))
    assert named
    for path in named:
        assert (ROOT / path).exists(), path
