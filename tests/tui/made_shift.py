"""A made shift to look back at: the same every time, with a lane that stands out and a unit with a story."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from station.certificate import CertificateState, Identity
from station.ledger import AuditEvent, CertificateRow, JsonValue, RunRow, UnitStanding, UnitStory
from station.tui.app import StationApp
from station.unit import Disposition, Mac
from station.verdict import Verdict
from tests.tui.driving import StationPilot, on_line, press
from tests.tui.fake_line import NOW, FakeLine, FakeRecord, fake_app, fake_line

RUNS = 240
FAILURES = ("F31", "F21", "F31", "F40", "F31", "F21", "E13")


def run(
    number: int, at: datetime, *, verdict: Verdict = Verdict.PASS, code: str | None = None, unit: int | None = None
) -> RunRow:
    """The n-th run; it ended at this moment."""
    unit = number if unit is None else unit
    return RunRow(
        id=number,
        station="line-1",
        lane=1 + number % 4,
        port="/dev/ttyUSB0",
        profile="smart-plug",
        firmware_version="1.4.2",
        batch="2026-11",
        product_key="a1B2c3D4e5F",
        operator="Li W.",
        process="p",
        started_at=(at - timedelta(seconds=14)).isoformat(),
        mac=f"24:0a:c4:5e:{unit >> 8:02x}:{unit & 255:02x}",
        chip=None,
        last_step="record",
        device_name=f"plug-{unit:06}",
        certificate_state=CertificateState.INSTALLED,
        finished_at=at.isoformat(),
        verdict=verdict,
        code=code,
        message="",
        seconds=14.0 + number % 7 / 10,
    )


def _one(number: int, at: datetime) -> RunRow:
    if number % 19 == 0 or (number % 4 == 2 and number % 3 == 0):
        code = FAILURES[number % len(FAILURES)]
        return run(number, at, verdict=Verdict.ERROR if code.startswith("E") else Verdict.FAIL, code=code)
    return run(number, at, unit=number - 1 if number % 19 == 1 and number > 1 else None)


def event(number: int, kind: str, **data: JsonValue) -> AuditEvent:
    """The n-th event about the told unit."""
    at = (NOW - timedelta(seconds=400 - number)).isoformat()
    told = ("24:0a:c4:5e:00:13", "plug-000019", "2026-11")
    return AuditEvent(number, at, "line-1", 4, "Li W.", kind, *told, data, "0" * 64, "1" * 64)


def fill(record: FakeRecord) -> None:
    """Let the record tell the made shift."""
    period = (NOW - record.began) / (RUNS + 1)
    shift = [_one(number, record.began + period * number) for number in range(1, RUNS + 1)]
    record.shift_runs = tuple(reversed(shift))
    record.runs_before = tuple(
        run(number, record.began - timedelta(hours=9, minutes=number)) for number in range(500, 512)
    )
    mac = Mac("24:0a:c4:5e:00:13")
    certificate = CertificateRow(
        Identity("a1B2c3D4e5F", "plug-000019"),
        "2026-11",
        19,
        CertificateState.INSTALLED,
        mac,
        20,
        NOW.isoformat(),
        None,
        {},
    )
    events = (
        event(301, "run_begun", profile="smart-plug"),
        event(302, "unit_identified", chip="esp32"),
        event(303, "certificate_allocated", to="allocated"),
        event(304, "step", step="write", state="done", seconds=10.0),
        event(305, "run_finished", verdict="FAIL", code="F31", seconds=33.8),
        event(306, "unit_disposed", to="rework", reason="BOOT pin stuck"),
    )
    record.audit = tuple(reversed(events))
    runs = tuple(one for one in record.shift_runs if one.mac == mac)
    record.stories = dict.fromkeys((mac, "plug-000019"), UnitStory(mac, (certificate,), runs, events))
    record.standings[mac] = UnitStanding(Disposition.REWORK, "BOOT pin stuck")


@asynccontextmanager
async def shift_at(key: str, line: FakeLine | None = None) -> AsyncIterator[tuple[StationApp, StationPilot]]:
    """The app after the made shift, on the screen that a key opens."""
    line = fake_line(2) if line is None else line
    fill(line.record)
    app = fake_app(line)
    async with on_line(app) as pilot:
        await press(pilot, key)
        yield app, pilot
