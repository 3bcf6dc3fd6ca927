"""`station report`: what a batch came to, as a page for people, a table for analysts, numbers for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from station.cli.completion import complete_batches_and_orders
from station.cli.context import Session, global_options, pass_session, say, say_json
from station.errors import UsageError

_SUFFIXES: Final = {".html": "html", ".htm": "html", ".csv": "csv", ".parquet": "parquet"}


@click.command()
@click.argument("name", metavar="BATCH|ORDER", shell_complete=complete_batches_and_orders)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="The file to write.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "csv", "parquet"]),
    help="A page, or a table with a row for each run; without it, as FILE ends.",
)
@click.option("--force", is_flag=True, help="Replace the file when it is there.")
@global_options
@pass_session
def report(session: Session, name: str, out: Path | None, form: str | None, force: bool) -> None:
    """Report about a batch or a work order: quantities, yields, rates, times by step, failures by code, lane and station, units.

    The page needs nothing but a browser: it opens from a file share and prints. Definitions stand beside the numbers.
    With --json all numbers as one object; then --out may be left away. The audit log is signed as it stands.

    Example: station report smart-plug-2026-11 --out report.html --lang zh-CN

    Example: station report smart-plug-2026-11 --out runs.parquet
    """
    from station.ledger.whole_file import refuse_existing, written_whole  # noqa: PLC0415  --help must not pay for it

    if out is None and not session.json:
        raise UsageError("a report goes into a file", "Name it: --out report.html; or give --json", "--out")
    if out is not None:
        refuse_existing(out, force=force)
    form = form or _form_of(out)
    with session.open_ledger() as ledger:
        if form != "html" and out is not None:
            from station.reports.run_table import write_csv, write_parquet  # noqa: PLC0415  as above

            ledger.history.scope(name)
            with written_whole(out) as draft:
                rows = (write_csv if form == "csv" else write_parquet)(ledger, name, draft)
            _tell(session, f"{rows} runs written to {out}", {"path": str(out), "runs": rows})
            return
        from station.reports.page import report_page  # noqa: PLC0415  as above
        from station.reports.report import make_report  # noqa: PLC0415  as above
        from station.texts import Texts  # noqa: PLC0415  as above

        language = "" if out is None else session.language()  # what is wrong there ends it before anything is signed
        made = make_report(ledger, name)
        if out is not None:
            page = report_page(made, Texts(language))
            with written_whole(out) as draft:
                draft.write_text(page, encoding="utf-8", newline="\n")
        _tell(session, f"Report written to {out}", made.as_object())


def _form_of(out: Path | None) -> str:
    if out is None:
        return "html"
    form = _SUFFIXES.get(out.suffix.lower())
    if form is None:
        raise UsageError(f"how {out.name} is to be written is not known", "Say it with --format", "--format")
    return form


def _tell(session: Session, words: str, numbers: object) -> None:
    if session.json:
        say_json(numbers)
    else:
        say(words)
