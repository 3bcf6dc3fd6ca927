"""Kills a real factory's server at random instants, also with a station, or cuts its connections, while stations are at work.

Then it judges the ledger. What a station told and what its units carry stands in files, so that it outlives the station.

`python -m tests.end_to_end.server_kills --kills 50` is a long run of its own.
"""

from __future__ import annotations

import argparse
import json
import mmap
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import Lock
from typing import Final, TypeAlias

from station.certificate import CertificateState
from station.errors import Code, LedgerFault
from station.ledger import Ledger
from station.ledger.audit_verify import verify_export
from station.ledger.verdict_spool import VerdictSpool
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe
from station.verdict import Verdict
from station.virtual.images import make_bench_images
from tests.batch_csv import write_batch_csv
from tests.ledger.making import mac_of
from tests.ledger.postgresql_server import Server, new_database
from tests.ledger.test_factory import join
from tests.line.conftest import PROFILES, Desk, carried_by
from tests.line.fake_chip import FLASH_BYTES, FakeChip, FakeUnit
from tests.waiting import wait_until

STATIONS: Final = 3
LANES: Final = 2
UNITS_A_LANE: Final = 3
"""They come again and again, as rework, for as long as the server dies."""
BETWEEN_KILLS_S: Final = (0.05, 0.8)
AWAY_S: Final = (0.0, 0.6)
RETRY_S: Final = 0.05
LIMIT_S: Final = 120.0
WITH_A_STATION: Final = "killed with a station"
WAYS: Final = ("killed", "stopped at once", "cut", "cut", WITH_A_STATION)
Told: TypeAlias = tuple[int | None, str, Verdict, str | None]
"""A verdict as the technician saw it: run, MAC, verdict, code."""


class Diary:
    """What one station told, in a file of its folder; each verdict is there as soon as the walk has given it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "told"
        self._lock = Lock()

    def note(self, told: Told) -> None:
        with self._lock, self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")

    def read(self) -> Iterable[Told]:
        for line in self._file.read_text(encoding="utf-8").splitlines():
            run, mac, verdict, code = json.loads(line)
            yield run, mac, Verdict(verdict), code


def unit_in(folder: Path, number: int) -> FakeUnit:
    """Give a unit whose flash is a file, so that it is as it was when another process goes on with it."""
    file = folder / f"unit-{number}"
    if not file.exists():
        file.write_bytes(b"\xff" * FLASH_BYTES)
    with file.open("r+b") as flash:
        return FakeUnit(mac_of(number), flash=mmap.mmap(flash.fileno(), FLASH_BYTES))


def units_of(station: int, lane: int) -> range:
    """Give the numbers of the units that come to a station's lane."""
    first = (station * LANES + lane) * UNITS_A_LANE + 1
    return range(first, first + UNITS_A_LANE)


def work(folder: Path, url: str, station: int, stop: Path) -> None:
    """Be a station: walk units on each lane until all have passed and `stop` is there, as lanes do without anybody's help."""
    recipe = recipe_in(folder)
    diary = Diary(folder)
    with opened(folder / "data", url) as ledger, ThreadPoolExecutor(LANES) as lanes:
        desk = Desk(recipe, ledger, "batch")

        def walk(lane: int) -> None:
            units = [unit_in(folder, number) for number in units_of(station, lane)]
            is_last = False
            while not is_last:
                is_last = stop.exists()
                for unit in units:
                    walk_until_it_passes(desk, lane + 1, unit, diary)

        list(lanes.map(walk, range(LANES)))
        wait_until(lambda: not ledger.recorder.kept, period_s=RETRY_S)


def recipe_in(folder: Path) -> Recipe:
    """Make the training product in a station's folder."""
    profile = folder / "training.yaml"
    profile.write_text((PROFILES / "training.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    make_bench_images(folder / "images")
    return prepare_recipe(profile)


def opened(data: Path, url: str) -> Ledger:
    """Open a station's ledger as soon as the server lets it."""
    ledgers = list[Ledger]()

    def is_open() -> bool:
        try:
            ledgers.append(Ledger.open(data, url=url))
        except LedgerFault as fault:
            if fault.code is not Code.LEDGER_UNREACHABLE:
                raise
        return bool(ledgers)

    wait_until(is_open, period_s=RETRY_S)
    return ledgers[0]


def server_takes_units(ledger: Ledger) -> bool:
    """Say whether a unit may start."""
    try:
        ledger.recorder.require_server()
    except LedgerFault:
        return False
    return True


def walk_until_it_passes(desk: Desk, lane: int, unit: FakeUnit, diary: Diary) -> None:
    """Walk one unit again and again, as a lane does when the server was away; every verdict is noted."""
    is_good = False
    while not is_good:
        wait_until(lambda: server_takes_units(desk.ledger), period_s=RETRY_S)
        verdict = desk.walk(FakeChip(unit), lane=lane)
        diary.note((verdict.run_id, str(unit.mac), verdict.verdict, verdict.code))
        if verdict.verdict is Verdict.FAIL or verdict.code == Code.INTERNAL:
            raise AssertionError(verdict)
        is_good = verdict.verdict is Verdict.PASS


class Factory:
    """A server, and a folder for each of its stations; the batch has just as many certificates as there are units."""

    def __init__(self, folder: Path, server: Server) -> None:
        self._server = server
        self._url = new_database(server.url)
        self._context = multiprocessing.get_context("spawn")
        self._stop = folder / "stop"
        self._stations: list[SpawnProcess] = []
        self.folder = folder
        self.folders = [folder / f"station-{number}" for number in range(STATIONS)]
        (folder / "first").mkdir()
        product_key = recipe_in(folder / "first").profile.product_key
        with Ledger.open(folder / "first" / "data", url=self._url) as first:
            units = STATIONS * LANES * UNITS_A_LANE
            write_batch_csv(folder / "batch.csv", product_key, units)
            first.import_batch(folder / "batch.csv")
            for own in self.folders:
                own.mkdir()
                join(first, own / "data")

    def run(self, kills: int, seed: int) -> Counter[str]:
        """Let the stations work while the server dies so often; give how it died."""
        self._stations = [self._started(number) for number in range(STATIONS)]
        self._wait_for_work()
        rng = random.Random(seed)  # noqa: S311  the instants must be repeatable as far as they can be
        ways = [way for _ in range(0, kills, len(WAYS)) for way in rng.sample(WAYS, len(WAYS))][:kills]
        for way in ways:
            self._strike(way, rng)
        self._stop.touch()
        for station in self._stations:
            station.join(LIMIT_S)
        assert [station.exitcode for station in self._stations] == [0] * STATIONS
        return Counter(ways)

    def _started(self, number: int) -> SpawnProcess:
        station = self._context.Process(target=work, args=(self.folders[number], self._url, number, self._stop))
        station.start()
        return station

    def _wait_for_work(self) -> None:
        """Wait until each station has begun a run."""
        with Ledger.open(self.folder / "first" / "data", url=self._url, read_only=True) as ledger:
            wait_until(lambda: len({run.station for run in ledger.runs(1000)}) == STATIONS, period_s=RETRY_S)

    def _strike(self, way: str, rng: random.Random) -> None:
        time.sleep(rng.uniform(*BETWEEN_KILLS_S))  # the server dies at random instants
        if way == "cut":
            self._server.cut()
            return
        if way == "stopped at once":
            self._server.stop_at_once()
        else:
            self._server.kill()
        number = rng.randrange(STATIONS)
        if way == WITH_A_STATION:
            self._stations[number].kill()
            self._stations[number].join(LIMIT_S)
        time.sleep(rng.uniform(*AWAY_S))  # and is away for a random while
        self._server.start()
        if way == WITH_A_STATION:
            self._stations[number] = self._started(number)

    def judge(self, ways: Counter[str]) -> Counter[str]:
        """Compare what stations told with what the ledger has; give how many runs came to each verdict."""
        told = [verdict for own in self.folders for verdict in Diary(own).read()]
        carried = self._carried()
        untold_max = LANES * ways[WITH_A_STATION]  # a station may die between the record and the word
        with Ledger.open(self.folder / "first" / "data", url=self._url) as ledger:
            runs = ledger.runs(limit=1_000_000)
            rows = ledger.certificates("batch", limit=1_000_000)
            events = list(ledger.audit_events())
            assert ledger.unfinished_runs() == []
        for own in self.folders:
            with Ledger.open(own / "data", url=self._url) as ledger:
                ledger.export_audit(own / "audit.jsonl")
            proof = verify_export(own / "audit.jsonl")
            assert (proof.flaw, proof.gaps) == (None, ()), proof.message
            assert proof.events > 0
            assert spool_is_empty(own / "data")
        passed = {run.id: run.mac for run in runs if run.verdict is Verdict.PASS}
        told_passed = [(run, mac) for run, mac, verdict, _ in told if verdict is Verdict.PASS]
        assert set(told_passed) <= set(passed.items())
        assert len(told_passed) == len(set(told_passed))
        heard = {(run, verdict, code) for run, _, verdict, code in told}
        ended = {(run.id, run.verdict, run.code) for run in runs if run.code != Code.INTERRUPTED}
        assert all(verdict is not None for _, verdict, _ in ended)
        assert len(ended - heard) <= untold_max
        ends = Counter(
            int(str(event.data["run"])) for event in events if event.kind in {"run_finished", "run_interrupted"}
        )
        assert ends == dict.fromkeys((run.id for run in runs), 1)
        assert Counter(event.device_name for event in events if event.kind == "certificate_installed") == dict.fromkeys(
            carried.values(), 1
        )
        assert {str(row.mac): row.identity.device_name for row in rows} == carried
        assert {row.state for row in rows} == {CertificateState.INSTALLED}
        return Counter(f"{run.verdict} {run.code or ''}".strip() for run in runs)

    def _carried(self) -> dict[str, str | None]:
        """Give the DeviceName that each unit carries in the end, by MAC."""
        recipe = prepare_recipe(self.folder / "first" / "training.yaml")
        units = [
            unit_in(own, number)
            for station, own in enumerate(self.folders)
            for lane in range(LANES)
            for number in units_of(station, lane)
        ]
        return {str(unit.mac): carried_by(recipe, unit) for unit in units}


def spool_is_empty(data: Path) -> bool:
    """Say whether nothing is kept any more in a station's data folder."""
    with closing(VerdictSpool(data)) as spool:
        return spool.all() == []


def main() -> int:
    """Kill as often as was asked for, then judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.end_to_end.server_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        closing(Server()) as server,
    ):
        factory = Factory(Path(name), server)
        ways = factory.run(given.kills, given.seed)
        verdicts = factory.judge(ways)
    print(f"{given.kills} kills {dict(ways)}, {STATIONS} stations × {LANES} lanes, runs {dict(verdicts)}")  # noqa: T201  a command's output
    return 0


if __name__ == "__main__":
    sys.exit(main())
