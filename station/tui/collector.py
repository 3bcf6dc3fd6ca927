"""Python's collector of cycles: it looks through everything that lives, and keys wait for it meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def spare() -> None:
    """Let the collector look no more through what lives now: code, styles and tiles stay for the shift.

    Looking through 120 000 objects takes 0.1 s, through the few thousand that come later 10 ms.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def spared() -> Iterator[None]:
    """Spare what lives now, and what is spared during the block, until its end."""
    spare()
    try:
        yield
    finally:
        gc.unfreeze()
