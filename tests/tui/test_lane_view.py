"""The view of a lane follows its events."""

from __future__ import annotations

from functools import reduce

import pytest

from station.events import Event, LaneClosed, LaneWaiting, StepReported, VerdictReached, WaitReason
from station.tui.lane_view import LaneView, Phase, apply, tick
from station.verdict import Step, StepState, Verdict
from tests.tui.fake_line import TOTAL_BYTES, failed, passed, progress, station_fault, until_write, waiting, writing


def view_after(*events: Event) -> LaneView:
    return reduce(apply, events, LaneView(1, "/dev/ttyUSB0"))


def test_a_new_lane_is_opening() -> None:
    assert LaneView(1, "COM7").phase is Phase.OPENING


def test_a_waiting_lane_shows_nothing_of_a_unit() -> None:
    view = view_after(*passed(1), waiting(1))

    assert (view.phase, view.device_name, view.mac, view.verdict) == (Phase.WAITING, None, None, None)
    assert all(line.state is None for line in view.steps)


def test_a_waiting_lane_still_names_the_last_unit() -> None:
    view = view_after(*passed(1, "plug-000312"), waiting(1), waiting(1))

    assert view.previous is not None
    assert (view.previous.verdict, view.previous.device_name) == (Verdict.PASS, "plug-000312")
    assert view.previous.previous is None


def test_the_verdict_stands_while_the_unit_is_still_in() -> None:
    view = view_after(*failed(1))

    assert (view.phase, view.wait, view.verdict) == (Phase.FINISHED, WaitReason.REMOVE_UNIT, Verdict.FAIL)
    assert view.code == "F31"
    assert view.failed_step is not None
    assert view.failed_step.step is Step.START


@pytest.mark.parametrize("reason", [WaitReason.INSERT_UNIT, WaitReason.PRESS_START, WaitReason.HOLD_BOOT])
def test_a_bad_units_verdict_stands_until_the_next_run(reason: WaitReason) -> None:
    """Also when the unit was pulled out or cannot be seen any more."""
    view = view_after(*failed(1, "F21"), waiting(1, reason))

    assert (view.phase, view.verdict, view.code) == (Phase.FINISHED, Verdict.FAIL, "F21")
    assert view.can_start == (reason is WaitReason.PRESS_START)
    assert apply(view, until_write(1)[1]).phase is Phase.WORKING


@pytest.mark.parametrize("reason", [WaitReason.PRESS_START, WaitReason.HOLD_BOOT])
def test_a_good_units_verdict_stands_where_its_removal_cannot_be_seen(reason: WaitReason) -> None:
    view = view_after(*passed(1)[:-1], waiting(1, reason))

    assert (view.phase, view.verdict, view.wait) == (Phase.FINISHED, Verdict.PASS, reason)


def test_a_station_fault_after_a_verdict_is_told() -> None:
    assert view_after(*failed(1, "E13", Verdict.ERROR), *station_fault(1)).phase is Phase.FAULT


def test_a_retry_forgets_the_failure() -> None:
    view = view_after(*failed(1), *until_write(1)[1:])

    assert (view.phase, view.verdict, view.code, view.failed_step) == (Phase.WORKING, None, None, None)


def test_detect_told_before_the_run_is_kept() -> None:
    detect = StepReported(1, Step.DETECT, StepState.DONE, 0.4)
    view = view_after(waiting(1), detect, until_write(1)[1])

    assert view.phase is Phase.WORKING
    assert (view.steps[0].state, view.steps[0].seconds) == (StepState.DONE, 0.4)


def test_the_rate_is_bytes_per_second_of_the_last_two_seconds() -> None:
    slow_then_fast = [progress(1, 10.0, 0.1), progress(1, 11.0, 0.2), progress(1, 12.0, 0.3), progress(1, 13.0, 0.4)]
    view = view_after(*until_write(1), *slow_then_fast)

    assert view.rate_bytes_per_s == pytest.approx(TOTAL_BYTES * 0.1, rel=0.01)
    assert view.time_left_s == pytest.approx(6.0, rel=0.01)
    assert view.share_written == pytest.approx(0.4, rel=0.01)


def test_no_rate_is_told_before_anything_was_written() -> None:
    view = view_after(*until_write(1))

    assert (view.rate_bytes_per_s, view.time_left_s, view.share_written) == (None, None, 0.0)


def test_a_stalled_write_has_no_time_left_to_tell() -> None:
    view = view_after(*until_write(1), progress(1, 1.0, 0.5), progress(1, 9.0, 0.5))

    assert view.rate_bytes_per_s == 0
    assert view.time_left_s is None


def test_a_write_that_begins_again_counts_from_its_new_begin() -> None:
    again = StepReported(1, Step.WRITE, StepState.BEGUN, 0.0, 0, TOTAL_BYTES)
    view = view_after(*writing(1), again)

    assert (view.done_bytes, view.rate_bytes_per_s) == (0, None)


def test_samples_are_bounded() -> None:
    view = view_after(*until_write(1), *(progress(1, number / 10, number / 1000) for number in range(1, 1000)))

    assert len(view.samples) <= 22


def test_a_station_fault_is_told_by_its_code() -> None:
    view = view_after(*station_fault(1))

    assert (view.phase, view.code) == (Phase.FAULT, "E10")


def test_a_waiting_step_grows_older_with_the_clock() -> None:
    view = tick(tick(view_after(*until_write(1)), 1.0), 1.0)

    assert view.current_step is not None
    assert view.current_step.seconds == 2.0


def test_an_idle_lane_does_not_grow_older() -> None:
    view = view_after(waiting(1))

    assert tick(view, 1.0) is view


def test_retry_is_possible_where_something_did_not_pass_or_a_key_is_awaited() -> None:
    assert view_after(*failed(1)).can_start
    assert view_after(waiting(1, WaitReason.PRESS_START)).can_start
    assert not view_after(*passed(1)).can_start
    assert not view_after(waiting(1)).can_start
    assert not view_after(*writing(1)).can_start


def test_only_a_run_can_be_aborted() -> None:
    assert view_after(*writing(1)).can_abort
    assert not view_after(*failed(1)).can_abort
    assert not view_after(waiting(1)).can_abort


def test_a_closed_lane_says_so() -> None:
    assert view_after(*passed(1), LaneClosed(1)).phase is Phase.CLOSED


def test_control_characters_from_outside_are_made_harmless() -> None:
    evil = "\x1b[31mplug\x9b2J\u202e\n"
    reached = VerdictReached(1, 1, Verdict.FAIL, None, evil, 1.0, "F31", evil, evil)
    view = view_after(*until_write(1), reached)

    for text in (view.device_name, view.message, view.mend):
        assert text == "·[31mplug·2J··"


def test_a_message_of_a_wait_is_made_harmless() -> None:
    view = view_after(LaneWaiting(1, WaitReason.STATION_FAULT, "gone\x1b]0;x\x07", "E10"))

    assert view.message == "gone·]0;x·"
