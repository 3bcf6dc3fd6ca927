"""A lane's trouble stays its own: measured beside the same walk alone, and seen from outside the process."""

from __future__ import annotations

import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from station.profile.prepare import prepare_recipe
from tests.end_to_end.conftest import run_to_end
from tests.end_to_end.quick_line import LineAtWork, at_work, opened_shift
from tests.end_to_end.quick_units import PRODUCT_KEY, make_product, quick_fixtures, unit_number
from tests.end_to_end.watched_station import desk_in
from tests.line.trouble import Trouble, make_units_beside

LOST_MAX_S: Final = 1.0
ANSWER_S: Final = 0.001
"""For so long a unit that says nothing is listened to."""
TURN_MAX_S: Final = 0.004
QUICK: Final = 20
"""Of a hundred turns; the slow ones are those of a busy PC."""
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


@pytest.mark.alone
def test_a_lane_loses_no_second_beside_lanes_in_every_trouble_at_once(tmp_path: Path) -> None:
    """Babbling and mute chips, a hung port, a pulled and renamed adapter, drivers that never return; each of its units counts."""
    recipe = prepare_recipe(make_product(tmp_path))
    with opened_shift(recipe, tmp_path, certificates=100) as shift:
        made = make_units_beside(shift, list(Trouble), units=2)
    assert made.lost_s < LOST_MAX_S, made


@pytest.mark.alone
def test_what_waits_for_a_chip_has_its_turn_at_once_beside_a_thread_that_computes(tmp_path: Path) -> None:
    """An import or a report, say. Python's own rule lets it keep each answer waiting for 5 ms."""
    ended = threading.Event()

    def compute() -> None:
        while not ended.is_set():
            sum(range(1_000))

    recipe = prepare_recipe(make_product(tmp_path))
    with opened_shift(recipe, tmp_path) as shift, at_work(LineAtWork(shift, [])):
        computing = threading.Thread(target=compute)
        computing.start()
        turns_s = []
        port, unit = socket.socketpair()
        with port, unit:
            port.settimeout(ANSWER_S)
            for _ in range(100):
                began = time.perf_counter()
                with suppress(TimeoutError):
                    port.recv(1)
                turns_s.append(time.perf_counter() - began - ANSWER_S)
        ended.set()
        computing.join()
    assert sorted(turns_s)[QUICK] < TURN_MAX_S


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
