"""Kills real station processes at random instants while eight lanes are at work; in the end every unit must have passed.

`python -m tests.end_to_end.kills --kills 200` is a long run of its own.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from station.certificate import CertificateState
from station.image.nvs_reader import read_nvs_image
from station.ledger import Ledger
from station.ledger.audit_verify import verify_export
from station.virtual.fixture import Fixture, Unit
from tests.end_to_end.conftest import Desk
from tests.end_to_end.loaded_station import LoadedStation
from tests.end_to_end.quick_units import CREDENTIALS_OFFSET, PRODUCT_KEY, quick_fixtures, unit_number
from tests.end_to_end.watched_station import Event, WatchedStation, desk_in

LANES: Final = 8
PARTITION_BYTES: Final = 0x6000
SPARE_UNITS: Final = 4
"""More units than lanes; those that have passed come again as rework."""
EVENTS_MAX: Final = 120
"""A kill comes after a random number of events; eight lanes report about 180 until each has walked a new unit."""
AFTER_EVENT_S: Final = 0.05
"""Up to so long after the event: between two of them things happen too."""


class Floor:
    """Fixtures that always hold a unit; one that passed makes room and comes again after the others."""

    def __init__(self, fixtures: Sequence[Fixture], units: int) -> None:
        self.units = [unit_number(number) for number in range(1, units + 1)]
        self.passed: dict[str, str] = {}
        self._waiting = list(self.units)
        self._fixtures = fixtures
        for fixture in fixtures:
            self._insert(fixture)

    def _insert(self, fixture: Fixture) -> None:
        fixture.insert(self._waiting.pop(0))

    def heard(self, event: Event) -> None:
        """Take a unit that passed out, and put the next one in its place."""
        if event["event"] != "verdict" or event["verdict"] != "PASS":
            return
        self.passed[event["mac"]] = event["device_name"]
        for fixture in self._fixtures:
            if fixture.unit is not None and fixture.unit.model.mac == event["mac"]:
                self._waiting.append(next(unit for unit in self.units if unit.model.mac == event["mac"]))
                fixture.remove()
                self._insert(fixture)

    @property
    def ports(self) -> list[str]:
        return [word for fixture in self._fixtures for word in ("--port", fixture.url)]

    @property
    def left(self) -> int:
        """How many units have not been seen to pass."""
        return len(self.units) - len(self.passed)


def killed_once(desk: Desk, floor: Floor, rng: random.Random) -> int:
    """Start a station on all lanes and kill it at a random instant; give how many lanes were at work."""
    number, verdicts = rng.randrange(1, EVENTS_MAX), 0
    with LoadedStation(desk, "flash", desk.profiles / "quick.yaml", *floor.ports, "--units", 100) as station:
        while len(station.events) < number and verdicts < LANES:
            verdicts += station.wait_for(lambda _event: True)["event"] == "verdict"
        with suppress(subprocess.TimeoutExpired):
            station.process.wait(rng.uniform(0.0, AFTER_EVENT_S))
        station.process.kill()
        station.end()
    at_work = {event["lane"] for event in station.events if event["event"] == "step"}
    at_work -= {event["lane"] for event in station.events if event["event"] == "verdict"}
    for event in station.events:
        floor.heard(event)
    return len(at_work)


def finish(desk: Desk, floor: Floor) -> None:
    """Let one station walk whatever has not passed, and end it in good order."""
    with WatchedStation(desk, "flash", desk.profiles / "quick.yaml", *floor.ports, "--units", 100) as station:
        while floor.left:
            floor.heard(station.verdict())
        station.send(signal.SIGTERM)
        station.end()


def judge(desk: Desk, units: Sequence[Unit]) -> Counter[str]:
    """Compare every flash with the ledger and prove the audit log; give how many runs came to each verdict."""
    with Ledger.open(desk.data) as ledger:
        rows = ledger.certificates("unit", limit=100_000)
        runs = ledger.runs(limit=100_000)
        assert ledger.unfinished_runs() == []
        out = desk.data.parent / "audit.jsonl"
        ledger.export_audit(out, force=True)
        installed = {
            event.mac: event.device_name for event in ledger.audit_events() if event.kind == "certificate_installed"
        }
    held = {row.mac: row.identity.device_name for row in rows if row.state is CertificateState.INSTALLED}
    carried = {unit.model.mac: _device_name(unit) for unit in units}
    assert held == carried == installed
    assert len(set(carried.values())) == len(units)
    assert {row.state for row in rows} <= {CertificateState.INSTALLED, CertificateState.AVAILABLE}
    proof = verify_export(out)
    assert (proof.flaw, proof.events > len(units)) == (None, True), proof.message
    return Counter(str(run.verdict) for run in runs)


def _device_name(unit: Unit) -> str:
    held = read_nvs_image(unit.flash.read(CREDENTIALS_OFFSET, PARTITION_BYTES), tolerant=True)
    return str(held.text("aliyun-key", "DeviceName"))


@contextmanager
def floor_and_desk(folder: Path, units: int, lanes: int = LANES) -> Iterator[tuple[Floor, Desk]]:
    """Make a data folder with a batch of just as many certificates as units, and a floor."""
    desk = desk_in(folder)
    desk.import_certificates(PRODUCT_KEY, units)
    with quick_fixtures(lanes) as fixtures:
        yield Floor(fixtures, units), desk


def main() -> int:
    """Kill as often as was asked for, then judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.end_to_end.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = random.Random(given.seed)  # noqa: S311  the instants must be repeatable as far as they can be
    with (
        tempfile.TemporaryDirectory() as name,
        floor_and_desk(Path(name), LANES + SPARE_UNITS) as (floor, desk),
    ):
        lanes = Counter(killed_once(desk, floor, rng) for _ in range(given.kills))
        finish(desk, floor)
        print(f"{given.kills} kills, lanes at work {dict(lanes)}, runs {judge(desk, floor.units)}")  # noqa: T201  a command's output
    return 0


if __name__ == "__main__":
    sys.exit(main())
