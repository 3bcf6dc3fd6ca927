"""The training bench as a place to work: its own data folder, profiles, images, certificates, and hands that change units."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from station.cli.examples import copy_examples
from station.errors import Code, StationFault
from station.events import Event, LaneClosed, LaneWaiting, VerdictReached, WaitReason
from station.ledger import Ledger
from station.line.line import Line
from station.profile import load_profile
from station.virtual.bench import Bench, BenchFault
from station.virtual.images import make_bench_images
from station.virtual.sample_batch import write_sample_batch

_logger = logging.getLogger(__name__)

BATCH: Final = "training"
SAMPLE_SIZE: Final = 200
STOP_TIMEOUT_S: Final = 10.0
LEAVE_AFTER_S: Final = 4.0
"""How long a finished unit stays in the fixture, so that its verdict can be read."""


@dataclass(frozen=True, slots=True)
class TrainingRoom:
    """Folders of the training: never those of production."""

    data: Path
    profile: Path
    units: Path


def set_up_training(data: Path, profile_name: str = "training") -> TrainingRoom:
    """Lay out profiles, firmware and images below the data folder; existing units and ledger stay. StationFault when it cannot."""
    room = TrainingRoom(
        data / "training", data / "training" / "profiles" / f"{profile_name}.yaml", data / "training" / "units"
    )
    try:
        room.units.mkdir(parents=True, exist_ok=True)
        copy_examples(room.data)
        make_bench_images(room.profile.parent / "images")
    except OSError as error:
        raise StationFault(
            Code.DISK_FULL if error.errno == 28 else Code.LEDGER_NOT_WRITABLE,
            f"The training bench cannot be set up ({error.strerror})",
            "Choose another folder with --data",
            str(room.data),
        ) from error
    return room


def stock_certificates(ledger: Ledger, room: TrainingRoom, units: int) -> str:
    """Give the training batch's name, importing a new sample batch when too few certificates are left."""
    product_key = load_profile(room.profile).product_key
    batches = [batch for batch in ledger.batches() if batch.product_key == product_key]
    for batch in batches:
        if batch.left >= units:
            return batch.name
    name = f"{BATCH}-{room.profile.stem}-{len(batches) + 1}"
    csv = room.data / f"{name}.csv"
    write_sample_batch(csv, product_key, max(SAMPLE_SIZE, units))
    try:
        return ledger.import_batch(csv, name=name, product_key=product_key).batch
    finally:
        csv.unlink(missing_ok=True)


class BenchOperator:
    """The hands at the bench: puts a unit in when a lane asks for one, takes it out when it is done."""

    def __init__(self, bench: Bench, line: Line, units: int | None, leave_after_s: float = LEAVE_AFTER_S) -> None:
        self._bench = bench
        self._left_to_insert = units
        self._leave_after_s = leave_after_s
        self._heard: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._line = line
        self._outstanding: set[int] = set()
        self._thread = threading.Thread(target=self._work, name="bench-operator", daemon=True)
        line.subscribe(self._heard.put)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._heard.put(None)
        self._thread.join()

    def _work(self) -> None:
        try:
            self._handle_units()
        except BenchFault:
            _logger.exception("the bench failed")
            self._end()

    def _handle_units(self) -> None:
        while (event := self._heard.get()) is not None:
            match event:
                case LaneWaiting(reason=WaitReason.INSERT_UNIT):
                    self._insert(event.lane)
                case VerdictReached():
                    self._outstanding.discard(event.lane)
                    self._end_when_done()
                case LaneWaiting(reason=WaitReason.REMOVE_UNIT):
                    if not self._ended.wait(self._leave_after_s):
                        self._bench.remove(event.lane)
                case LaneClosed():
                    self._outstanding.discard(event.lane)
                case _:
                    pass

    def _insert(self, lane: int) -> None:
        if self._left_to_insert is not None:
            if self._left_to_insert == 0:
                return
            self._left_to_insert -= 1
        self._outstanding.add(lane)
        self._bench.insert(lane)

    def _end_when_done(self) -> None:
        if self._left_to_insert == 0 and not self._outstanding:
            self._end()

    def _end(self) -> None:
        threading.Thread(target=self._line.stop, args=(STOP_TIMEOUT_S,), name="bench-end", daemon=True).start()
