"""Every fault at every point: small plans in which one fault strikes at one step, for each step and each kind."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.simulation.plan import PLACES, Fault, FaultKind, Place, Plan
from tests.simulation.run import simulate

_OF_TWO: Final = frozenset({FaultKind.SWAP, FaultKind.TWO_LANES, FaultKind.OTHER_LANES})
_OF_THE_DISK: Final = frozenset({FaultKind.KILL, FaultKind.POWER_CUT, FaultKind.DISK_FULL, FaultKind.DISK_ERROR})
_ONE_UNIT: Final = Plan(seed=0, fixtures=1, units=1)
_TWO_LANES: Final = Plan(seed=0, fixtures=2, units=3, resting=True)
_FIRST_START: Final = Plan(seed=0, fixtures=1, units=1, cold_start=True)
SWEEPS: Final = (
    (_ONE_UNIT, frozenset(FaultKind) - _OF_TWO),
    (_TWO_LANES, _OF_TWO),
    (_FIRST_START, _OF_THE_DISK),
)
"""Plans with what strikes in each: one unit on one lane; two lanes for what takes two; a station that was never there."""


@functools.cache
def undisturbed_points(plan: Plan) -> tuple[str, ...]:
    """Give what each step of a plan does while nothing goes wrong: place and name."""
    outcome = simulate(plan)
    if outcome.violation is not None:
        raise AssertionError(str(outcome))
    return tuple(f"{place} {name}" for place, name in outcome.points)


def each_point(plan: Plan, kind: FaultKind) -> Iterator[Plan]:
    """Give the plan once for every step at which this kind can strike."""
    rng = random.Random(f"sweep {kind}")  # noqa: S311  a simulation must be repeatable
    for step, point in enumerate(undisturbed_points(plan), 1):
        choice = rng.randrange(1 << 30)
        if point.split(None, 1)[0] in PLACES[kind]:
            yield replace(plan, faults=(Fault(step, kind, choice, exact=True),))


def instant_swaps() -> Iterator[Plan]:
    """Give a plan for each step of one lane at which a relay turns to the fixture's other nest, where a unit rests."""
    plan = Plan(seed=0, fixtures=1, units=2, resting=True)
    for step in range(1, len(undisturbed_points(plan)) + 1):
        yield replace(plan, faults=(Fault(step, FaultKind.SWAP, 0, exact=True),))


def power_cuts_of_one_unit() -> Iterator[Plan]:
    """Give the walk of one unit with a power cut at each piece of a region on its way into the flash."""
    for struck in each_point(_ONE_UNIT, FaultKind.POWER_CUT):
        if undisturbed_points(_ONE_UNIT)[struck.faults[0].step - 1].startswith(Place.WRITE):
            yield struck


def each_call(places: frozenset[Place], kind: FaultKind) -> Iterator[Plan]:
    """Give an import and the walk of one unit once for every call at these places: that one fails, and nothing else does."""
    for struck in each_point(_ONE_UNIT, kind):
        (fault,) = struck.faults
        if undisturbed_points(_ONE_UNIT)[fault.step - 1].split(None, 1)[0] in places:
            yield replace(struck, faults=(replace(fault, choice=0),))


def whole_sweep() -> Iterator[Plan]:
    """Give every plan of every sweep."""
    for plan, kinds in SWEEPS:
        for kind in sorted(kinds):
            yield from each_point(plan, kind)


def lean_sweep() -> Iterator[Plan]:
    """Give of the whole sweep one plan for each kind of fault at each kind of point, wherever that stands in the run."""
    for plan, kinds in SWEEPS:
        points = undisturbed_points(plan)
        for kind in sorted(kinds):
            rng = random.Random(f"lean {kind}")  # noqa: S311  a simulation must be repeatable
            by_point: dict[str, list[Plan]] = {}
            for struck in each_point(plan, kind):
                by_point.setdefault(points[struck.faults[0].step - 1], []).append(struck)
            yield from (rng.choice(plans) for plans in by_point.values())
