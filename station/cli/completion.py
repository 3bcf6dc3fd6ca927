"""`station completion`, and what the shell then completes beside words and files: the names of batches."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import CompletionItem, get_completion_class

from station.cli.context import Session, global_options
from station.errors import CodedError, InternalFault

COMPLETE_VARIABLE: Final = "_STATION_COMPLETE"
"""In it the shell's function says what it asks."""
_SHELLS: Final = {"bash": "bash", "zsh": "zsh", "fish": "fish", "powershell": "pwsh"}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@global_options
def completion(shell: str) -> None:
    """Print what makes SHELL complete commands, options, files and the ledger's batches.

    bash (in ~/.bashrc), zsh: eval "$(station completion bash)". fish: station completion fish | source.
    powershell, 5.1 and 7 (in $PROFILE): station completion powershell | Out-String | Invoke-Expression

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
    """Give the ledger's batches that begin so; none when the ledger does not open, or not without a passphrase."""
    from station.ledger import Ledger  # noqa: PLC0415  --help must not pay for SQLAlchemy

    session = context.ensure_object(Session)
    try:
        with Ledger.open(session.data, url=session.ledger_url, read_only=True) as ledger:
            batches = ledger.batches()
    except (CodedError, OSError):
        return []
    return [
        CompletionItem(batch.name, help=f"{batch.left} left") for batch in batches if batch.name.startswith(incomplete)
    ]
