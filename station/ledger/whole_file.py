"""A file for people that is written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from station.drafts import replacement_of
from station.errors import UsageError


def refuse_existing(out: Path, *, force: bool) -> None:
    """Raise UsageError for a file that is there and is not to be replaced."""
    if out.exists() and (not force or not out.is_file()):
        mend = "Name another file, or replace it with --force" if out.is_file() else "Name a file"
        raise UsageError(f"{out.name or out} is there already", mend, str(out))


@contextmanager
def written_whole(out: Path) -> Iterator[Path]:
    """Give the draft to write, which takes the place of `out` when the block ends; UsageError when it cannot be written."""
    try:
        with replacement_of(out) as draft:
            yield draft
    except OSError as error:
        raise UsageError(
            f"the file cannot be written: {error.strerror or type(error).__name__}",
            "Name a place where this user may write and the disk has room",
            str(out),
        ) from None
