"""What every command shares: the data folder, JSON or text, and the language."""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import platformdirs

if TYPE_CHECKING:
    from station.cli.settings_model import StationSettings
    from station.ledger import Ledger

LOG_NAME: Final = "station.log"
TRAINING_FOLDER: Final = "training"
"""In the data folder: another one, for the training bench."""
Command = TypeVar("Command", bound=Callable[..., Any])


def default_data_folder() -> Path:
    """The user's data folder of this system, unless STATION_DATA names one."""
    named = os.environ.get("STATION_DATA")
    return Path(named) if named else Path(platformdirs.user_data_dir("flashing-station", appauthor=False))


@dataclass(slots=True)
class Session:
    """The global options, wherever on the line they stood."""

    data: Path = field(default_factory=default_data_folder)
    json: bool = False
    lang: str | None = None
    """None: as the station's settings say."""
    passphrase_file: Path | None = None
    ledger_url: str | None = field(default_factory=lambda: os.environ.get("STATION_LEDGER") or None)
    """Address of the factory's ledger; None: the one in the data folder."""
    platform: dict[str, str] = field(default_factory=dict)
    """What the command line says about where the platform is."""

    def settings(self) -> StationSettings:
        """Read the station's settings, the defaults where it has none; SettingsError with every mistake."""
        from station.cli.settings_file import read_settings  # noqa: PLC0415  --help must not pay for pydantic

        return read_settings(self.data)

    def language(self) -> str:
        """Give the language for people: `--lang`, else the settings', else English; SettingsError as `settings`."""
        return self.lang or self.settings().screen.language or "en"

    def has_ledger(self) -> bool:
        """Say whether there is one to look at: opening makes the data folder's own."""
        from station.ledger.sqlite_reading import LEDGER_FILE  # noqa: PLC0415  as above

        return self.ledger_url is not None or (self.data / LEDGER_FILE).is_file()

    def open_ledger(self, *, read_only: bool = False, despite_gap: bool = False) -> Ledger:
        """Open (or make at first start) the factory's ledger, or that of the data folder; LedgerFault."""
        from station.ledger import Ledger  # noqa: PLC0415  --help must not pay for SQLAlchemy

        return Ledger.open(
            self.data, url=self.ledger_url, ask=self.ask_passphrase, read_only=read_only, despite_gap=despite_gap
        )

    def ask_passphrase(self, question: str) -> str:
        """Give the passphrase of the ledger, from its file or asked for; LedgerFault when nobody can be asked."""
        from station.cli.passphrase import passphrase_of  # noqa: PLC0415  as above

        return passphrase_of(question, self.passphrase_file)


pass_session = click.make_pass_decorator(Session, ensure=True)


def _set_data(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Session).data = value


def _set_json(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Session).json = True


def _set_lang(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Session).lang = value


def _set_passphrase_file(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Session).passphrase_file = value


def _set_ledger(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Session).ledger_url = value


def global_options(command: Command) -> Command:
    """Let a command take the global options too, so that they may stand before or after it; its examples stay whole."""
    if command.__doc__:  # \b keeps click from breaking a line, so that it can be copied
        command.__doc__ = re.sub(r"^( *)(?=Example: )", "\\1\b\n\\1", command.__doc__, flags=re.MULTILINE)
    for option in (
        click.option(
            "--lang",
            type=click.Choice(["en", "zh-CN"]),
            expose_value=False,
            callback=_set_lang,
            help="Language of the screen.",
        ),
        click.option("--json", is_flag=True, expose_value=False, callback=_set_json, help="Print JSON, for programs."),
        click.option(
            "--passphrase-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            expose_value=False,
            callback=_set_passphrase_file,
            help="The ledger's passphrase, first line; asked for at the terminal without it.",
        ),
        click.option(
            "--ledger",
            metavar="URL",
            expose_value=False,
            callback=_set_ledger,
            help="The factory's ledger, postgresql://user@host/database (or STATION_LEDGER).",
        ),
        click.option(
            "--data",
            type=click.Path(file_okay=False, path_type=Path),
            expose_value=False,
            callback=_set_data,
            help="Data folder (or STATION_DATA).",
        ),
    ):
        command = option(command)
    return command


def say(text: str) -> None:
    """Print one text for a person."""
    click.echo(text)


def say_json(value: object, indent: int | None = None) -> None:
    """Print one JSON value, without `indent` on one line, flushed, for a program that reads along.

    A program reads JSON as UTF-8: where the output has another encoding (a pipe on Windows), it is written in ASCII alone.
    """
    encoding = getattr(sys.stdout, "encoding", None)
    is_utf8 = encoding is None or codecs.lookup(encoding).name == "utf-8"
    separators = (",", ":") if indent is None else None
    click.echo(json.dumps(value, ensure_ascii=not is_utf8, indent=indent, separators=separators, default=str))
