"""How often the terminal's bell rings for a verdict."""

from __future__ import annotations

from typing import Final

from station.tui.settings import Bell
from station.verdict import Verdict

RING_APART_S: Final = 0.3
"""Far enough for an ear to count."""
_GOOD_RINGS: Final = 1
_BAD_RINGS: Final = 3


def rings(verdict: Verdict, bell: Bell) -> int:
    """Give the number of rings: one for a good unit, three for any other, as far as the station wants them."""
    is_good = verdict is Verdict.PASS
    if bell is Bell.OFF or (is_good and bell is Bell.BAD):
        return 0
    return _GOOD_RINGS if is_good else _BAD_RINGS
