"""`station order`: what shall be made, how far it is, and when it takes no more."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from station.cli.completion import complete_batches, complete_orders
from station.cli.context import Session, global_options, pass_session, say, say_json

if TYPE_CHECKING:
    from station.ledger import Ledger, WorkOrder


@click.group()
@global_options
def order() -> None:
    """Work orders: so many units of a profile from a batch, over all stations of the ledger."""


@order.command()
@click.argument("number")
@click.option("--profile", required=True, metavar="NAME", help="Name of the profile that its units get.")
@click.option(
    "--batch",
    required=True,
    metavar="B",
    shell_complete=complete_batches,
    help="Batch that its certificates come from.",
)
@click.option("--quantity", type=click.IntRange(min=1), help="Units to make; without it as many as come.")
@click.option(
    "--retries", type=click.IntRange(min=0), help="Tries of a unit after a FAIL; without it as the profile says."
)
@global_options
@pass_session
def add(session: Session, number: str, profile: str, batch: str, quantity: int | None, retries: int | None) -> None:
    """Open a work order. A profile that names one in `batch:` opens it by itself at its first start.

    With --json one object, as `order show`.

    Example: station order add WO-4711 --profile smart-plug --batch smart-plug-2026-11 --quantity 500 --retries 2
    """
    with session.open_ledger() as ledger:
        made = ledger.work_orders.add(number, profile=profile, batch=batch, quantity=quantity, retries=retries)
        _tell(session, made, ledger)


@order.command("list")
@global_options
@pass_session
def list_(session: Session) -> None:
    """List all work orders with their progress. With --json an array of objects, as `order show`.

    Example: station order list
    """
    with session.open_ledger() as ledger:
        found = ledger.work_orders.all()
    if session.json:
        say_json([_object(one) for one in found])
    elif not found:
        say("There is no work order.")
    for one in () if session.json else found:
        say(_line(one))


@order.command()
@click.argument("number", shell_complete=complete_orders)
@global_options
@pass_session
def show(session: Session, number: str) -> None:
    """Show one work order.

    With --json one object: number, profile, batch, quantity, retries, opened_at, closed_at, taken, passed, state.

    Example: station order show WO-4711
    """
    with session.open_ledger() as ledger:
        found = ledger.work_orders.find(number)
    _tell(session, found)


@order.command()
@click.argument("number", shell_complete=complete_orders)
@click.option("--quantity", required=True, type=click.IntRange(min=1), help="Units to make from now on, in all.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stands in the audit log.")
@global_options
@pass_session
def change(session: Session, number: str, quantity: int, reason: str) -> None:
    """Let a work order want more units, or fewer, while lanes run; not fewer than it has.

    Where a profile opened it, correct `quantity` there too. With --json one object, as `order show`.

    Example: station order change WO-4711 --quantity 520 --reason "customer takes 20 more"
    """
    with session.open_ledger() as ledger:
        changed = ledger.work_orders.change(number, quantity=quantity, reason=reason)
        _tell(session, changed, ledger)


@order.command()
@click.argument("number", shell_complete=complete_orders)
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stands in the audit log.")
@global_options
@pass_session
def close(session: Session, number: str, reason: str) -> None:
    """Let a work order take no new unit. Its units that failed may still come back.

    Example: station order close WO-4711 --reason "customer took 480"
    """
    with session.open_ledger() as ledger:
        closed = ledger.work_orders.close(number, reason=reason)
    _tell(session, closed)


def _object(one: WorkOrder) -> dict[str, object]:
    return {**asdict(one), "state": one.state}


def _line(one: WorkOrder) -> str:
    wanted = "" if one.quantity is None else f" of {one.quantity}"
    waiting = f", {one.taken - one.passed} begun" if one.taken > one.passed else ""
    return f"{one.number}  {one.state}  {one.passed}{wanted} passed{waiting}  {one.profile}, batch {one.batch}"


def _tell(session: Session, one: WorkOrder, ledger: Ledger | None = None) -> None:
    """Print an order; with the ledger of one that was made or changed, also whether its batch has enough for it."""
    if ledger is not None and one.wanted is not None:
        left, by_others = ledger.left(one.batch), ledger.work_orders.wanted_by_others(one.batch, one.number)
        if left < one.wanted + by_others:
            others = f", other open orders of it want {by_others}" if by_others else ""
            click.echo(
                f"Batch {one.batch} has {left} certificates left, this order wants {one.wanted} more{others}.", err=True
            )
    if session.json:
        say_json(_object(one))
        return
    say(_line(one))
    if one.retries is not None:
        say(f"  each unit may be tried {one.retries + 1} times")
    say(f"  opened {one.opened_at[:19]}Z" + (f", closed {one.closed_at[:19]}Z" if one.closed_at else ""))
