"""A work order counts its units over all stations, and takes no more than its quantity."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from station.errors import Code, UsageError, WorkOrderComplete
from station.ledger import Ledger
from station.unit import Disposition
from station.verdict import Verdict
from tests.ledger.making import PRODUCT, begin, known_device, mac_of, write_csv
from tests.waiting import wait_until


@pytest.fixture
def ordered(stocked: Ledger) -> Ledger:
    """A ledger with ten certificates and the order WO-1 for two units."""
    stocked.work_orders.add("WO-1", profile="plug", batch="batch", quantity=2)
    return stocked


def make(
    ledger: Ledger, unit: int, verdict: Verdict = Verdict.PASS, *, order: str | None = "WO-1", install: bool = True
) -> None:
    """Take a unit through a run for an order."""
    run = begin(ledger, unit, work_order=order)
    try:
        ledger.allocate(run)
    except WorkOrderComplete as error:
        ledger.finish_run(run, Verdict.ERROR, seconds=1.0, code=error.code, message=error.cause)
        raise
    if install:
        ledger.begin_installing(run)
    code = None if verdict is Verdict.PASS else Code.NO_BOOT
    ledger.finish_run(run, verdict, seconds=1.0, code=code, message="")


def progress(ledger: Ledger, number: str = "WO-1") -> tuple[int, int, str]:
    """What is counted; the places themselves, looked through one by one, say the same."""
    order = ledger.work_orders.find(number)
    query = """SELECT count(*), count(passed_at) FROM work_order_units u JOIN work_orders o ON o.id = work_order_id
        JOIN certificates c ON c.id = certificate_id AND c.mac = u.mac AND c.state NOT IN ('available', 'void')
        WHERE freed_at IS NULL AND number = :number"""
    with ledger._database.reading() as connection:
        assert connection.execute(text(query), {"number": number}).one() == (order.taken, order.passed)
    return order.taken, order.passed, order.state


def test_a_complete_order_takes_no_new_unit_and_spends_no_certificate(ordered: Ledger) -> None:
    make(ordered, 1)
    make(ordered, 2)
    left = ordered.left("batch")

    with pytest.raises(WorkOrderComplete) as refused:
        make(ordered, 3)
    assert (refused.value.code, refused.value.exit_code) == (Code.WORK_ORDER_COMPLETE, 5)
    assert progress(ordered) == (2, 2, "complete")
    assert (ordered.left("batch"), known_device(ordered, mac_of(3), PRODUCT)) == (left, None)


def test_what_the_other_open_orders_of_a_batch_want_is_counted_as_far_as_they_say(ordered: Ledger) -> None:
    orders = ordered.work_orders
    make(ordered, 1, Verdict.FAIL)
    orders.add("WO-2", profile="kettle", batch="batch", quantity=4)
    orders.add("WO-3", profile="plug", batch="batch")
    assert [orders.wanted_by_others("batch", number) for number in ("WO-1", "WO-2", "WO-3", None)] == [4, 1, 5, 5]
    assert [order.wanted for order in orders.all()] == [1, 4, None]

    orders.close("WO-2", reason="not made here")
    assert (orders.wanted_by_others("batch", "WO-1"), orders.find("WO-2").wanted) == (0, 0)
    assert orders.wanted_by_others("another", None) == 0


def test_rework_of_its_units_still_goes(ordered: Ledger) -> None:
    make(ordered, 1, Verdict.FAIL)
    make(ordered, 2)
    assert progress(ordered) == (2, 1, "open")
    with pytest.raises(WorkOrderComplete):
        make(ordered, 3)

    make(ordered, 1)
    make(ordered, 2)
    assert progress(ordered) == (2, 2, "complete")


def test_a_unit_whose_certificate_went_back_gives_its_place_to_another(ordered: Ledger) -> None:
    make(ordered, 1, Verdict.FAIL, install=False)
    make(ordered, 2)
    make(ordered, 3)

    assert progress(ordered) == (2, 2, "complete")


def test_a_scrapped_unit_gives_its_place_to_another_even_when_it_had_passed(ordered: Ledger) -> None:
    make(ordered, 1)
    make(ordered, 2, Verdict.FAIL)
    for unit in (1, 2):
        ordered.dispositions.put(mac_of(unit), Disposition.SCRAP, reason="burnt", operator="Wang")
    assert progress(ordered) == (0, 0, "open")

    make(ordered, 3)
    make(ordered, 4)
    assert progress(ordered) == (2, 2, "complete")


def test_a_unit_that_lost_its_place_gets_it_back_only_while_one_is_free(ordered: Ledger) -> None:
    make(ordered, 1, Verdict.FAIL, install=False)
    make(ordered, 2)
    make(ordered, 3)

    with pytest.raises(WorkOrderComplete):
        make(ordered, 1)
    ordered.dispositions.put(mac_of(2), Disposition.SCRAP, reason="burnt", operator="Wang")
    make(ordered, 1)
    assert progress(ordered) == (2, 2, "complete")


def test_a_unit_that_was_made_anew_for_another_order_counts_there_alone(ordered: Ledger) -> None:
    ordered.work_orders.add("WO-2", profile="plug", batch="batch", quantity=1)
    make(ordered, 1)
    for put in (Disposition.SCRAP, None):
        ordered.dispositions.put(mac_of(1), put, reason="a mistake", operator="Wang")
    make(ordered, 1, order="WO-2")

    assert progress(ordered) == (0, 0, "open")
    assert progress(ordered, "WO-2") == (1, 1, "complete")


def test_a_place_held_by_a_dead_process_is_taken_back_with_its_certificate(ordered: Ledger, data: Path) -> None:
    make(ordered, 1)
    with Ledger.open(data) as killed:
        killed.allocate(begin(killed, 2, work_order="WO-1"))
        with pytest.raises(WorkOrderComplete):
            make(ordered, 3)

    make(ordered, 3)
    assert progress(ordered) == (2, 2, "complete")


def test_rework_of_an_older_order_takes_no_place(ordered: Ledger) -> None:
    make(ordered, 1)
    ordered.work_orders.add("WO-2", profile="plug", batch="batch", quantity=1)
    make(ordered, 1, order="WO-2")

    assert progress(ordered, "WO-2") == (0, 0, "open")
    make(ordered, 5, order="WO-2")
    assert progress(ordered, "WO-2") == (1, 1, "complete")


def test_a_closed_order_takes_no_new_unit_and_its_events_tell_why(ordered: Ledger) -> None:
    make(ordered, 1, Verdict.FAIL)
    ordered.work_orders.close("WO-1", reason="customer took less")

    with pytest.raises(WorkOrderComplete, match="closed"):
        make(ordered, 2)
    make(ordered, 1)
    assert progress(ordered) == (1, 1, "closed")
    told = {event.kind: event.data for event in ordered.audit_events()}
    assert told["work_order_closed"] == {"work_order": "WO-1", "passed": 0, "reason": "customer took less"}


def test_an_order_that_wants_more_goes_on_and_its_events_tell_why(ordered: Ledger) -> None:
    make(ordered, 1)
    make(ordered, 2)
    assert progress(ordered) == (2, 2, "complete")

    changed = ordered.work_orders.change("WO-1", quantity=3, reason="customer takes one more")
    assert (changed.quantity, changed.state) == (3, "open")
    make(ordered, 3)
    assert progress(ordered) == (3, 3, "complete")
    told = {event.kind: event.data for event in ordered.audit_events()}
    assert told["work_order_changed"] == {"work_order": "WO-1", "old": 2, "new": 3, "reason": "customer takes one more"}

    with pytest.raises(UsageError, match="has 3 units already"):
        ordered.work_orders.change("WO-1", quantity=2, reason="less")
    ordered.work_orders.close("WO-1", reason="done")
    with pytest.raises(UsageError, match="is closed"):
        ordered.work_orders.change("WO-1", quantity=9, reason="more")


def test_many_stations_at_once_take_exactly_its_quantity(data: Path, tmp_path: Path) -> None:
    quantity, refused = 7, []
    with Ledger.open(data) as first, Ledger.open(data) as second:
        first.import_batch(write_csv(tmp_path / "batch.csv", range(1, 41)))
        first.work_orders.add("WO-1", profile="plug", batch="batch", quantity=quantity)

        def work(ledger: Ledger, units: range) -> None:
            for unit in units:
                try:
                    make(ledger, unit)
                except WorkOrderComplete:
                    refused.append(unit)

        threads = [
            threading.Thread(target=work, args=(ledger, range(start, start + 4)))
            for start, ledger in ((1, first), (11, second), (21, first), (31, second))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert progress(first) == (quantity, quantity, "complete")
        assert (len(refused), first.left("batch")) == (16 - quantity, 40 - quantity)


def test_an_order_does_not_want_less_than_another_station_is_just_taking(
    factory: str, data: Path, tmp_path: Path
) -> None:
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with Ledger.open(data, url=factory) as ledger:
        ledger.import_batch(write_csv(tmp_path / "batch.csv", range(1, 4)))
        ledger.work_orders.add("WO-1", profile="plug", batch="batch", quantity=5)
        ledger.allocate(begin(ledger, 1, work_order="WO-1"))
        with (
            psycopg.connect(factory) as station,
            psycopg.connect(factory, autocommit=True) as watch,
            ThreadPoolExecutor(1) as pool,
        ):
            station.execute("SELECT id FROM work_orders FOR UPDATE")
            station.execute("UPDATE work_order_counts SET taken = taken + 1")
            change = pool.submit(ledger.work_orders.change, "WO-1", quantity=1, reason="less")
            wait_until(lambda: watch.execute(waits).fetchone() == (1,))
            station.commit()
            with pytest.raises(UsageError, match="has 2 units already"):
                change.result(timeout=30)


@pytest.mark.parametrize("number", ["", " ", "x" * 201, "WO\n1"])
def test_what_cannot_be_a_number_is_refused(stocked: Ledger, number: str) -> None:
    with pytest.raises(UsageError):
        stocked.work_orders.add(number, profile="plug", batch="batch")
    assert stocked.work_orders.all() == []


def test_an_order_that_a_profile_names_is_opened_once_and_never_silently_changed(stocked: Ledger) -> None:
    for _ in range(2):
        stocked.work_orders.ensure("WO-9", profile="plug", batch="batch", quantity=5)
    assert len(stocked.work_orders.all()) == 1

    with pytest.raises(UsageError, match="quantity 5 in the ledger, and the profile says 6"):
        stocked.work_orders.ensure("WO-9", profile="plug", batch="batch", quantity=6)
    with pytest.raises(UsageError, match="already"):
        stocked.work_orders.add("WO-9", profile="plug", batch="batch")
