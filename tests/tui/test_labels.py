"""A unit's label goes to the lane that waits for it: the marked one, whatever has the focus; a wrong one is told and replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from station.events import (
    LabelRefused,
    LabelTaken,
    LabelWanted,
    RunStarted,
    SerialNumberBound,
    UnitDisposed,
    WaitReason,
)
from station.serial_number import EntryWay, ScanRefusal
from station.texts import Texts
from station.tui.app import StationApp
from station.tui.decision_screen import DecisionScreen
from station.tui.help_screen import HelpScreen
from station.tui.label_screen import LabelScreen
from station.tui.lane_view import RefusedScan
from station.tui.line_screen import LineScreen
from station.tui.scan_queue import ScanQueue
from station.tui.scan_words import refused_words
from station.tui.unit_screen import UnitScreen
from station.unit import Disposition
from tests.tui.driving import StationPilot, on_line, press, scan, settle, view_of
from tests.tui.fake_line import (
    FakeLabels,
    FakeLane,
    FakeLine,
    failed,
    fake_app,
    fake_line,
    mac_of,
    passed,
    waiting,
    writing,
)
from tests.tui.made_shift import fill
from tests.tui.pictures import screen_text

SP1, SP2, SP3 = "SP00000001", "SP00000002", "SP00000003"
WRONG = LabelRefused(
    1, "I50", "no label", "Scan again", ScanRefusal.OTHER_TEXT, {"scanned": "SP1x", "field": "hardware"}
)
SCANNED, TYPED = EntryWay.SCANNED, EntryWay.TYPED


@asynccontextmanager
async def labelling(lanes: int, *waits: int) -> AsyncIterator[tuple[StationApp, FakeLine, FakeLabels, StationPilot]]:
    """A line whose profile wants labels; these lanes began to wait for one, in this order."""
    line = fake_line(lanes)
    labels = line.labels = FakeLabels(line, {"SP1x": WRONG})
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*(waiting(lane) for lane in range(1, lanes + 1)))
        await settle(pilot)
        for lane in waits:
            line.say(waiting(lane, WaitReason.SCAN_LABEL))
            await settle(pilot)
        yield app, line, labels, pilot


def marked(app: StationApp, lanes: int) -> list[int]:
    return [lane for lane in range(1, lanes + 1) if view_of(app, lane).takes_scan]


async def test_a_scan_is_the_waiting_lanes_and_its_tile_tells_it() -> None:
    async with labelling(1, 1) as (app, line, labels, pilot):
        assert "Scan the label." in screen_text(app)
        await scan(pilot, SP1)
        line.say(waiting(1))
        await settle(pilot)

        assert labels.given == [(1, SP1, SCANNED, False)]
        assert f"Label {SP1}" in screen_text(app)
        assert "Insert a unit." in screen_text(app)


async def test_several_lanes_are_served_in_the_order_in_which_they_began_to_wait() -> None:
    async with labelling(3, 2, 3, 1) as (app, _, labels, pilot):
        assert marked(app, 3) == [2]
        for code in (SP1, SP2, SP3):
            await scan(pilot, code)

        assert [lane for lane, *_ in labels.given] == [2, 3, 1]
        assert marked(app, 3) == []


async def test_lanes_that_begin_together_are_served_by_their_numbers_whose_port_opens_first_or_not() -> None:
    line = fake_line(3)
    labels = line.labels = FakeLabels(line)
    app = fake_app(line)
    async with on_line(app) as pilot:
        for lane in (2, 3):
            line.say(waiting(lane, WaitReason.SCAN_LABEL))
            await settle(pilot)
        assert marked(app, 3) == []
        line.say(waiting(1, WaitReason.SCAN_LABEL))
        await settle(pilot)
        assert marked(app, 3) == [1]
        for code in (SP1, SP2, SP3):
            await scan(pilot, code)

        assert [lane for lane, *_ in labels.given] == [1, 2, 3]


async def test_a_taught_lane_without_an_adapter_keeps_no_scan_from_the_others() -> None:
    line = fake_line(2)
    line.lanes, line.without_adapter = (FakeLane(2, "/dev/ttyUSB0"), FakeLane(3, "/dev/ttyUSB1")), (1,)
    labels = line.labels = FakeLabels(line, {})
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(waiting(2, WaitReason.SCAN_LABEL), waiting(3, WaitReason.SCAN_LABEL))
        await settle(pilot)
        assert view_of(app, 2).takes_scan
        await scan(pilot, SP1)
        assert labels.given == [(2, SP1, SCANNED, False)]


async def test_the_palette_does_not_take_a_scan_for_the_name_of_an_action() -> None:
    async with labelling(1, 1) as (app, line, labels, pilot):
        await press(pilot, "ctrl+p")
        assert not isinstance(app.screen, LineScreen)
        await scan(pilot, SP1)
        await settle(pilot)

        assert labels.given == [(1, SP1, SCANNED, False)]
        assert isinstance(app.screen, LineScreen)
        assert line.calls == ["start"]


async def test_two_scans_in_one_breath_go_to_two_lanes() -> None:
    async with labelling(2, 1, 2) as (app, _, labels, pilot):
        assert isinstance(app.screen, LineScreen)
        app.screen.take_scan(SP1)
        app.screen.take_scan(SP2)
        await settle(pilot)

        assert sorted((lane, code) for lane, code, *_ in labels.given) == [(1, SP1), (2, SP2)]


async def test_a_lane_that_begins_to_wait_takes_the_mark_from_nobody_but_a_person_may() -> None:
    async with labelling(2, 2) as (app, line, labels, pilot):
        line.say(waiting(1, WaitReason.SCAN_LABEL))
        await settle(pilot)
        assert (marked(app, 2), app.line_screen.chosen if app.line_screen else 0) == ([2], 1)
        await press(pilot, "1")
        assert marked(app, 2) == [1]
        await scan(pilot, "LANE 2")
        assert marked(app, 2) == [2]
        await scan(pilot, SP1)

        assert labels.given == [(2, SP1, SCANNED, False)]


async def test_a_scan_that_does_not_fit_is_told_on_the_tile_which_waits_on() -> None:
    async with labelling(2, 1, 2) as (app, _, labels, pilot):
        await scan(pilot, "SP1x")
        assert "SP1x does not fit as hardware." in screen_text(app)
        assert marked(app, 2) == [1]
        await scan(pilot, SP1)

        assert [lane for lane, *_ in labels.given] == [1, 1]
        assert "SP1x" not in screen_text(app)


@pytest.mark.parametrize(("language", "told"), [("en", "the serial number, hardware"), ("zh-CN", "序列号, hardware")])
def test_fields_that_are_missing_on_a_label_are_named_in_the_language_that_is_spoken(language: str, told: str) -> None:
    words: dict[str, str | int] = {"scanned": "SP12", "count": 1, "wanted": 2, "names": "serial_number, hardware"}

    assert told in refused_words(RefusedScan("I50", ScanRefusal.OTHER_COUNT, words, ""), Texts(language))


async def test_help_before_the_line_does_not_keep_the_scan() -> None:
    async with labelling(1, 1) as (app, _, labels, pilot):
        await press(pilot, "f1")
        await scan(pilot, SP1)

        assert isinstance(app.screen, HelpScreen)
        assert labels.given == [(1, SP1, SCANNED, False)]


@pytest.mark.parametrize("pressed", [("f6",), ("f6", "1"), ("f6", "3", "enter", *"Wang", "enter")])
async def test_a_decision_in_the_middle_does_not_keep_another_lanes_label(pressed: tuple[str, ...]) -> None:
    async with labelling(2, 2) as (app, line, labels, pilot):
        line.record.label_form, line.record.lead_pin = "SP[0-9]{8}", "273 Garden"
        line.say(*failed(1))
        await press(pilot, "1", *pressed)
        await scan(pilot, SP1)

        assert labels.given == [(2, SP1, SCANNED, False)]
        assert isinstance(app.screen, DecisionScreen)
        assert line.record.decisions == []


async def test_a_reason_that_is_printed_as_a_barcode_answers_why() -> None:
    async with labelling(2, 2) as (_, line, labels, pilot):
        line.record.label_form = "SP[0-9]{8}"
        line.say(*failed(1))
        await press(pilot, "1", "f6", "1")
        await scan(pilot, "BENT PIN")

        assert [decision.reason for decision in line.record.decisions] == ["BENT PIN"]
        assert labels.given == []


async def test_looking_back_a_label_finds_its_unit() -> None:
    async with labelling(1, 1) as (app, line, labels, pilot):
        fill(line.record)
        line.record.stories[SP1] = line.record.stories["plug-000019"]
        await press(pilot, "f2")
        await scan(pilot, SP1)

        assert isinstance(app.screen, UnitScreen)
        assert labels.given == []


async def test_a_scan_that_nobody_waits_for_is_refused_on_the_chosen_tile() -> None:
    async with labelling(1) as (app, line, labels, pilot):
        labels.refused[SP1] = LabelRefused(1, "I50", "not wanted", "Remove it", ScanRefusal.NOT_WANTED, {"lane": 1})
        line.say(*passed(1))
        await settle(pilot)
        await scan(pilot, SP1)

        assert isinstance(app.screen, LineScreen)
        assert "No label is wanted here now." in screen_text(app)


async def test_a_label_is_typed_with_f7_and_recorded_as_typed() -> None:
    async with labelling(2, 2) as (app, _, labels, pilot):
        await press(pilot, "f7")
        assert "Label for lane 2" in screen_text(app)
        await press(pilot, *"ＳＰ00000001", "enter")

        assert isinstance(app.screen, LineScreen)
        assert labels.given == [(2, SP1, TYPED, True)]


async def test_a_wrong_label_is_replaced_or_taken_back_before_the_unit_is_in() -> None:
    async with labelling(2, 1, 2) as (app, line, labels, pilot):
        await scan(pilot, SP1)
        line.say(waiting(1))
        await settle(pilot)
        await press(pilot, "f7")
        assert f"Now: {SP1}" in screen_text(app)
        await press(pilot, *"SP1x", "enter")
        assert isinstance(app.screen, LabelScreen)
        assert "SP1x does not fit as hardware." in screen_text(app)
        await scan(pilot, SP3)
        assert view_of(app, 1).label is not None
        await scan(pilot, "LANE 1")
        assert isinstance(app.screen, LabelScreen)
        await press(pilot, "f8")

        assert labels.given[1:] == [(1, "SP1x", TYPED, True), (1, SP3, SCANNED, True)]
        assert line.calls[-1] == "take back 1"
        assert (view_of(app, 1).wants_label, marked(app, 2)) == (True, [2])


async def test_while_a_unit_is_worked_on_its_tile_asks_for_the_label_and_shows_it() -> None:
    async with labelling(1) as (app, line, labels, pilot):
        line.say(*writing(1), LabelWanted(1))
        await settle(pilot)
        assert "Scan the unit's label." in screen_text(app)
        await scan(pilot, SP1)
        assert "Do not touch the unit." in screen_text(app)
        line.say(SerialNumberBound(1, mac_of(1), SP1, False))
        await settle(pilot)

        view = view_of(app, 1)
        assert view.label is not None
        assert (view.label.serial_number, view.can_label) == (SP1, False)
        assert labels.given == [(1, SP1, SCANNED, False)]


async def test_the_next_units_label_takes_a_bad_verdict_from_the_tile() -> None:
    async with labelling(1) as (app, line, _, pilot):
        line.say(*failed(1), waiting(1, WaitReason.SCAN_LABEL))
        await settle(pilot)
        assert "The unit does not start" in screen_text(app)
        line.say(LabelTaken(1, SP1, SCANNED), waiting(1), RunStarted(1, 7))
        await settle(pilot)

        view = view_of(app, 1)
        assert (view.verdict, view.label.serial_number if view.label else None) == (None, SP1)


async def test_bad_verdicts_tell_which_lane_takes_the_next_scan_also_after_their_unit_was_put_aside() -> None:
    async with labelling(2) as (app, line, _, pilot):
        for lane in (1, 2):
            line.say(*failed(lane), waiting(lane, WaitReason.SCAN_LABEL))
            await settle(pilot)
        assert (screen_text(app).count("Scan the label."), screen_text(app).count("Waits for its label.")) == (1, 1)
        line.say(UnitDisposed(1, mac_of(1), Disposition.REWORK))
        await settle(pilot)

        assert screen_text(app).count("Scan the label.") == 1


async def test_where_nobody_wants_labels_there_is_no_key_for_them() -> None:
    app = fake_app(fake_line(1))
    async with on_line(app) as pilot:
        assert "F7" not in screen_text(app)
        await press(pilot, "f7")

        assert isinstance(app.screen, LineScreen)


@pytest.mark.parametrize("taken", [True, False])
def test_a_lane_whose_scan_is_looked_up_is_passed_over_and_comes_back_when_it_was_refused(taken: bool) -> None:
    queue = ScanQueue((1, 2)).begun(1)
    assert queue.next_lane == 2

    assert queue.ended(1, taken=taken).next_lane == (2 if taken else 1)
