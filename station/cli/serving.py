"""`--serve`: the same screen in a browser. The command starts itself again for the window that opens the page."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from station.cli.context import Command, Session, say
from station.errors import Code, LedgerFault, UsageError

LOOPBACK: Final = "127.0.0.1"
PORT: Final = 8000
_DRIVER: Final = "TEXTUAL_DRIVER"
_OPEN_TO_ALL: Final = (
    "station: everybody who reaches {host} can {may}: there is no password and no encryption. "
    "Better: leave --host away and use a tunnel (ssh -L)."
)


def serve_options(command: Command) -> Command:
    """Give a command --serve, --host and --serve-port."""
    for option in (
        click.option(
            "--serve-port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="Port for --serve."
        ),
        click.option(
            "--host", default=LOOPBACK, show_default=True, help="Address for --serve; the default is for this PC alone."
        ),
        click.option(
            "--serve", "serve_in_browser", is_flag=True, help="Show the screen in a browser instead of the terminal."
        ),
    ):
        command = option(command)
    return command


def is_served() -> bool:
    """Whether this process is the one that the server started for a browser's window."""
    return os.environ.get(_DRIVER, "").endswith("WebDriver")


def askable_in_browser(session: Session) -> Callable[[str], str]:
    """Give what answers for the ledger's passphrase: its file, which each window reads again; nobody types it in a browser.

    It raises LedgerFault without a file, UsageError for a pipe.
    """

    def ask(question: str) -> str:
        file = session.passphrase_file
        if file is None:
            raise LedgerFault(
                Code.KEY_MISSING,
                "the ledger needs its passphrase, and a browser is not asked for it",
                "Name a file of yours that holds it: --passphrase-file FILE",
            )
        if file.exists() and not stat.S_ISREG(file.stat().st_mode):
            raise UsageError("The passphrase is read again for each window", "Name a plain file", "--passphrase-file")
        return session.ask_passphrase(question)

    return ask


def serve(data: Path, host: str, port: int, *, read_only: bool = False) -> None:
    """Serve the screen until Ctrl+C, with the log of this data folder; `read_only` screens go to any number of windows.

    UsageError: textual-serve is not installed, or the address cannot be had.
    """
    try:
        from station.cli.web_server import ScreenServer, is_loopback  # noqa: PLC0415  an extra, and only for this
    except ModuleNotFoundError:
        raise UsageError("--serve needs textual-serve", "Install it: pip install '.[web]'", "--serve") from None
    if not read_only:
        from station.cli.station_log import log_to  # noqa: PLC0415  who shows the screen itself writes the log later

        log_to(data)
    if not is_loopback(host):
        click.echo(_OPEN_TO_ALL.format(host=host, may="see this" if read_only else "work at this station"), err=True)
    # The same words once more: what is secret stands in no argument, and the environment goes along as it is.
    arguments = [sys.executable, "-P", "-m", "station.cli.main", *sys.argv[1:]]
    try:
        ScreenServer(arguments, host, port, say, may_share=read_only).serve()
    except OSError as error:
        raise UsageError(
            f"{host}:{port} cannot be served ({error.strerror or error})",
            "Name another port with --serve-port, or an address of this PC with --host",
            "--serve",
        ) from None
