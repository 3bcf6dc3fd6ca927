"""A bar on standard error, while a person looks at it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from station.cli.context import Session


@contextmanager
def progress_bar(session: Session, label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show how far something is on standard error, when a person looks at it."""
    if session.json or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1000, label=label, file=sys.stderr) as bar:
        shown = 0

        def heard(done: int, total: int) -> None:
            nonlocal shown
            now = done * 1000 // max(total, 1)
            bar.update(now - shown)
            shown = now

        yield heard
