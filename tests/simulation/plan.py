"""What a simulation does: a seed makes a plan of stations, units and faults; a test can write one itself."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Place(StrEnum):
    """Where in the program a point is."""

    CHIP = "chip"
    WRITE = "write"
    """Between two pieces of a region on their way into the flash."""
    DATABASE = "database"
    COMMIT = "commit"
    FILE = "file"


class FaultKind(StrEnum):
    """What can go wrong."""

    KILL = "kill"
    """One station process is gone; what it had committed stays."""
    POWER_CUT = "power cut"
    """All processes are gone, and what was not synced yet may be lost or half there."""
    PORT_GONE = "port gone"
    PULL = "unit pulled"
    SWAP = "unit swapped"
    GARBAGE = "garbage"
    TRUNCATED = "truncated answer"
    CHIP_RESET = "chip reset"
    WRONG_MD5 = "wrong MD5"
    WRONG_MAC = "wrong MAC"
    SPOILT_FLASH = "spoilt flash"
    BUSY = "ledger busy"
    READ_ONLY = "ledger read-only"
    DISK_FULL = "disk full"
    DISK_ERROR = "disk error"
    SLOW = "slow disk"
    CLOCK_BACK = "clock stepped back"
    TWO_LANES = "one unit on two lanes"
    ABORT_TWICE = "aborted twice"
    OTHER_LANES = "restart with other lanes"
    VOID = "certificate voided"


EVERYWHERE: Final = frozenset(Place)
_CHIP: Final = frozenset({Place.CHIP, Place.WRITE})
_DATABASE: Final = frozenset({Place.DATABASE, Place.COMMIT})
PLACES: Final[dict[FaultKind, frozenset[Place]]] = {
    FaultKind.KILL: EVERYWHERE,
    FaultKind.POWER_CUT: EVERYWHERE,
    FaultKind.PORT_GONE: EVERYWHERE,
    FaultKind.PULL: EVERYWHERE,
    FaultKind.SWAP: EVERYWHERE,
    FaultKind.GARBAGE: _CHIP,
    FaultKind.TRUNCATED: _CHIP,
    FaultKind.CHIP_RESET: EVERYWHERE,
    FaultKind.WRONG_MD5: frozenset({Place.CHIP}),
    FaultKind.WRONG_MAC: frozenset({Place.CHIP}),
    FaultKind.SPOILT_FLASH: frozenset({Place.WRITE}),
    FaultKind.BUSY: _DATABASE,
    FaultKind.READ_ONLY: _DATABASE,
    FaultKind.DISK_FULL: frozenset({Place.DATABASE, Place.COMMIT, Place.FILE}),
    FaultKind.DISK_ERROR: frozenset({Place.DATABASE, Place.COMMIT, Place.FILE}),
    FaultKind.SLOW: _DATABASE,
    FaultKind.CLOCK_BACK: EVERYWHERE,
    FaultKind.TWO_LANES: EVERYWHERE,
    FaultKind.ABORT_TWICE: EVERYWHERE,
    FaultKind.OTHER_LANES: EVERYWHERE,
    FaultKind.VOID: EVERYWHERE,
}
_OFTEN: Final = {FaultKind.KILL: 4, FaultKind.POWER_CUT: 3, FaultKind.SWAP: 3, FaultKind.SLOW: 2}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that strikes at the first point from `step` on where it can; `choice` settles its details."""

    step: int
    kind: FaultKind
    choice: int
    exact: bool = False
    """Strikes at this very step or never."""

    def fits(self, step: int, place: Place) -> bool:
        if self.exact and step != self.step:
            return False
        return step >= self.step and place in PLACES[self.kind]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that differs from one simulation to the next."""

    seed: int
    faults: tuple[Fault, ...] = ()
    processes: int = 1
    fixtures: int = 2
    units: int = 3
    foreign_units: int = 0
    """Units that come with a certificate of another station."""
    carried: int = 0
    """They all come with the certificate of this number, of the station's own batch, instead."""
    talkative_units: int = 0
    """Units whose application prints its secret and fails to start, at its first start."""
    resting: bool = False
    """Fixtures hold units in download mode: one that is swapped in answers at once, without a sync."""
    cold_start: bool = False
    """The data folder does not exist yet."""
    second_batch: bool = False
    """A second CSV is imported too, in which some certificates of the first stand again."""
    checkpoint_pages: int = 4000
    reworks: int = 0
    """Passed units that come once more."""


def plan_of(seed: int) -> Plan:
    """Give the plan of a seed."""
    rng = random.Random(f"plan {seed}")  # noqa: S311  a simulation must be repeatable
    kinds = [kind for kind in FaultKind for _ in range(_OFTEN.get(kind, 1))]
    units = rng.choice((1, 2, 2, 3, 3, 4))
    horizon = 150 + 220 * units
    faults = (
        Fault(rng.randrange(horizon), rng.choice(kinds), rng.randrange(1 << 30))
        for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4, 6)))
    )
    processes = rng.choice((1, 1, 1, 2))
    return Plan(
        seed=seed,
        faults=tuple(sorted(faults, key=lambda fault: fault.step)),
        processes=processes,
        fixtures=rng.choice((1, 2, 2, 3)) + processes - 1,
        units=units,
        foreign_units=int(rng.random() < 0.1),
        talkative_units=int(rng.random() < 0.15),
        resting=rng.random() < 0.5,
        cold_start=rng.random() < 0.04,
        second_batch=rng.random() < 0.2,
        checkpoint_pages=rng.choice((4, 30, 200, 4000, 4000)),
        reworks=rng.choice((0, 0, 1)),
        carried=rng.choice((0, 1, 2, 3)),
    )
