"""`station batch seal`: certificates travel as a file that one station alone can import."""

from __future__ import annotations

from pathlib import Path

import click

from station.cli.context import Session, global_options, pass_session, say, say_json


@click.command("seal")
@click.argument("csv", type=click.Path(path_type=Path))
@click.option("--to", "recipient", required=True, metavar="RECIPIENT", help="What `station key show` prints there.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="The file to make; without it CSV.age.")
@click.option("--force", is_flag=True, help="Take the place of a file of that name.")
@global_options
@pass_session
def seal(session: Session, csv: Path, recipient: str, out: Path | None, force: bool) -> None:
    """Seal CSV, so that only the station of RECIPIENT can import it. It is checked first, as an import does.

    With --json one object: out, product_key, rows.

    Example: station batch seal smart-plug.csv --to age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
    """
    from station.ledger.sealed_batch import seal_csv  # noqa: PLC0415  --help must not pay for it

    done = seal_csv(csv, recipient, out or csv.with_name(csv.name + ".age"), force=force)
    if session.json:
        say_json({"out": str(done.out), "product_key": done.product_key, "rows": done.rows})
    else:
        say(f"{done.out}: {done.rows} certificates of {done.product_key}, sealed. The clear file is still in {csv}.")
