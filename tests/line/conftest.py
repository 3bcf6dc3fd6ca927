"""A ledger with a batch, and the training product, for walks of units in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from station.certificate import CertificateState
from station.events import Event, VerdictReached
from station.image.nvs_reader import read_nvs_image
from station.ledger import Ledger
from station.line.decision import CarriedAnswer, LeadDecision
from station.line.label_slot import LabelSlot
from station.line.packing import pack_static
from station.line.passage import Passage
from station.line.walk import walk_unit
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe
from station.unit import Mac
from station.virtual.images import make_bench_images
from tests.batch_csv import write_batch_csv
from tests.line.fake_chip import FakeChip, FakeUnit

PROFILES = Path(__file__).parent.parent.parent / "profiles"


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    folder = tmp_path_factory.mktemp("profiles")
    profile = folder / "training.yaml"
    profile.write_text((PROFILES / "training.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    make_bench_images(folder / "images")
    return prepare_recipe(profile)


@dataclass
class Desk:
    """A ledger with a batch, and what the walks reported."""

    recipe: Recipe
    ledger: Ledger
    batch: str
    heard: list[Event] = field(default_factory=list)

    def walk(
        self,
        chip: FakeChip,
        *,
        lane: int = 1,
        replace_foreign: LeadDecision | None = None,
        keep_foreign: LeadDecision | None = None,
        force_security: LeadDecision | None = None,
        answer_for: Callable[[Mac], CarriedAnswer | None] = lambda _mac: None,
        label_slot: LabelSlot | None = None,
        work_order: str | None = None,
        order_retries: int | None = None,
    ) -> VerdictReached:
        chip.runs_as = lambda: self.carried(chip.unit)
        return walk_unit(
            Passage(
                lane=lane,
                port="test",
                chip=chip,
                recipe=self.recipe,
                static=pack_static(self.recipe),
                batch=self.batch,
                operator="Li W.",
                ledger=self.ledger,
                report=self.heard.append,
                replace_foreign=replace_foreign,
                keep_foreign=keep_foreign,
                force_security=force_security,
                answer_for=answer_for,
                label_slot=label_slot,
                work_order=work_order,
                order_retries=order_retries,
            )
        )

    def states(self) -> list[CertificateState]:
        return [row.state for row in self.ledger.certificates(self.batch)]

    def carried(self, unit: FakeUnit) -> str | None:
        return carried_by(self.recipe, unit)


def carried_by(recipe: Recipe, unit: FakeUnit) -> str | None:
    """Give the DeviceName that a unit's flash holds."""
    partition = recipe.credentials_partition
    image = bytes(unit.flash[partition.offset : partition.offset + partition.size_bytes])
    return recipe.device_name_in(read_nvs_image(image, tolerant=True))


@pytest.fixture
def desk(recipe: Recipe, tmp_path: Path) -> Iterator[Desk]:
    csv = tmp_path / "batch.csv"
    write_batch_csv(csv, recipe.profile.product_key, 3)
    with Ledger.open(tmp_path / "data") as ledger:
        yield Desk(recipe, ledger, ledger.import_batch(csv).batch)
