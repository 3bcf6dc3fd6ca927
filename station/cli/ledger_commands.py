"""`station ledger`: what concerns the ledger as a whole."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

import click

from station.cli.asking import pin_file_option
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.cli.leads import require_line_lead
from station.cli.progress import progress_bar
from station.errors import UsageError


@click.group()
@global_options
def ledger() -> None:
    """The ledger as a whole: its backup, its key, who may do what in a factory's."""


@ledger.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@global_options
@pass_session
def backup(session: Session, file: Path) -> None:
    """Copy the ledger to FILE, consistent and looked at, while lanes go on. Never over a file that is there.

    Keep ledger.key and station.key apart from it: without the first no certificate can be read from the copy.
    With --json one object: path, size_bytes, events.

    Example: station ledger backup /media/backup/ledger-2026-11-24.sqlite3
    """
    with session.open_ledger() as opened, progress_bar(session, "Copying") as progress:
        result = opened.back_up(file, progress)
    if session.json:
        say_json({"path": str(result.path), "size_bytes": result.size_bytes, "events": result.events})
    else:
        say(f"The ledger with {result.events} events is copied to {result.path} ({result.size_bytes >> 10} KB).")


@ledger.command("rekey")
@click.option(
    "--to",
    "source",
    type=click.Choice(["file", "keyring", "passphrase"]),
    help="Where the new key shall be; without it where the old one is.",
)
@click.option(
    "--new-passphrase-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The new passphrase, first line; asked for at the terminal without it.",
)
@click.option("--operator", metavar="LEAD", help="The line lead who decides, name or badge.")
@pin_file_option
@global_options
@pass_session
def rekey(
    session: Session,
    source: str | None,
    new_passphrase_file: Path | None,
    operator: str | None,
    pin_file: Path | None,
) -> None:
    """Give the ledger a new key, and seal every certificate anew with it. Lanes go on meanwhile.

    For a line lead, by PIN. As long as there is none, anybody may.
    Broken off, by a crash too, it loses nothing: the same command goes on where it ended.

    With --json one object: source, place, rows, resumed, old_place.

    Example: station ledger rekey --to passphrase
    """
    from station.cli.passphrase import new_passphrase_of  # noqa: PLC0415  --help must not pay for it
    from station.ledger.key_source import KeySource  # noqa: PLC0415  as above

    def ask(question: str) -> str:
        return new_passphrase_of(question, new_passphrase_file)

    with session.open_ledger() as opened:
        who = require_line_lead(session, opened, "change the ledger's key", operator=operator, pin_file=pin_file)
        with progress_bar(session, "Sealing anew") as progress:
            to = KeySource(source) if source else None
            result = opened.rekey(to, ask=ask, operator=who, progress=progress)
    if session.json:
        say_json(
            {
                "source": result.source.value,
                "place": result.place,
                "rows": result.rows,
                "resumed": result.resumed,
                "old_place": result.old_place,
            }
        )
        return
    if result.resumed:
        say("A change of the key that was broken off is finished now.")
    say(
        f"The ledger's key is {_where(result.source.value, result.place)}; {result.rows} certificates were sealed anew."
    )
    if result.old_place:
        say(
            f"The old key is still in {result.old_place}: backups made before today need it. Destroy it with the last of them."
        )


@ledger.command("kept")
@click.option("--record", "records", is_flag=True, help="Have the server take them now; exit code 3 when it is away.")
@global_options
@pass_session
def kept(session: Session, records: bool) -> None:
    """Tell the verdicts that this station keeps because the factory's server was away. Needs no server.

    They are recorded by themselves as soon as a station works with the ledger again, exactly once.
    With --json an array of {run, at, verdict, code, seconds}.

    Example: station ledger kept --record --ledger postgresql://line1@server/ledger
    """
    from station.ledger.verdict_spool import VerdictSpool  # noqa: PLC0415  --help must not pay for it

    with closing(VerdictSpool(session.data)) as spool:
        found = spool.all()
        if records:
            with session.open_ledger() as opened:
                opened.recorder.require_server()
            left = spool.all()
    if session.json:
        say_json(
            [
                {
                    "run": one.run_id,
                    "at": one.at,
                    "verdict": one.verdict.verdict,
                    "code": one.verdict.code,
                    "seconds": one.verdict.seconds,
                }
                for one in found
            ]
        )
        return
    for one in found:
        say(f"run {one.run_id:<8} {one.at[:19]}Z  {one.verdict.verdict:<8} {one.verdict.code or ''}".rstrip())
    if records:
        say(f"{len(found) - len(left)} verdicts are recorded, {len(left)} are kept.")
    else:
        say(f"{len(found)} verdicts are kept." if found else "No verdict is kept: the ledger has them all.")


@ledger.command("roles")
@click.option(
    "--login",
    "logins",
    multiple=True,
    metavar="NAME[=STATION]",
    help="A login of the server to make for a station; with =STATION for one that has worked with the ledger already.",
)
@click.option("--apply", "applies", is_flag=True, help="Do it in the factory's ledger; without it the SQL is printed.")
@global_options
@pass_session
def roles(session: Session, logins: tuple[str, ...], applies: bool) -> None:
    """Give stations logins that may take and record, and not rewrite the audit log or the work of other stations.

    Works with the owner's --ledger. Logins are made without a password: set it with psql's \\password.

    Example: station ledger roles --login line1 --apply --ledger postgresql://owner@server/ledger
    """
    from station.ledger.database import Database, choose_dialect  # noqa: PLC0415  --help must not pay for it
    from station.ledger.postgresql_roles import apply_roles, roles_sql  # noqa: PLC0415  as above

    pairs = [login.partition("=") for login in logins]
    statements = roles_sql([(name, station or None) for name, _, station in pairs])
    if not applies:
        say("\n".join(f"{statement};" for statement in statements))
        return
    dialect = choose_dialect(session.ledger_url, session.data, read_only=False)
    if not dialect.is_shared:
        raise UsageError("logins are a server's", "Name the factory's ledger with --ledger", "--ledger")
    database = Database(dialect)
    try:
        apply_roles(database, statements)
    finally:
        database.close()
    if session.json:
        say_json({"logins": [name for name, _, _ in pairs]})
    else:
        say(f"The rights are set; logins: {', '.join(name for name, _, _ in pairs) or 'none new'}.")


@ledger.command("migrate")
@click.option(
    "--from",
    "source",
    metavar="URL",
    help="The ledger that moves, sqlite:///FILE; without it that of the data folder.",
)
@click.option(
    "--to", "target", required=True, metavar="URL", help="An empty database: postgresql://owner@host/database"
)
@click.option("--operator", metavar="LEAD", help="The line lead who decides, name or badge.")
@pin_file_option
@global_options
@pass_session
def migrate(session: Session, source: str | None, target: str, operator: str | None, pin_file: Path | None) -> None:
    """Move the ledger of a data folder to a PostgreSQL server, for several stations.

    For a line lead, by PIN. All or nothing: every table is compared, every audit chain is proven on both sides. Stations may have
    it open, but no unit may be at work; they are told then where it is, and nothing can be changed here any more. Broken off
    at any instant the same command goes on, and says when all is there. The key stays: share it with `station key share`.

    With --json one object: place, was_there, rows (by table), heads (last event by station).

    Example: station ledger migrate --from sqlite:///data/ledger.sqlite3 --to postgresql://owner@server/ledger
    """
    from station.ledger import Ledger  # noqa: PLC0415  --help must not pay for SQLAlchemy
    from station.ledger.moving import finish_move, source_of_move  # noqa: PLC0415  as above

    data, url = source_of_move(source, session.data)
    result = finish_move(url, target)
    if result is None:
        with Ledger.open(data, url=url, ask=session.ask_passphrase) as opened:
            who = require_line_lead(session, opened, "move the ledger", operator=operator, pin_file=pin_file)
            with progress_bar(session, "Moving") as progress:
                result = opened.moving.to(target, operator=who, progress=progress)
    if session.json:
        say_json(
            {
                "place": result.place,
                "was_there": result.was_there,
                "rows": dict(result.rows),
                "heads": dict(result.heads),
            }
        )
        return
    counted = ", ".join(f"{result.rows[table]} {table.replace('_', ' ')}" for table in _COUNTED)
    say(
        f"The ledger {'was moved before; all of it is' if result.was_there else 'is now'} on {result.place}: {counted}."
    )
    say("Start each station with that address, --ledger or STATION_LEDGER. Other PCs need the key: station key share.")


_COUNTED: Final = ("batches", "certificates", "runs", "audit_events")


def _where(source: str, place: str) -> str:
    return f"in {place}" if source != "passphrase" else "the new passphrase"
