"""A shift: one recipe, one batch, one ledger, chosen before the lanes start."""

from __future__ import annotations

import os
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
    """Prepare a profile and choose its batch: the one named, the profile's own CSV, or the only one that has some left.

    ProfileError, BatchError, LedgerFault; UsageError when there is no batch to choose or more than one.
    """
    shifts = possible_shifts(profile, ledger, batch, progress)
    if len(shifts) > 1:
        names = ", ".join(shift.batch for shift in shifts)
        raise UsageError(
            f"More than one batch has certificates for this product: {names}", "Choose one with --batch", str(profile)
        )
    return shifts[0]


def possible_shifts(
    profile: Path,
    ledger: Ledger,
    batch: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Shift]:
    """Prepare a profile and give a shift for each batch that it can work on, at least one; errors as `open_shift`.

    A CSV that the profile names is imported on the way, once; `progress` gets its bytes done and in all.
    """
    recipe = prepare_recipe(profile)
    asked = recipe.profile.batch
    if batch is None and asked is not None and recipe.batch_csv is not None:
        batch = ledger.import_batch(
            recipe.batch_csv,
            name=asked.name or recipe.batch_csv.stem,
            product_key=recipe.profile.product_key,
            work_order=asked.work_order,
            progress=progress,
        ).batch
    chosen = [_fitting(ledger.batch(batch), recipe)] if batch is not None else _with_some_left(ledger, recipe)
    return [
        Shift(
            recipe,
            ledger,
            entry.name,
            entry.work_order if asked is None else asked.work_order,
            None if asked is None else asked.quantity,
        )
        for entry in chosen
    ]


def _fitting(batch: BatchSummary, recipe: Recipe) -> BatchSummary:
    if batch.product_key != recipe.profile.product_key:
        raise UsageError(
            f"Batch {batch.name} holds certificates of product {batch.product_key}, "
            f"the profile {recipe.profile.name} is for {recipe.profile.product_key}",
            "Choose the batch of this product, or the profile of this batch",
            str(recipe.path),
        )
    return batch


def _with_some_left(ledger: Ledger, recipe: Recipe) -> list[BatchSummary]:
    of_product = [entry for entry in ledger.batches() if entry.product_key == recipe.profile.product_key]
    if not of_product:
        raise UsageError(
            f"The ledger has no certificates of product {recipe.profile.product_key}",
            "Import them: station batch import FILE.csv",
            str(recipe.path),
        )
    # With nothing left anywhere, the newest batch still serves units that come back.
    return [entry for entry in of_product if entry.left] or of_product[-1:]


def check_ports(ports: Sequence[str]) -> None:
    """Refuse a port that is given to two lanes, under one name or two; UsageError."""
    seen: dict[str, str] = {}
    for port in ports:
        itself = _port_itself(port)
        if (other := seen.get(itself)) is not None:
            named = port if port == other else f"{port}, which is also {other},"
            raise UsageError(f"The port {named} is given to two lanes", "Give each lane a port of its own", port)
        seen[itself] = port


def _port_itself(port: str) -> str:
    """Give one name for all the names of a port: links followed, letters of one case where the system takes no care."""
    scheme, is_address, rest = port.partition("://")
    if is_address:
        place = rest.split("?")[0].rstrip("/").lower()
        return f"{scheme.lower()}://{place.replace('localhost:', '127.0.0.1:')}"
    if os.name == "nt":
        return port.upper().removeprefix("\\\\.\\")
    return os.path.realpath(port)
