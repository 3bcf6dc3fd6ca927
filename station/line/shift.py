"""A shift: one recipe, one batch, one ledger, chosen before the lanes start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from station.errors import UsageError
from station.ledger import BatchSummary, Ledger
from station.profile import Recipe, prepare_recipe


@dataclass(frozen=True, slots=True)
class Shift:
    """What the lanes work on."""

    recipe: Recipe
    ledger: Ledger
    batch: str
    work_order: str | None
    quantity: int | None


def open_shift(
    profile: Path,
    ledger: Ledger,
    batch: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Shift:
    """Prepare a profile and choose its batch: the one named, the profile's own CSV (imported once), or the only one left.

    ProfileError, BatchError, UsageError when there is no choice or more than one, LedgerFault.
    """
    recipe = prepare_recipe(profile)
    asked = recipe.profile.batch
    if batch is None and asked is not None:
        csv = (profile.parent / asked.certificates).resolve()
        result = ledger.import_batch(
            csv,
            name=csv.stem,
            product_key=recipe.profile.product_key,
            work_order=asked.work_order,
            progress=progress,
        )
        batch = result.batch
    chosen = ledger.batch(batch) if batch is not None else _only_batch(ledger, recipe)
    if chosen.product_key != recipe.profile.product_key:
        raise UsageError(
            f"Batch {chosen.name} holds certificates of product {chosen.product_key}, "
            f"the profile {recipe.profile.name} is for {recipe.profile.product_key}",
            "Choose the batch of this product, or the profile of this batch",
            str(profile),
        )
    return Shift(
        recipe,
        ledger,
        chosen.name,
        chosen.work_order if asked is None else asked.work_order,
        None if asked is None else asked.quantity,
    )


def _only_batch(ledger: Ledger, recipe: Recipe) -> BatchSummary:
    of_product = [entry for entry in ledger.batches() if entry.product_key == recipe.profile.product_key]
    with_some_left = [entry for entry in of_product if entry.left] or of_product
    if len(with_some_left) == 1:
        return with_some_left[0]
    if not of_product:
        raise UsageError(
            f"The ledger has no certificates of product {recipe.profile.product_key}",
            "Import them: station batch import FILE.csv",
            str(recipe.path),
        )
    names = ", ".join(entry.name for entry in with_some_left)
    raise UsageError(
        f"More than one batch has certificates for this product: {names}", "Choose one with --batch", str(recipe.path)
    )


def check_ports(ports: Sequence[str]) -> None:
    """Refuse a port that is given to two lanes; UsageError."""
    for port in ports:
        if ports.count(port) > 1:
            raise UsageError(f"The port {port} is given to two lanes", "Give each lane a port of its own")
