"""`station watch`: the line, or the factory's lines, on a big screen. It only looks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from station.cli.context import TRAINING_FOLDER, Session, global_options, pass_session, say_json
from station.cli.serving import is_served, serve, serve_options
from station.cli.stopping import stopped_by
from station.errors import UsageError

if TYPE_CHECKING:
    from station.tui.overview import Overview


@click.command()
@click.option(
    "--hours",
    type=click.FloatRange(0.25, 168),
    default=8.0,
    show_default=True,
    help="The time that first-pass yield and failures are of.",
)
@click.option("--training", is_flag=True, help="Look at the training bench of `station demo`.")
@serve_options
@global_options
@pass_session
def watch(session: Session, hours: float, training: bool, serve_in_browser: bool, host: str, serve_port: int) -> None:
    """Show the line on a big screen: lanes, yield, rate, failures, certificates left. It only looks at the ledger.

    With --ledger it shows all stations of a factory. It needs neither the ledger's key nor a passphrase.
    With --json one object as it is now: total, batches, lanes, failures, verdicts.

    Example: station watch --hours 12 --serve
    """
    from station.ledger import LedgerWatch  # noqa: PLC0415  --help must not pay for SQLAlchemy
    from station.tui.overview import as_object, overview  # noqa: PLC0415  as above
    from station.tui.wall_clock import local_now  # noqa: PLC0415  as above

    if training:
        session.data, session.ledger_url = session.data / TRAINING_FOLDER, None
    period = timedelta(hours=hours)
    with LedgerWatch.open(session.data, period, url=session.ledger_url) as ledger:

        def read() -> Overview:
            now = local_now()
            return overview(ledger.look(now), now, period)

        if session.json:
            say_json(as_object(read()))
        elif serve_in_browser and not is_served():
            serve(session.data, host, serve_port, read_only=True)
        else:
            _show(session, read, training=training)


def _show(session: Session, read: Callable[[], Overview], *, training: bool) -> None:
    from station.tui.watch_app import WatchApp  # noqa: PLC0415  --json needs no Textual

    if not is_served() and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("The overview needs a terminal", "Give --json, or --serve for a browser")
    settings = session.settings().screen
    settings = settings.model_copy(update={"language": session.lang or settings.language})
    app = WatchApp(read, training=training, settings=settings)
    app.run()
    if app.ended_by is not None:
        raise stopped_by(app.ended_by)
