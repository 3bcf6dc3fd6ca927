"""The training bench as a place to work: its own data folder, profiles, images, certificates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from station.cli.context import TRAINING_FOLDER
from station.cli.examples import copy_examples
from station.errors import Code, StationFault
from station.ledger import Ledger
from station.profile.reading import load_profile
from station.virtual.images import make_bench_images
from station.virtual.sample_batch import write_sample_batch

BATCH: Final = "training"
SAMPLE_SIZE: Final = 200


@dataclass(frozen=True, slots=True)
class TrainingRoom:
    """Folders of the training: never those of production."""

    data: Path
    profile: Path
    units: Path


def set_up_training(data: Path, profile_name: str = "training") -> TrainingRoom:
    """Lay out profiles, firmware and images below the data folder; existing units and ledger stay. StationFault when it cannot."""
    own = data / TRAINING_FOLDER
    room = TrainingRoom(own, own / "profiles" / f"{profile_name}.yaml", own / "units")
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
