"""Units on a virtual chip, by the station's walk and by the esptool command line, one process a unit, as people script it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from station.chip.chip import Chip, SyncOutcome
from station.chip.lane_port import LanePort
from station.image.flash_plan import Region
from station.ledger import Ledger
from station.line.packing import pack_regions, pack_static
from station.line.passage import Passage
from station.line.walk import walk_unit
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe
from station.unit import Mac
from station.verdict import Step, Verdict
from station.virtual.bench import Bench
from station.virtual.images import make_bench_images
from tests.batch_csv import write_batch_csv
from tests.virtual.esptool_run import Run, run

PRODUCT_KEY: Final = "a1Benchmark"
FULL_SET: Final = "benchmark"
"""1.4 MB that deflate to 0.9 MB."""
SMALL_SET: Final = "training"
UNITS_MAX: Final = 100
COUNTED: Final = (Step.DETECT, Step.IDENTIFY, Step.ALLOCATE, Step.WRITE, Step.VERIFY)


@dataclass(frozen=True, slots=True)
class Walked:
    """One unit by the station: from the reset to the end of `verify`; CPU of the whole process, reset to verdict."""

    seconds: float
    cpu_s: float
    steps_s: dict[str, float]


class UnitBench:
    """One lane, one virtual fixture, one ledger."""

    def __init__(self, folder: Path, bench: Bench, recipe: Recipe, ledger: Ledger, baud: int) -> None:
        self._folder = folder
        self._bench = bench
        self._recipe = recipe
        self._ledger = ledger
        self._baud = baud
        self._batch = ledger.import_batch(folder / "bench.csv").batch
        self._static = pack_static(recipe)
        self._regions: tuple[Region, ...] = ()
        self._mac: Mac | None = None

    @property
    def wire_limit_s(self) -> float:
        """What a full unit needs on the wire: compressed bytes × 10 / baud; valid after the first unit."""
        return sum(len(packed.blob) for packed in pack_regions(self._regions)) * 10 / self._baud

    def walk(self, *, new: bool, without_credentials: bool = False) -> Walked:
        """Walk a new unit, or the last one once more, its credentials erased before if so asked."""
        if without_credentials:
            self._erase_credentials()
        mac = Mac(self._bench.insert(1, None if new else self._mac))
        port = LanePort.open(self._bench.ports[0], threading.Event())
        try:
            chip = Chip(port)
            cpu_began, began = time.process_time(), time.perf_counter()
            if chip.sync() is not SyncOutcome.READY:
                raise SystemExit("the virtual unit does not answer")
            synced_s = time.perf_counter() - began
            passage = Passage(
                lane=1,
                port=port.url,
                chip=chip,
                recipe=self._recipe,
                static=self._static,
                batch=self._batch,
                operator="bench",
                ledger=self._ledger,
                report=lambda _event: None,
            )
            verdict = walk_unit(passage)
            cpu_s = time.process_time() - cpu_began
        finally:
            port.release()
        if verdict.verdict is not Verdict.PASS:
            raise SystemExit(f"the virtual unit did not pass: {verdict.code} {verdict.message}")
        self._mac, self._regions = mac, self._recipe.unit_plan(passage.certificate).regions
        steps = {"sync": synced_s, **{str(step): float(str(passage.timings[step])) for step in COUNTED}}
        return Walked(sum(steps.values()), cpu_s, steps)

    def esptool(self, *, new: bool, credentials_only: bool = False) -> float:
        """Let one esptool process write the regions of the last unit; give its seconds, the start of Python among them."""
        self._bench.insert(1, None if new else self._mac)
        arguments = ["--chip", "esp32", "--baud", str(self._baud), "write-flash"]
        if not new and not credentials_only:
            arguments.append("--skip-flashed")
        for region in self._regions:
            if not credentials_only or region.secret:
                file = self._folder / f"{region.offset:x}.bin"
                file.write_bytes(region.data)
                arguments += [hex(region.offset), str(file)]
        began = time.perf_counter()
        run(Run(self._bench.ports[0], arguments))
        return time.perf_counter() - began

    def _erase_credentials(self) -> None:
        partition = self._recipe.credentials_partition
        self._bench.remove(1)
        if self._mac is not None:
            with self._bench.flash_file(self._mac).open("r+b") as flash:
                flash.seek(partition.offset)
                flash.write(b"\xff" * partition.size_bytes)


@contextmanager
def unit_bench(folder: Path, images: str, baud: int, latency_s: float) -> Iterator[UnitBench]:
    """Lay everything out below an empty folder and give the bench."""
    recipe = prepare_recipe(write_profile(folder, images, baud))
    write_batch_csv(folder / "bench.csv", PRODUCT_KEY, UNITS_MAX)
    with Ledger.open(folder / "data") as ledger, Bench(folder / "units", 1, reply_latency_s=latency_s) as bench:
        yield UnitBench(folder, bench, recipe, ledger, baud)


def start_of_python_s() -> float:
    """Give how long esptool takes before it says anything: `esptool version`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "esptool", "version"], check=True, capture_output=True)
    return time.perf_counter() - began


def write_profile(folder: Path, images: str, baud: int, *, is_started: bool = True) -> Path:
    """Write images and profile; `is_started`: a unit has to say that its application runs."""
    make_bench_images(folder / "images")
    profile = {
        "schema": 1,
        "name": "benchmark",
        "product_key": PRODUCT_KEY,
        "chip": "esp32",
        "flash_size": "4MB",
        "baud": [baud],
        "firmware": {
            "version": "1.0.0",
            "images": [
                {"file": f"images/{images}/bootloader.bin", "at": 0x1000},
                {"file": f"images/{images}/partition-table.bin", "at": 0x8000},
                {"file": f"images/{images}/app.bin", "at": "factory"},
            ],
        },
        "credentials": {"preset": "esp-aliyun"},
        "checks": {"boot": {"expect": "station-app ready", "within": "20s"}} if is_started else {},
    }
    path = folder / "benchmark.yaml"
    path.write_text(yaml.safe_dump(profile), encoding="utf-8")
    return path
