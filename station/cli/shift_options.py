"""Options that `run`, `flash`, `demo` and `label` share. Loads nothing that --help would have to wait for."""

from __future__ import annotations

from pathlib import Path

import click

from station.cli.completion import complete_batches, complete_orders

profile_argument = click.argument("profile", type=click.Path(path_type=Path))
port_option = click.option(
    "--port", "ports", multiple=True, metavar="URL", help="Serial port or rfc2217://host:port; once for each lane."
)
batch_option = click.option(
    "--batch", metavar="B", shell_complete=complete_batches, help="Batch to take certificates from."
)
order_option = click.option(
    "--order", metavar="NUMBER", shell_complete=complete_orders, help="Work order to make units for."
)
operator_option = click.option(
    "--operator",
    default=None,
    metavar="NAME",
    help="Who works here, name or badge (default, as long as there are no operators: the system's user).",
)
