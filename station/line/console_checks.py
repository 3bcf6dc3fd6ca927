"""What a started unit must say on its console, and what it must not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from station.errors import Code, InternalFault, UnitSilent, Why
from station.line.passage import Passage

DEVICE_NAME_GROUP: Final = "device_name"
"""A pattern's group of this name is compared with the certificate's DeviceName."""
LAST_WORDS_MAX: Final = 3
_FIXTURE: Final = "Check supply and BOOT pin of the fixture, put the unit in again: the same certificate is used"


class FirstOf:
    """Several patterns as one: `search` gives the match of the first that fits; `match.re` tells which."""

    def __init__(self, patterns: Sequence[re.Pattern[str]]) -> None:
        self._patterns = patterns

    def search(self, line: str, /) -> re.Match[str] | None:
        return next((match for pattern in self._patterns if (match := pattern.search(line))), None)


def listen(
    passage: Passage, within_s: float, *, expect: re.Pattern[str] | None, refused: re.Pattern[str] | None = None
) -> bool:
    """Wait for the expected line; False when the time is over first.

    UnitSilent: the unit says that the platform refuses it (F41), or that it is another than its certificate's (F42).
    """
    console = passage.console
    if console is None:
        raise InternalFault("a console check ran before start")
    match = console.wait_for(FirstOf([pattern for pattern in (refused, expect) if pattern is not None]), within_s)
    if match is None:
        return False
    if match.re is refused:
        words = passage.mask(match.group(0))
        raise refused_by_platform(f"the unit says: {words}", words)
    said = match.groupdict().get(DEVICE_NAME_GROUP)
    name = passage.certificate.identity.device_name
    if said is not None and said != name:
        raise UnitSilent(
            Code.OTHER_IDENTITY,
            f"The unit runs as {passage.mask(said)}, and its certificate is {name}",
            "Put it aside for the line lead: its firmware takes its certificate from elsewhere",
            facts={"said": passage.mask(said), "device_name": name},
        )
    return True


def refused_by_platform(why: str, said: str) -> UnitSilent:
    """Give the failure of a unit whose certificate the platform does not take; `said` is what it, or the platform, says of it."""
    return UnitSilent(
        Code.CLOUD_REFUSED,
        f"The unit was written and verified, but the platform refuses its certificate; {why}",
        "Put it aside for the line lead: compare the batch with the platform (station platform reconcile)",
        facts={"said": said},
    )


def never_said(
    passage: Passage,
    code: Code,
    what: str,
    within_s: float,
    *,
    aside: str = "",
    mend: str = _FIXTURE,
    why: Why | None = None,
) -> UnitSilent:
    """Give the failure of a unit of which in time was not heard what should be; its last words are told, without secrets."""
    lines = [] if passage.console is None else list(passage.console.lines)
    words = " | ".join(passage.mask(line) for line in lines[-LAST_WORDS_MAX:])
    told = f"its last words: {words}" if words else "it said nothing"
    return UnitSilent(
        code,
        f"The unit was written and verified, but {what} within {within_s:g} s{aside}; {told}",
        mend,
        facts={"within_s": f"{within_s:g}", "words": words or "-"},
        why=why,
    )
