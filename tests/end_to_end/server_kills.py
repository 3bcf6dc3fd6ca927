"""Kills a real factory's server, or cuts its connections, at random instants while stations are at work, and judges the ledger.

`python -m tests.end_to_end.server_kills --kills 50` is a long run of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final, TypeAlias

from station.certificate import CertificateState
from station.errors import Code, LedgerFault
from station.ledger import Ledger
from station.ledger.audit_verify import verify_export
from station.ledger.verdict_spool import VerdictSpool
from station.profile import Recipe, prepare_recipe
from station.verdict import Verdict
from station.virtual.images import make_bench_images
from tests.batch_csv import write_batch_csv
from tests.ledger.making import mac_of
from tests.ledger.postgresql_server import Server, new_database
from tests.ledger.test_factory import join
from tests.line.conftest import PROFILES, Desk
from tests.line.fake_chip import FakeChip, FakeUnit
from tests.waiting import wait_until

STATIONS: Final = 3
LANES: Final = 2
UNITS_A_LANE: Final = 3
"""They come again and again, as rework, for as long as the server dies."""
BETWEEN_KILLS_S: Final = (0.05, 0.8)
AWAY_S: Final = (0.0, 0.6)
RETRY_S: Final = 0.05
LIMIT_S: Final = 120.0
Told: TypeAlias = tuple[int | None, str, Verdict, str | None]
"""A verdict as the technician saw it: run, MAC, verdict, code."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one station did: the verdicts that were told, and the DeviceName that each unit carries in the end, by MAC."""

    told: list[Told]
    carried: dict[str, str | None]


def work(folder: Path, url: str, first_unit: int, stop: Event, answers: Queue[Work]) -> None:
    """Be a station: walk units on each lane until all have passed and `stop` is set, as lanes do without anybody's help."""
    recipe = recipe_in(folder)
    with opened(folder / "data", url) as ledger, ThreadPoolExecutor(LANES) as lanes:
        desk = Desk(recipe, ledger, "batch")

        def walk(lane: int) -> Work:
            units = [FakeUnit(mac_of(first_unit + lane * UNITS_A_LANE + number)) for number in range(UNITS_A_LANE)]
            told = list[Told]()
            is_last = False
            while not is_last:
                is_last = stop.is_set()
                for unit in units:
                    told += walked_until_it_passes(desk, lane + 1, unit)
            return Work(told, {unit.mac: desk.carried(unit) for unit in units})

        done = list(lanes.map(walk, range(LANES)))
        wait_until(lambda: not ledger.recorder.kept, period_s=RETRY_S)
    carried = {mac: name for one in done for mac, name in one.carried.items()}
    answers.put(Work([verdict for one in done for verdict in one.told], carried))


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


def walked_until_it_passes(desk: Desk, lane: int, unit: FakeUnit) -> list[Told]:
    """Walk one unit again and again, as a lane does when the server was away; give every verdict."""
    told = list[Told]()
    while not told or told[-1][2] is not Verdict.PASS:
        wait_until(lambda: server_takes_units(desk.ledger), period_s=RETRY_S)
        verdict = desk.walk(FakeChip(unit), lane=lane)
        told.append((verdict.run_id, str(unit.mac), verdict.verdict, verdict.code))
        if verdict.verdict is Verdict.FAIL or verdict.code == Code.INTERNAL:
            raise AssertionError(verdict)
    return told


class Factory:
    """A server, and a folder for each of its stations; the batch has just as many certificates as there are units."""

    def __init__(self, folder: Path, server: Server) -> None:
        self._server = server
        self._url = new_database(server.url)
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

    def run(self, kills: int, seed: int) -> tuple[Counter[str], list[Work]]:
        """Let the stations work while the server dies so often; give how it died, and what the stations did."""
        context = multiprocessing.get_context("spawn")
        stop, answers = context.Event(), context.Queue()
        a_station = LANES * UNITS_A_LANE
        processes = [
            context.Process(target=work, args=(own, self._url, number * a_station, stop, answers))
            for number, own in enumerate(self.folders)
        ]
        for process in processes:
            process.start()
        self._wait_for_work()
        rng = random.Random(seed)  # noqa: S311  the instants must be repeatable as far as they can be
        ways = Counter(self._struck(rng) for _ in range(kills))
        stop.set()
        done = [answers.get(timeout=LIMIT_S) for _ in processes]
        for process in processes:
            process.join(LIMIT_S)
        answers.close()
        answers.join_thread()
        assert [process.exitcode for process in processes] == [0] * STATIONS
        return ways, done

    def _wait_for_work(self) -> None:
        """Wait until each station has begun a run."""
        with Ledger.open(self.folder / "first" / "data", url=self._url, read_only=True) as ledger:
            wait_until(lambda: len({run.station for run in ledger.runs(1000)}) == STATIONS, period_s=RETRY_S)

    def _struck(self, rng: random.Random) -> str:
        time.sleep(rng.uniform(*BETWEEN_KILLS_S))  # the server dies at random instants
        way = rng.choice(("killed", "stopped at once", "cut", "cut"))
        if way == "cut":
            self._server.cut()
            return way
        if way == "killed":
            self._server.kill()
        else:
            self._server.stop_at_once()
        time.sleep(rng.uniform(*AWAY_S))  # and is away for a random while
        self._server.start()
        return way

    def judge(self, done: Sequence[Work]) -> Counter[str]:
        """Compare what stations told with what the ledger has; give how many runs came to each verdict."""
        told = [verdict for one in done for verdict in one.told]
        carried = {mac: name for one in done for mac, name in one.carried.items()}
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
        assert passed == {run: mac for run, mac, verdict, _ in told if verdict is Verdict.PASS}
        assert len(passed) == sum(verdict is Verdict.PASS for _, _, verdict, _ in told)
        heard = {(run, verdict, code) for run, _, verdict, code in told}
        for run in runs:
            assert run.verdict is not None
            if run.code != Code.INTERRUPTED:
                assert (run.id, run.verdict, run.code) in heard
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
        ways, done = factory.run(given.kills, given.seed)
        verdicts = factory.judge(done)
    print(f"{given.kills} kills {dict(ways)}, {STATIONS} stations × {LANES} lanes, runs {dict(verdicts)}")  # noqa: T201  a command's output
    return 0


if __name__ == "__main__":
    sys.exit(main())
