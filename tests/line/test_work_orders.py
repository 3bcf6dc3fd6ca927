"""The order that a shift works on comes from the ledger, and decides what its lanes take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from station.chip.chip_failures import unit_gone
from station.errors import Code, UsageError
from station.events import VerdictReached
from station.ledger import Ledger
from station.line.line import Line
from station.line.readiness import Readiness, Sentence, check_readiness
from station.line.shift import Progress, open_shift, possible_shifts
from station.profile.reading import load_profile
from station.verdict import Verdict
from station.virtual.images import make_bench_images
from tests.batch_csv import write_batch_csv
from tests.ledger.making import mac_of
from tests.ledger.test_work_orders import make
from tests.line.conftest import PROFILES, Desk
from tests.line.fake_chip import FakeChip, FakeUnit
from tests.line.test_walk import raising, when


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("orders")
    make_bench_images(folder / "images")
    text = (PROFILES / "training.yaml").read_text(encoding="utf-8")
    (folder / "plain.yaml").write_text(text, encoding="utf-8")
    named = "batch: {certificates: batch.csv, work_order: WO-7, quantity: 3}\n"
    (folder / "named.yaml").write_text(f"{text}\n{named}", encoding="utf-8")
    write_batch_csv(folder / "batch.csv", load_profile(folder / "plain.yaml").product_key, 5)
    return folder


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "data") as ledger:
        yield ledger


def test_a_profile_opens_its_order_at_the_first_start(opened: Ledger, folder: Path) -> None:
    shifts = [open_shift(folder / "named.yaml", opened) for _ in range(2)]

    assert [(shift.work_order, shift.progress()) for shift in shifts] == [("WO-7", Progress(0, 5, 5, 3, 3, 0))] * 2
    assert [order.number for order in opened.work_orders.all()] == ["WO-7"]


def test_an_order_that_is_changed_counts_anew_in_the_shift_that_runs(opened: Ledger, folder: Path) -> None:
    shift = open_shift(folder / "named.yaml", opened)
    line = Line(shift, [], operator="Li W.")

    def certificates() -> list[tuple[object, object]]:
        items = check_readiness(shift, {})
        return [(item.sentence, item.values.get("quantity")) for item in items if item.kind == "certificates"]

    assert (line.summary().quantity, certificates()) == (3, [(Sentence.CERTIFICATES_ENOUGH, 3)])
    opened.work_orders.change("WO-7", quantity=6, reason="more")
    assert (line.summary().quantity, certificates()) == (6, [(Sentence.CERTIFICATES_TOO_FEW, 6)])


def test_a_unit_that_holds_its_certificate_wants_none_and_other_open_orders_want_theirs(
    opened: Ledger, folder: Path
) -> None:
    shift = open_shift(folder / "named.yaml", opened)
    line = Line(shift, [], operator="Li W.")

    def certificates() -> list[tuple[Readiness, object, object]]:
        items = check_readiness(shift, {})
        return [
            (item.state, item.sentence, item.values.get("missing")) for item in items if item.kind == "certificates"
        ]

    opened.work_orders.change("WO-7", quantity=5, reason="more")
    for unit, verdict in enumerate((Verdict.PASS, Verdict.FAIL), 1):
        make(opened, unit, verdict, order="WO-7")
    assert (line.summary().wanted, certificates()) == (3, [(Readiness.READY, Sentence.CERTIFICATES_ENOUGH, None)])

    opened.work_orders.add("WO-8", profile="kettle", batch="batch", quantity=2)
    short = [(Readiness.WARNING, Sentence.CERTIFICATES_TOO_FEW_FOR_ALL, 2)]
    assert (line.summary().wanted, certificates()) == (5, short)

    opened.work_orders.close("WO-8", reason="not made here")
    for unit in (3, 4, 5):
        make(opened, unit, Verdict.FAIL, order="WO-7")
    assert opened.left("batch") == 0
    assert certificates() == [(Readiness.READY, Sentence.CERTIFICATES_ENOUGH, None)]


def test_without_an_order_the_units_of_the_batch_take_from_the_quantity_that_is_noted(
    opened: Ledger, folder: Path
) -> None:
    opened.import_batch(folder / "batch.csv")
    shift = replace(open_shift(folder / "plain.yaml", opened), noted_quantity=4)
    for unit, verdict in enumerate((Verdict.PASS, Verdict.FAIL), 1):
        make(opened, unit, verdict, order=None)

    assert shift.progress() == Progress(1, 3, 5, 4, 2, 0)


def test_open_orders_are_offered_in_the_place_of_their_batch(opened: Ledger, folder: Path) -> None:
    opened.import_batch(folder / "batch.csv")
    assert [shift.order for shift in possible_shifts(folder / "plain.yaml", opened)] == [None]
    name = possible_shifts(folder / "plain.yaml", opened)[0].recipe.profile.name
    for number in ("WO-1", "WO-2"):
        opened.work_orders.add(number, profile=name, batch="batch", quantity=2)

    assert [shift.work_order for shift in possible_shifts(folder / "plain.yaml", opened)] == ["WO-1", "WO-2"]
    with pytest.raises(UsageError, match="--order"):
        open_shift(folder / "plain.yaml", opened)
    assert open_shift(folder / "plain.yaml", opened, order="WO-2").work_order == "WO-2"


def test_an_order_that_is_complete_is_offered_only_while_its_batch_has_no_other(opened: Ledger, folder: Path) -> None:
    opened.import_batch(folder / "batch.csv")
    name = load_profile(folder / "plain.yaml").name
    opened.work_orders.add("WO-1", profile=name, batch="batch", quantity=1)
    make(opened, 1)
    assert [shift.work_order for shift in possible_shifts(folder / "plain.yaml", opened)] == ["WO-1"]

    opened.work_orders.add("WO-2", profile=name, batch="batch", quantity=1)
    assert [shift.work_order for shift in possible_shifts(folder / "plain.yaml", opened)] == ["WO-2"]


def test_an_order_of_another_profile_is_refused(opened: Ledger, folder: Path) -> None:
    opened.import_batch(folder / "batch.csv")
    opened.work_orders.add("WO-1", profile="kettle", batch="batch")

    with pytest.raises(UsageError, match="kettle"):
        open_shift(folder / "plain.yaml", opened, order="WO-1")
    assert [shift.order for shift in possible_shifts(folder / "plain.yaml", opened)] == [None]


def test_a_unit_beyond_the_order_is_refused_before_anything_is_written(desk: Desk) -> None:
    desk.ledger.work_orders.add("WO-1", profile=desk.recipe.profile.name, batch=desk.batch, quantity=1)
    first, second = FakeChip(FakeUnit(mac_of(1))), FakeChip(FakeUnit(mac_of(2)))
    before = bytes(second.unit.flash)

    assert desk.walk(first, work_order="WO-1").verdict is Verdict.PASS
    refused = desk.walk(second, work_order="WO-1")
    assert (refused.verdict, refused.code) == (Verdict.ERROR, Code.WORK_ORDER_COMPLETE)
    assert bytes(second.unit.flash) == before
    assert desk.walk(first, work_order="WO-1").verdict is Verdict.PASS


def test_an_orders_retries_go_before_the_profiles(desk: Desk) -> None:
    desk.ledger.work_orders.add("WO-1", profile=desk.recipe.profile.name, batch=desk.batch, quantity=2, retries=1)
    unit = FakeUnit(mac_of(1))

    def walk() -> VerdictReached:
        chip = FakeChip(unit, before=when("prepare", raising(unit_gone())))
        return desk.walk(chip, work_order="WO-1", order_retries=1)

    assert desk.recipe.profile.retries is None
    assert [walk().code for _ in range(3)] == [Code.UNIT_GONE, Code.UNIT_GONE, Code.TRIED_TOO_OFTEN]
