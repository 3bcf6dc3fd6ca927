"""Calls the command line in this process, through its real entry point."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from unittest import mock

from station.cli.main import main


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == "verdict"]


Station: TypeAlias = Callable[..., Done]


def call(*arguments: str) -> Done:
    """Run one command."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["station", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
    return Done(code, out.getvalue(), err.getvalue())


def station_in(data: Path) -> Station:
    """Give a function that runs one command on a data folder."""
    return lambda *arguments: call(*arguments, "--data", str(data))


def stocked_station(data: Path, csv: Path) -> Station:
    """Give the same on a data folder into which a batch was imported."""
    station = station_in(data)
    done = station("batch", "import", str(csv))
    assert done.code == 0, done.err
    return station


def add_settings(data: Path, text: str) -> None:
    """Write one more section into the settings of a station that has been started."""
    with (data / "station.yaml").open("a", encoding="utf-8") as file:
        file.write(text + "\n")
