"""A shift: one recipe, one batch, one ledger, chosen before the lanes start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from station.certificate import CertificateState
from station.errors import UsageError, Why
from station.ledger import BatchSummary, Ledger, WorkOrder, open_orders_of
from station.profile.prepare import prepare_recipe
from station.profile.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Progress:
    """How many units of the `quantity` ordered have passed, and how many of the batch's `certificates` are left."""

    passed: int
    left: int
    certificates: int
    quantity: int | None
    wanted: int | None
    """How many certificates the rest of the quantity will take: a unit that holds one already takes none."""
    wanted_by_others: int
    """How many the batch's other open orders will take, as far as they say."""

    @property
    def wanted_in_all(self) -> int | None:
        return None if self.wanted is None else self.wanted + self.wanted_by_others


@dataclass(frozen=True, slots=True)
class Shift:
    """What the lanes work on. `work_order` is the `order`'s; without one, what the batch notes."""

    recipe: Recipe
    ledger: Ledger
    batch: str
    work_order: str | None
    noted_quantity: int | None
    """Of the profile, for a shift without an order."""
    order: WorkOrder | None = None
    """As it stood when the shift was opened."""

    def progress(self) -> Progress:
        """Give how far the order, as it stands now, or the batch is on all stations."""
        batch = self.ledger.batch(self.batch)
        number = None if self.order is None else self.order.number
        by_others = self.ledger.work_orders.wanted_by_others(self.batch, number)
        if number is not None:
            order = self.ledger.work_orders.find(number)
            return Progress(order.passed, batch.left, batch.total, order.quantity, order.wanted, by_others)
        noted, taken = self.noted_quantity, batch.total - batch.left - batch.counts[CertificateState.VOID]
        wanted = None if noted is None else max(0, noted - taken)
        return Progress(batch.passed, batch.left, batch.total, noted, wanted, by_others)


def open_shift(
    profile: Path,
    ledger: Ledger,
    batch: str | None = None,
    order: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Shift:
    """Prepare a profile and choose its order or batch: the one named, the profile's own, or the only one that has some left.

    ProfileError, BatchError, LedgerFault; UsageError when there is none to choose or more than one.
    """
    shifts = possible_shifts(profile, ledger, batch, order, progress)
    if len(shifts) > 1:
        names = ", ".join(shift.batch if shift.order is None else f"order {shift.order.number}" for shift in shifts)
        raise UsageError(
            f"More than one batch has certificates for this product: {names}",
            "Choose one with --batch or --order",
            str(profile),
            why=Why.SEVERAL_BATCHES,
            facts={"names": names},
        )
    return shifts[0]


def possible_shifts(
    profile: Path,
    ledger: Ledger,
    batch: str | None = None,
    order: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Shift]:
    """Prepare a profile and give a shift for each order and batch that it can work on, at least one; errors as `open_shift`.

    A CSV that the profile names is imported on the way, once, and its work order is opened; `progress` gets its bytes done
    and in all. A batch that has open orders of this profile is chosen by them.
    """
    recipe = prepare_recipe(profile)
    asked = recipe.profile.batch
    if order is not None:
        return [_of_order(recipe, ledger, _order_for(ledger.work_orders.find(order), recipe))]
    if batch is None and asked is not None and recipe.batch_csv is not None:
        batch = ledger.import_batch(
            recipe.batch_csv,
            name=asked.name or recipe.batch_csv.stem,
            product_key=recipe.profile.product_key,
            work_order=asked.work_order,
            progress=progress,
        ).batch
        if asked.work_order is not None:
            opened = ledger.work_orders.ensure(
                asked.work_order, profile=recipe.profile.name, batch=batch, quantity=asked.quantity
            )
            return [_of_order(recipe, ledger, opened)]
    chosen = [_fitting(ledger.batch(batch), recipe)] if batch is not None else _with_some_left(ledger, recipe)
    orders = open_orders_of(ledger.work_orders.all(), recipe.profile.name)
    shifts: list[Shift] = []
    for entry in chosen:
        of_batch = [_of_order(recipe, ledger, one) for one in orders if one.batch == entry.name]
        quantity = None if asked is None else asked.quantity
        shifts += of_batch or [Shift(recipe, ledger, entry.name, entry.work_order, quantity)]
    return shifts


def _of_order(recipe: Recipe, ledger: Ledger, order: WorkOrder) -> Shift:
    _fitting(ledger.batch(order.batch), recipe)
    return Shift(recipe, ledger, order.batch, order.number, None, order)


def _order_for(order: WorkOrder, recipe: Recipe) -> WorkOrder:
    if order.profile != recipe.profile.name:
        raise UsageError(
            f"Work order {order.number} is for the profile {order.profile}, this one is {recipe.profile.name}",
            "Choose the order of this profile, or the profile of this order",
            str(recipe.path),
            why=Why.ORDER_OF_OTHER_PROFILE,
            facts={"order": order.number, "profile": order.profile, "wanted": recipe.profile.name},
        )
    return order


def _fitting(batch: BatchSummary, recipe: Recipe) -> BatchSummary:
    if batch.product_key != recipe.profile.product_key:
        raise UsageError(
            f"Batch {batch.name} holds certificates of product {batch.product_key}, "
            f"the profile {recipe.profile.name} is for {recipe.profile.product_key}",
            "Choose the batch of this product, or the profile of this batch",
            str(recipe.path),
            why=Why.BATCH_OF_OTHER_PRODUCT,
            facts={"batch": batch.name, "product_key": batch.product_key, "wanted": recipe.profile.product_key},
        )
    return batch


def _with_some_left(ledger: Ledger, recipe: Recipe) -> list[BatchSummary]:
    of_product = [entry for entry in ledger.batches() if entry.product_key == recipe.profile.product_key]
    if not of_product:
        raise UsageError(
            f"The ledger has no certificates of product {recipe.profile.product_key}",
            "Import them: station batch import FILE.csv",
            str(recipe.path),
            why=Why.NO_CERTIFICATES,
            facts={"product_key": recipe.profile.product_key},
        )
    # With nothing left anywhere, the newest batch still serves units that come back.
    return [entry for entry in of_product if entry.left] or of_product[-1:]
