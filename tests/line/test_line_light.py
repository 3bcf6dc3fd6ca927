"""One light for all lanes: the state that needs a person most, by what each lane said last."""

from __future__ import annotations

import pytest

from station.events import Event, LaneClosed, LaneWaiting, RunStarted, StepReported, VerdictReached, WaitReason
from station.line.line_light import LineLight
from station.peripherals.stack_light import LightState
from station.verdict import Step, StepState, Verdict

S = LightState


def verdict(kind: Verdict, lane: int = 1) -> VerdictReached:
    return VerdictReached(lane, 1, kind, None, None, 1.0)


def waits(reason: WaitReason, lane: int = 1) -> LaneWaiting:
    return LaneWaiting(lane, reason)


INSERT, REMOVE = waits(WaitReason.INSERT_UNIT), waits(WaitReason.REMOVE_UNIT)
RUN = RunStarted(1, 1)


def shown(*events: Event) -> list[LightState]:
    """Give what was shown, one after the other."""
    states: list[LightState] = []
    light = LineLight(states.append)
    for event in events:
        light.hear(event)
    return states


@pytest.mark.parametrize(
    ("events", "states"),
    [
        ([INSERT, RUN, verdict(Verdict.PASS), REMOVE, INSERT], [S.WAITING, S.WORKING, S.UNIT_GOOD, S.WAITING]),
        ([RUN, verdict(Verdict.FAIL), REMOVE, INSERT], [S.WORKING, S.UNIT_BAD, S.WAITING]),
        ([RUN, verdict(Verdict.ABORTED), REMOVE, RUN], [S.WORKING, S.UNIT_BAD, S.WORKING]),
        ([RUN, verdict(Verdict.ERROR), REMOVE, INSERT], [S.WORKING, S.STATION_FAULT, S.WAITING]),
        ([waits(WaitReason.STATION_FAULT), INSERT], [S.STATION_FAULT, S.WAITING]),
        ([RUN, verdict(Verdict.FAIL), waits(WaitReason.PRESS_START), RUN], [S.WORKING, S.UNIT_BAD, S.WORKING]),
        ([RUN, verdict(Verdict.PASS), waits(WaitReason.SCAN_LABEL)], [S.WORKING, S.UNIT_GOOD, S.WAITING]),
        ([INSERT, RUN, LaneClosed(1)], [S.WAITING, S.WORKING, S.OFF]),
        ([RUN, StepReported(1, Step.WRITE, StepState.PROGRESS), RUN], [S.WORKING]),
    ],
)
def test_a_lane_alone(events: list[Event], states: list[LightState]) -> None:
    assert shown(*events) == states


def test_of_several_lanes_the_one_that_needs_a_person_most_is_shown() -> None:
    states = shown(
        INSERT,
        waits(WaitReason.INSERT_UNIT, 2),
        RUN,
        RunStarted(2, 2),
        verdict(Verdict.PASS),
        verdict(Verdict.FAIL, 2),
        waits(WaitReason.STATION_FAULT, 3),
        LaneClosed(3),
        waits(WaitReason.INSERT_UNIT, 2),
        INSERT,
        LaneClosed(1),
        LaneClosed(2),
    )

    assert states == [
        S.WAITING, S.WORKING, S.UNIT_GOOD, S.UNIT_BAD, S.STATION_FAULT, S.UNIT_BAD, S.UNIT_GOOD, S.WAITING, S.OFF
    ]  # fmt: skip
