"""`station platform register`: order devices on the platform, and take their certificates into the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from station.cli.batch_commands import tell_imported
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.platform_settings import open_platform, platform_options
from station.cli.progress import progress_bar
from station.cli.signing_in import signed_in
from station.errors import PlatformFault, UsageError

if TYPE_CHECKING:
    from station.ledger import ImportResult, Ledger, Order
    from station.platform.platform_api import PlatformApi

COUNT_MAX: Final = 100_000
_FILE_BYTES_MAX: Final = 8 << 20


@click.command("register")
@click.option("--product-key", metavar="KEY", help="Product of the devices.")
@click.option("--count", type=click.IntRange(1, COUNT_MAX), metavar="N", help="So many devices, with new names.")
@click.option("--prefix", default="", metavar="TEXT", help="With --count: what the names begin with.")
@click.option("--names", type=click.Path(path_type=Path), metavar="FILE", help="These DeviceNames, one a line.")
@click.option("--name", metavar="BATCH", help="Name of the batch; without it ProductKey and a number.")
@click.option("--work-order", metavar="NUMBER", help="Work order to write beside the batch.")
@click.option("--resume", is_flag=True, help="Go on with the order that was broken off.")
@click.option("--give-up", metavar="REASON", help="End the order that was broken off without its certificates.")
@click.option("--operator", metavar="NAME", help="Who orders, name or badge.")
@platform_options
@global_options
@pass_session
def register(
    session: Session,
    product_key: str | None,
    count: int | None,
    prefix: str,
    names: Path | None,
    name: str | None,
    work_order: str | None,
    resume: bool,
    give_up: str | None,
    operator: str | None,
) -> None:
    """Order devices, and take their certificates straight into the ledger as a batch.

    An order that breaks off anywhere goes on with --resume; nothing is ordered twice, nothing is written to a file.
    With more than one order open, --name says which.

    With --json one object: batch, product_key, imported, already_there, total, seconds; with --give-up: batch, given_up.

    Example: station platform register --product-key a1B2c3D4e5F --count 500 --prefix plug- --work-order WO-4711
    """
    new = [option for option in (product_key, count, names, work_order) if option is not None]
    if (resume or give_up is not None) and new:
        raise UsageError("a broken-off order goes on as it was", "Give --resume or --give-up alone, or with --name")
    with session.open_ledger() as ledger, signed_in(ledger, operator, may_ask=not session.json):
        if give_up is not None:
            order = _open_order(ledger, name)
            ledger.orders.give_up(order, reason=_reason(give_up))
            _tell_given_up(session, order)
            return
        platform = open_platform(session)
        if resume:
            order = _open_order(ledger, name)
        else:
            order = _begin(ledger, product_key, _new_names(count, prefix, names), name, work_order)
        result = _run(session, ledger, platform, order)
    tell_imported(session, result)


def _run(session: Session, ledger: Ledger, platform: PlatformApi, order: Order) -> ImportResult:
    from station.line.registering import Registering  # noqa: PLC0415  --help must not pay for it

    try:
        with progress_bar(session, f"Ordering {order.quantity}") as progress:
            return Registering(ledger, platform, order, progress=progress).run()
    except PlatformFault as fault:
        mend = f"{fault.mend}. Then go on with order {order.batch}: station platform register --resume"
        raise PlatformFault(fault.code, fault.cause, mend, fault.place) from None


def _begin(
    ledger: Ledger, product_key: str | None, names: list[str], name: str | None, work_order: str | None
) -> Order:
    from station.platform.platform_api import NAMES_A_JOB_MAX  # noqa: PLC0415  as above

    if product_key is None:
        raise UsageError("a product is needed", "Give --product-key; `station platform products` lists them")
    batch = name or _free_name(ledger, product_key)
    return ledger.orders.begin(batch, product_key, names, part_max=NAMES_A_JOB_MAX, work_order=work_order)


def _free_name(ledger: Ledger, product_key: str) -> str:
    taken = {one.name for one in ledger.batches()} | {one.batch for one in ledger.orders.open()}
    number = 1
    while f"{product_key}-{number}" in taken:
        number += 1
    return f"{product_key}-{number}"


def _new_names(count: int | None, prefix: str, file: Path | None) -> list[str]:
    from station.line.registering import make_names  # noqa: PLC0415  as above

    if (count is None) == (file is None):
        raise UsageError("an order is a number of devices or a list of names", "Give --count N or --names FILE")
    if count is not None:
        return make_names(prefix, count)
    if prefix or file is None:
        raise UsageError("--prefix belongs to --count", "Write whole names into the file")
    return _read_names(file)


def _read_names(file: Path) -> list[str]:
    try:
        with file.open("rb") as opened:
            data = opened.read(_FILE_BYTES_MAX + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"the list of names cannot be read ({error.strerror})", "Name another file", str(file)
        ) from None
    except UnicodeDecodeError:
        raise UsageError(
            "the list of names is no text in UTF-8", "Save it as UTF-8, one name a line", str(file)
        ) from None
    if len(data) > _FILE_BYTES_MAX:
        raise UsageError("the list of names is too long", f"Order at most {COUNT_MAX} devices at a time", str(file))
    return [line.strip() for line in text.splitlines() if line.strip()]


def _open_order(ledger: Ledger, name: str | None) -> Order:
    orders = [order for order in ledger.orders.open() if name in {None, order.batch}]
    if not orders:
        raise UsageError("no order is broken off", "`station batch list` shows what has come")
    if len(orders) > 1:
        names = ", ".join(order.batch for order in orders)
        raise UsageError(f"more than one order is broken off: {names}", "Say which with --name")
    return orders[0]


def _reason(text: str) -> str:
    if not text.strip():
        raise UsageError("an order is given up only with a reason", "Say why: --give-up TEXT")
    return text.strip()


def _tell_given_up(session: Session, order: Order) -> None:
    if session.json:
        say_json({"batch": order.batch, "given_up": order.quantity})
        return
    say(f"Order {order.batch} of {order.quantity} devices is given up.")
    if order.is_placed:
        say("The platform may have registered them: look in its console, and import its CSV if they shall be used.")
