"""The screen of the shift, driven by keys and by a fake line's events."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from station.events import CertificateAllocated, LaneAppeared, StepReported, VerdictReached, WaitReason
from station.tui.app import StationApp
from station.tui.help_screen import HelpScreen
from station.tui.lane_pane import LanePane
from station.tui.lane_view import Phase
from station.tui.last_units import LastUnits
from station.tui.line_screen import LineScreen
from station.tui.settings import Bell, Settings
from station.verdict import Step, StepState, Verdict
from tests.tui.driving import on_line, settle, until, view_of
from tests.tui.fake_line import (
    TOTAL_BYTES,
    FakeLane,
    FakeLine,
    failed,
    fake_app,
    fake_line,
    mac_of,
    passed,
    progress,
    until_write,
    waiting,
    writing,
)
from tests.tui.pictures import screen_text


def line_screen(app: StationApp) -> LineScreen:
    assert app.line_screen is not None
    return app.line_screen


async def test_the_line_starts_after_the_screen_listens() -> None:
    line = fake_line(2)
    async with on_line(fake_app(line)):
        assert line.calls == ["start"]
        assert len(line.callbacks) == 1


async def test_each_lane_paints_its_own_events() -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*passed(1), *writing(2, "plug-000313"))
        await settle(pilot)

        assert (view_of(app, 1).verdict, view_of(app, 2).phase) == (Verdict.PASS, Phase.WORKING)
        assert app.screen.query_one("#lane-1").has_class("-pass")
        assert app.screen.query_one("#lane-2").has_class("-working")


@pytest.mark.parametrize(
    ("verdict", "style"), [(Verdict.FAIL, "-fail"), (Verdict.ERROR, "-error"), (Verdict.ABORTED, "-aborted")]
)
async def test_a_verdict_fills_its_tile(verdict: Verdict, style: str) -> None:
    line = fake_line(1)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*failed(1, verdict=verdict))
        await settle(pilot)

        assert app.screen.query_one("#lane-1").has_class(style)


@pytest.mark.parametrize(("language", "title"), [("en", "The order is complete"), ("zh-CN", "工单已完成")])
async def test_a_unit_beyond_the_order_is_told_so(language: str, title: str) -> None:
    line = fake_line(1)
    line.numbers = replace(line.numbers, passed=500)
    app = fake_app(line, settings=Settings.model_validate({"language": language}))
    async with on_line(app) as pilot:
        told = "Work order WO-4711 has all of its 500 units"
        refused = VerdictReached(1, 7, Verdict.ERROR, mac_of(1), None, 0.8, "E41", told, "Take the unit out", None)
        line.say(refused, waiting(1, WaitReason.REMOVE_UNIT))
        await settle(pilot)

        shown = screen_text(app)
        assert app.screen.query_one("#lane-1").has_class("-error")
        assert all(words in shown for words in ("E41", title, "WO-4711", "500 / 500")), shown


async def test_a_verdict_joins_the_last_units() -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*passed(1, "plug-000312"))
        await settle(pilot)
        line.say(*failed(2, name="plug-000310"))
        await settle(pilot)
        names = [unit.device_name for unit in app.screen.query_one(LastUnits).lines]

    assert names == ["plug-000310", "plug-000312"]


@pytest.mark.parametrize(("bell", "after_pass", "after_fail"), [("all", 1, 4), ("bad", 0, 3), ("off", 0, 0)])
async def test_a_good_unit_rings_once_and_a_bad_one_three_times(
    bell: str, after_pass: int, after_fail: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = fake_line(2)
    app = fake_app(line, settings=Settings(bell=Bell(bell)))
    rung: list[bool] = []
    monkeypatch.setattr(app, "bell", lambda: rung.append(True))
    monkeypatch.setattr("station.tui.app.RING_APART_S", 0.001)
    async with on_line(app) as pilot:
        line.say(*passed(1))
        await until(pilot, lambda: len(rung) == after_pass)
        line.say(*failed(2))
        await until(pilot, lambda: len(rung) == after_fail)
        await settle(pilot)

    assert len(rung) == after_fail


async def test_f5_tries_a_failed_unit_again_and_nothing_else() -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(waiting(1), *failed(2))
        await settle(pilot)
        await pilot.press("f5")
        assert line.calls == ["start"]
        await pilot.press("2", "f5")

        assert line.calls == ["start", "retry 2"]


async def test_f5_starts_where_a_key_is_awaited() -> None:
    line = fake_line(1)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(waiting(1, WaitReason.PRESS_START))
        await settle(pilot)
        assert "F5 Start" in screen_text(app)
        await pilot.press("f5")

        assert line.calls == ["start", "retry 1"]


async def test_f8_stops_the_chosen_lane_only_while_it_works() -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(waiting(1), *writing(2))
        await settle(pilot)
        await pilot.press("f8", "right", "f8")

        assert line.calls == ["start", "abort 2"]


async def test_arrows_and_digits_choose_a_lane() -> None:
    line = fake_line(4)
    app = fake_app(line)
    async with on_line(app) as pilot:
        chosen = []
        for key in ("right", "right", "down", "left", "up", "up", "4", "9"):
            await pilot.press(key)
            await settle(pilot)
            chosen.append(line_screen(app).chosen)

    assert chosen == [2, 2, 4, 3, 1, 1, 4, 4]


async def test_a_click_chooses_a_lane() -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        await pilot.click("#lane-2")
        await settle(pilot)

        assert line_screen(app).chosen == 2


async def test_enter_enlarges_the_chosen_lane_and_esc_shows_all() -> None:
    line = fake_line(4)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*failed(3))
        await pilot.press("3", "enter")
        await settle(pilot)
        shown = [pane.id for pane in app.screen.query(LanePane) if pane.display]
        assert shown == ["lane-3"]
        assert "Reported: no line matched" in screen_text(app)
        await pilot.press("escape")
        await settle(pilot)

        assert all(pane.display for pane in app.screen.query(LanePane))


async def test_help_explains_the_chosen_lanes_failure() -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        line.say(*failed(1, "F40"))
        await settle(pilot)
        await pilot.press("f1")
        await settle(pilot)
        assert isinstance(app.screen, HelpScreen)
        assert "F40  The unit does not come online" in screen_text(app)
        line.say(*passed(2))
        await pilot.press("escape")
        await settle(pilot)

        assert isinstance(app.screen, LineScreen)
        assert view_of(app, 2).verdict is Verdict.PASS


async def test_training_stands_on_every_screen() -> None:
    line = fake_line(2, training=True)
    app = fake_app(line)
    async with on_line(app) as pilot:
        assert "TRAINING" in screen_text(app)
        await pilot.press("f1")
        await settle(pilot)
        assert "TRAINING" in screen_text(app)


async def test_names_from_outside_cannot_speak_to_the_terminal() -> None:
    line = fake_line(1)
    app = fake_app(line)
    async with on_line(app) as pilot:
        evil = CertificateAllocated(1, mac_of(1), "a1B2c3D4e5F", "pl\x1b[2Jug[b]", False, 1)
        line.say(*until_write(1), evil)
        await settle(pilot)

        assert "pl·[2Jug[b]" in screen_text(app)
        assert "\x1b" not in screen_text(app)


async def test_a_resize_lays_the_lanes_out_anew() -> None:
    line = fake_line(4)
    app = fake_app(line)
    async with on_line(app) as pilot:
        await pilot.resize_terminal(160, 24)
        await settle(pilot)
        widths = {pane.outer_size.width for pane in app.screen.query(LanePane)}
        await pilot.resize_terminal(60, 20)
        await settle(pilot)

        assert widths == {40}
        assert {pane.outer_size.width for pane in app.screen.query(LanePane)} == {30}


async def test_threads_reach_their_own_tile_and_progress_is_thinned_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four lanes' threads at full speed: every fact arrives, progress is merged, and keys still work."""
    line = fake_line(4)
    app = fake_app(line)
    handled: list[int] = []
    async with on_line(app) as pilot:
        receive = LanePane.on_lane_pane_reported

        def count(pane: LanePane, message: LanePane.Reported) -> None:
            handled.append(pane.view.lane)
            receive(pane, message)

        monkeypatch.setattr(LanePane, "on_lane_pane_reported", count)
        threads = [threading.Thread(target=_walk_at_full_speed, args=(line, lane)) for lane in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        await until(pilot, lambda: all(view_of(app, lane).verdict is Verdict.PASS for lane in range(1, 5)))
        await pilot.press("3")
        await settle(pilot)

        assert line_screen(app).chosen == 3
        assert [view_of(app, lane).device_name for lane in range(1, 5)] == [f"plug-{lane}" for lane in range(1, 5)]
        assert len(app.screen.query_one(LastUnits).lines) == 4
        assert len(handled) < 4 * 1000


def _walk_at_full_speed(line: FakeLine, lane: int) -> None:
    line.say(*until_write(lane, f"plug-{lane}"))
    for number in range(1, 1001):
        line.say(progress(lane, number / 100, number / 1000))
    line.say(*passed(lane, f"plug-{lane}")[-8:])


async def test_what_comes_between_a_picture_and_its_painting_stands_on_the_tile_too() -> None:
    line = fake_line(1)
    app = fake_app(line, tick_s=60.0)
    known, rest = until_write(1)[:4], until_write(1)[4:]
    async with on_line(app) as pilot:
        line.say(*known)
        pane = app.screen.query_one(LanePane)
        await until(pilot, lambda: pane.view.phase is Phase.WORKING and pane._rest is None)
        line.say(*rest)
        await until(pilot, lambda: pane.view.device_name is not None and pane._rest is None)
        await settle(pilot)

        shown = screen_text(app)
        assert [words in shown for words in ("plug-000313", "✔ identify", "✔ certificate", "▸ write")] == [True] * 4


def test_progress_gives_way_only_to_progress_of_its_own_step() -> None:
    now, newer = LanePane.Reported(progress(1, 1.0, 0.1)), LanePane.Reported(progress(1, 2.0, 0.2))
    begun = LanePane.Reported(StepReported(1, Step.WRITE, StepState.BEGUN, 0.0, 0, TOTAL_BYTES))
    verify = LanePane.Reported(StepReported(1, Step.VERIFY, StepState.PROGRESS, 1.0))

    assert now.can_replace(newer)
    assert not now.can_replace(begun)
    assert not begun.can_replace(now)
    assert not now.can_replace(verify)


async def test_every_tile_keeps_its_place_when_the_adapter_of_a_taught_lane_comes_later() -> None:
    line = fake_line(2)
    line.lanes, line.without_adapter = (FakeLane(2, "/dev/ttyUSB0"), FakeLane(4, "/dev/ttyUSB2")), (1, 3)
    app = fake_app(line)
    async with on_line(app) as pilot:
        assert screen_text(app).count("No adapter is plugged in here.") == 2
        assert line_screen(app).chosen == 2
        await pilot.press("4")
        line.say(*writing(4))
        await settle(pilot)
        before = {pane.view.lane: pane.region for pane in app.screen.query(LanePane)}

        line.say(LaneAppeared(3, "/dev/ttyUSB9"), waiting(3), LaneAppeared(4, "/dev/ttyUSB7"))
        await until(pilot, lambda: view_of(app, 3).phase is Phase.WAITING)
        await settle(pilot)

        assert {pane.view.lane: pane.region for pane in app.screen.query(LanePane)} == before
        assert screen_text(app).count("No adapter is plugged in here.") == 1
        assert view_of(app, 3).port == "/dev/ttyUSB9"
        assert (view_of(app, 4).port, view_of(app, 4).phase) == ("/dev/ttyUSB7", Phase.WORKING)
        assert line_screen(app).chosen == 4


async def test_a_lane_met_for_the_first_time_gets_its_tile_behind_the_others_and_the_choice_stays() -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        await pilot.press("2")
        line.say(*writing(2))
        line.say(LaneAppeared(3, "/dev/ttyUSB9"), waiting(3))
        await until(pilot, lambda: 3 in line_screen(app)._panes)
        await settle(pilot)
        assert [pane.view.lane for pane in app.screen.query(LanePane)] == [1, 2, 3]
        assert (view_of(app, 3).port, view_of(app, 3).phase) == ("/dev/ttyUSB9", Phase.WAITING)
        assert line_screen(app).chosen == 2
        line.say(*passed(3))
        await settle(pilot)
        assert view_of(app, 3).phase is Phase.FINISHED
        await pilot.press("3")
        assert line_screen(app).chosen == 3
