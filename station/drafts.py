"""How a file is written whole or not at all: as a draft beside it, which takes its place when it is finished and on the disk."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ON_WINDOWS: Final = os.name == "nt"
PATIENCE_S: Final = 2.0
"""How long Windows may refuse, because a reader or a virus scanner holds the file for a moment."""
_PAUSE_S: Final = 0.02


@contextmanager
def replacement_of(target: Path) -> Iterator[Path]:
    """Give the path of a draft, which takes the target's place at the end of the block, or is removed after an error. OSError."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}.new")
    try:
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        _take_place(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _take_place(draft: Path, target: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            draft.replace(target)
        except PermissionError:
            if not ON_WINDOWS or time.monotonic() > end:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
