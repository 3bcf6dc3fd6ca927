"""A lane's trouble stays its own: measured beside the same walk alone, and seen from outside the process."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Final

from station.chip.ports import Place
from station.errors import Code
from station.events import LaneAppeared, LaneWaiting
from station.line.lane import LaneInfo, LanePlan
from station.line.lane_places import LanePlaces
from station.line.line import HotPlug
from station.line.port_watch import PortWatch
from station.profile.prepare import prepare_recipe
from station.verdict import Step, StepState, Verdict
from station.virtual.faults import Faults
from tests.end_to_end.conftest import COMMAND_TIMEOUT_S, run_to_end
from tests.end_to_end.quick_line import LineAtWork, at_work, opened_shift, step, told
from tests.end_to_end.quick_units import PRODUCT_KEY, quick_fixture, quick_fixtures, unit_number
from tests.end_to_end.watched_station import desk_in
from tests.line.ports import PluggedIn, adapter

AT_MOST_TIMES_ALONE: Final = 3.0
HUNG_DRIVER: Final = """
import sys, threading
from station.chip import lane_port
from station.cli import headless
from station.line import lane

lane.STUCK_AFTER_S = 0.5
headless.STOP_TIMEOUT_S = 1.0
make, hung = lane_port._make, sys.argv.pop(1)

def make_hung(url):
    port = make(url)
    if url == hung:
        port.write = lambda _data: threading.Event().wait()
    return port

lane_port._make = make_hung
from station.cli.main import main
main()
"""


def test_beside_a_chip_that_babbles_and_an_adapter_that_is_pulled_and_renamed_a_unit_takes_as_long_as_alone(
    tmp_path: Path,
) -> None:
    desk = desk_in(tmp_path)
    recipe = prepare_recipe(desk.profiles / "quick.yaml")
    with (
        opened_shift(recipe, tmp_path) as shift,
        quick_fixtures(3) as (good, pulled, renamed),
        quick_fixture(unit_number(9), faults=Faults(babbles=True)) as babbling,
    ):
        good.insert(unit_number(1))
        with at_work(LineAtWork(shift, [good.url])) as work:
            alone = work.verdict()
        good.insert(unit_number(2))
        here = [adapter(good.url, "1-1"), adapter(babbling.url, "1-2")]
        plugs = PluggedIn([*here, adapter(pulled.url, "1-3")])
        taught = {number: Place(None, f"1-{number}") for number in (1, 2, 3)}
        watch = PortWatch(LanePlaces(taught), plugs, period_s=0.05)
        hot_plug = HotPlug(watch, lambda number, port: LanePlan(LaneInfo(number, port)))
        work = LineAtWork(shift, [good.url, babbling.url, pulled.url], hot_plug=hot_plug)
        missing = threading.Event()

        def pull() -> None:
            plugs.ports = here
            pulled.stop()

        def put_back() -> None:
            plugs.ports = [*here, adapter(renamed.url, "1-3")]
            missing.set()

        work.on(step(Step.IDENTIFY, StepState.DONE), pull)
        work.on(lambda event: isinstance(event, LaneWaiting) and event.code == Code.PORT_MISSING, put_back)
        with at_work(work):
            beside = work.verdict()
            assert missing.wait(COMMAND_TIMEOUT_S)
            assert work.wait_for(lambda event: isinstance(event, LaneAppeared)) == LaneAppeared(3, renamed.url)

    assert (told(alone), told(beside)) == ((Verdict.PASS, None), (Verdict.PASS, None))
    assert beside.seconds < alone.seconds * AT_MOST_TIMES_ALONE


def test_a_driver_that_hangs_ends_the_process_with_exit_code_3_and_the_other_lane_has_passed(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.import_certificates(PRODUCT_KEY)
    with quick_fixtures(2) as (hung, good):
        good.insert(unit_number(1))
        words = ["--data", str(desk.data), "flash", str(desk.profiles / "quick.yaml"), "--units", "1"]
        done = run_to_end([sys.executable, "-c", HUNG_DRIVER, hung.url, *words, "--port", hung.url, "--port", good.url])

    assert done.code == 3, done.out + done.err
    assert "The driver of the port does not return" in done.out + done.err
    assert "PASS" in done.out
