"""`station completion`, and what the shell then completes beside words and files: batches and work orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import CompletionItem, get_completion_class

from station.cli.context import Session, global_options
from station.errors import CodedError, InternalFault

if TYPE_CHECKING:
    from station.ledger import Ledger

COMPLETE_VARIABLE: Final = "_STATION_COMPLETE"
"""In it the shell's function says what it asks."""
_SHELLS: Final = {"bash": "bash", "zsh": "zsh", "fish": "fish", "powershell": "pwsh"}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@global_options
def completion(shell: str) -> None:
    """Print what makes SHELL complete commands, options, files, and the ledger's batches and work orders.

    bash (in ~/.bashrc), zsh: eval "$(station completion bash)". fish: station completion fish | source.
    powershell 7 (in $PROFILE): station completion powershell | Out-String | Invoke-Expression

    Example: station completion zsh
    """
    from station.cli.main import station  # noqa: PLC0415  it imports this module by name

    support_powershell()
    kind = get_completion_class(_SHELLS[shell])
    if kind is None:
        raise InternalFault(f"Nothing completes in {shell}", "Install the station again")
    click.echo(kind(station, {}, "station", COMPLETE_VARIABLE).source())


def support_powershell() -> None:
    """Let click complete in PowerShell, too."""
    from click_pwsh import support_pwsh_shell_completion  # noqa: PLC0415  only when that shell asks

    support_pwsh_shell_completion()


def complete_batches(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Give the ledger's batches that begin so."""
    return _from_ledger(context, incomplete, _batches)


def complete_orders(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Give the ledger's work orders that begin so."""
    return _from_ledger(context, incomplete, _orders)


def complete_batches_and_orders(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Give both."""
    return _from_ledger(context, incomplete, lambda ledger: {**_batches(ledger), **_orders(ledger)})


def _batches(ledger: Ledger) -> dict[str, str]:
    return {batch.name: f"{batch.left} left" for batch in ledger.batches()}


def _orders(ledger: Ledger) -> dict[str, str]:
    return {order.number: order.state for order in ledger.work_orders.all()}


def _from_ledger(
    context: click.Context, incomplete: str, names: Callable[[Ledger], Mapping[str, str]]
) -> list[CompletionItem]:
    """Give the names that begin so, with a word of each; none when the ledger does not open, or not without a passphrase."""
    from station.ledger import Ledger  # noqa: PLC0415  --help must not pay for SQLAlchemy

    session = context.ensure_object(Session)
    try:
        with Ledger.open(session.data, url=session.ledger_url, read_only=True) as ledger:
            found = names(ledger)
    except (CodedError, OSError):
        return []
    return [CompletionItem(name, help=word) for name, word in found.items() if name.startswith(incomplete)]
