"""`station demo`: the training bench."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import Final

import click

from station.cli.asking import system_user_name
from station.cli.context import Session, global_options, pass_session
from station.cli.flash_command import run_headless
from station.cli.lanes import log_to, plan_lanes
from station.cli.training import BenchOperator, TrainingRoom, set_up_training, stock_certificates
from station.ledger import Ledger
from station.line.line import Line
from station.line.shift import Shift, open_shift
from station.virtual.bench import Bench

PROFILE_NAMES: Final = ("training", "esp-aliyun", "micropython")


@click.command()
@click.option("--lanes", type=click.IntRange(1, 16), default=2, show_default=True, help="Lanes on the bench.")
@click.option("--units", type=click.IntRange(min=1), help="Units to walk in all (default: 2 with --auto, else no end).")
@click.option("--auto", is_flag=True, help="Walk the units without a screen, then end.")
@click.option(
    "--profile",
    "profile_name",
    type=click.Choice(PROFILE_NAMES),
    default="training",
    show_default=True,
    help="Which product.",
)
@global_options
@pass_session
def demo(session: Session, lanes: int, units: int | None, auto: bool, profile_name: str) -> None:
    """Train on virtual units: the real walk on virtual chips, in a data folder of its own.

    With --auto there is no screen; exit code 0 when every unit passed. With --json one event stands on each line.
    """
    room = set_up_training(session.data, profile_name)
    log_to(room.data)
    if auto and units is None:
        units = 2
    session.data = room.data
    with session.open_ledger() as ledger, Bench(room.units, lanes) as bench:
        batch = stock_certificates(ledger, room, units or lanes)
        if auto:
            shift = open_shift(room.profile, ledger, batch)
            line = Line(shift, plan_lanes(shift, bench.ports), operator=system_user_name(), training=True)
            with BenchOperator(bench, line, units, leave_after_s=0.0):
                code = run_headless(line, session.json)
            sys.exit(code)
        _show(session, room, bench, ledger, batch, units)


def _show(session: Session, room: TrainingRoom, bench: Bench, ledger: Ledger, batch: str, units: int | None) -> None:
    from station.cli.screen import ShiftDesk, show_screen  # noqa: PLC0415  --auto needs no Textual

    with contextlib.ExitStack() as hands:

        def open_line(shift: Shift, ports: Sequence[str]) -> Line:
            line = Line(shift, plan_lanes(shift, ports), operator=system_user_name(), training=True)
            hands.enter_context(BenchOperator(bench, line, units))
            return line

        show_screen(
            session,
            ShiftDesk(room.profile, ledger, batch, lambda: bench.ports, open_line, training=True),
            training=True,
        )
