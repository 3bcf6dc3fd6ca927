"""Each command's help has an example, and the command line takes each example as it stands there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from station.cli.context import Session
from station.cli.main import station


def commands_below(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands_below(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(commands_below(station, "station"))


def examples_of(command: click.Command) -> list[str]:
    """Give the examples as a terminal of 80 columns shows them."""
    page = command.get_help(click.Context(command, terminal_width=80))
    return re.findall(r"^ *Example: (.+)$", page, re.MULTILINE)


def parse(words: list[str]) -> str:
    """Give the path of the command that takes these words; click.UsageError when none does."""
    command: click.Command = station
    context = click.Context(station, info_name=words[0], obj=Session())
    rest = words[1:]
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert name is not None
        assert found is not None
        command = found
        context = click.Context(command, context, info_name=name)
    command.parse_args(context, rest)
    return context.command_path


@pytest.mark.parametrize("path", COMMANDS)
def test_each_command_has_examples_and_takes_them_as_they_are(path: str) -> None:
    examples = examples_of(COMMANDS[path])
    assert examples
    for example in examples:
        assert parse(shlex.split(example)) == path


def test_an_example_with_a_word_that_its_command_does_not_know_is_found() -> None:
    with pytest.raises(click.UsageError):
        parse(["station", "batch", "list", "--jsn"])
    with pytest.raises(click.UsageError):
        parse(["station", "key", "share", "age1"])
