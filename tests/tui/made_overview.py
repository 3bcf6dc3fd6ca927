"""A made line to look at from afar: four lanes of one station, and a factory of three; the same every time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from station.certificate import CertificateState
from station.ledger import BatchSummary, LineLook, RunRow, WorkOrder
from station.tui.overview import Overview, overview
from station.tui.settings import Settings
from station.tui.watch_app import WatchApp
from station.verdict import Verdict
from tests.tui.fake_line import NOW
from tests.tui.made_shift import run

PERIOD = timedelta(hours=8)


def summary(name: str, work_order: str | None, **counts: int) -> BatchSummary:
    """A batch with so many certificates in each state."""
    states: Mapping[CertificateState, int] = {
        **dict.fromkeys(CertificateState, 0),
        **{CertificateState(state): count for state, count in counts.items()},
    }
    return BatchSummary(name, "a1B2c3D4e5F", work_order, (NOW - timedelta(days=1)).isoformat(), f"{name}.csv", states)


def under_way(number: int, lane: int, seconds: float, step: str, station: str = "line-1") -> RunRow:
    """A unit on a lane since so many seconds."""
    begun = replace(run(number, NOW), lane=lane, station=station, last_step=step, finished_at=None, verdict=None)
    return replace(begun, started_at=(NOW - timedelta(seconds=seconds)).isoformat())


def ended(
    number: int, lane: int, seconds: float, code: str | None = None, station: str = "line-1", batch: str = "2026-11"
) -> RunRow:
    """A run that ended so many seconds ago."""
    verdict = Verdict.PASS if code is None else Verdict.ERROR if code.startswith("E") else Verdict.FAIL
    made = run(number, NOW - timedelta(seconds=seconds), verdict=verdict, code=code)
    return replace(made, lane=lane, station=station, batch=batch)


def one_line() -> LineLook:
    """Four lanes: passed, writing, failed with a fixture that stands out, standing still."""
    good = [ended(number, 1 + number % 2, 28.0 * (120 - number) + 60) for number in range(1, 120)]
    bad = [
        ended(200 + number, 3, 60.0 * (9 - number) + 20, code)
        for number, code in enumerate(["F31", "F31", "F21", "F31"], 1)
    ]
    still = [ended(300, 4, 2400.0, "E13")]
    last = [ended(400, 1, 12.0)]
    finished = sorted([*good, *bad, *still, *last], key=lambda one: one.finished_at or "")
    finished = [replace(one, work_order="WO-4711") for one in finished]
    batches = (
        summary("2026-10", "WO-4600", installed=1200),
        summary("2026-11", None, installed=512, allocated=2, available=1486, void=1),
    )
    orders = (WorkOrder("WO-4711", "smart-plug", "2026-11", 500, None, NOW.isoformat(), None, 314, 312),)
    in_hand = replace(under_way(401, 2, 9.0, "write"), work_order="WO-4711")
    return LineLook(tuple(finished), (in_hand,), batches, orders)


def factory(stations: int = 3, lanes: int = 8) -> LineLook:
    """Stations with eight lanes each, two batches, few certificates left in one."""
    finished = [
        ended(
            1000 * station + 10 * lane + turn,
            lane,
            70.0 * (3 - turn) + lane * 5 + station,
            "F40" if (lane + turn) % 9 == 4 else None,
            f"line-{station}",
            batch=f"2026-1{station % 2}",
        )
        for station in range(1, stations + 1)
        for lane in range(1, lanes + 1)
        for turn in range(3)
    ]
    open_runs = tuple(under_way(9000 + lane, lane, 4.0 + lane, "verify", "line-2") for lane in (3, 5))
    batches = (
        summary("2026-10", "WO-4600", activated=980, available=11),
        summary("2026-11", None, installed=40, available=4960),
    )
    return LineLook(tuple(sorted(finished, key=lambda one: one.finished_at or "")), open_runs, batches)


LOOKS: Final[Mapping[str, Callable[[], LineLook]]] = {
    "watch": one_line,
    "watch-factory": factory,
    "watch-empty": lambda: LineLook((), (), (summary("2026-11", "WO-4711", available=500),)),
}


def seen(look: LineLook) -> Overview:
    """Make the overview of it."""
    return overview(look, NOW, PERIOD)


def watching(read: Callable[[], Overview], *, training: bool = False) -> WatchApp:
    """The app on a standing clock; it reads once, and again when a test says so."""
    settings = Settings.model_validate({"language": "en"})
    return WatchApp(read, training=training, settings=settings, now=lambda: NOW, is_periodic=False)
