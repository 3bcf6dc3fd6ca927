"""What is wrong with bytes that were meant for flash."""

from __future__ import annotations

from typing import Unpack

from station.errors import Told, filled


class ImageFault(ValueError):
    """A file or a value cannot go into flash.

    `cause` and `mend` are sentences for a person, without a final full stop in `cause`. Neither ever holds a value that
    may be a secret: keys, sizes and addresses only. `facts` fill the screen's sentence for it, where the screen has one.
    """

    def __init__(self, cause: str, mend: str, **told: Unpack[Told]) -> None:
        super().__init__(f"{cause}. {mend}")
        self.cause = cause
        self.mend = mend
        self.facts = filled(**told)
