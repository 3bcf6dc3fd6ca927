"""Labels are printed after a PASS and only then; a printer that is away or hangs delays nobody and loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from station.errors import Code, UsageError
from station.line.label_printing import order_label
from station.peripherals import label_printer
from station.unit import Mac
from station.verdict import Verdict
from tests.free_port import free_port
from tests.line.conftest import Desk
from tests.line.fake_chip import FakeChip, FakeUnit
from tests.line.workshop import WAIT_S, Workshop, workshops
from tests.peripherals.tcp_printer import NO_PAPER, READY, TcpPrinterDouble
from tests.waiting import wait_until

A, B, C = (Mac(f"24:0a:c4:00:30:{number:02x}") for number in (1, 2, 3))


@pytest.fixture
def workshop(desk: Desk, tmp_path: Path) -> Iterator[Callable[..., Workshop]]:
    """Give the workshop with a printer at an address."""
    with workshops(desk, tmp_path) as at:
        yield at


@pytest.fixture
def away() -> str:
    """The address of a printer that is switched off."""
    return f"tcp://127.0.0.1:{free_port()}"


def test_a_unit_that_passed_gets_its_label_once(workshop: Callable[..., Workshop]) -> None:
    with TcpPrinterDouble() as printer:
        shop = workshop(printer.address)
        assert shop.walk(A) is Verdict.PASS
        assert shop.wait(1) == [(A, None)]
        assert shop.walk(A) is Verdict.PASS
        assert shop.walk(B) is Verdict.PASS
        assert shop.wait(2) == [(A, None), (B, None)]

        names = [verdict.device_name for verdict in shop.verdicts]
        assert names[0] == names[1]
        assert printer.wait(2) == [
            f"^XA\n^FO1,1\n^FH\n^FD{mac.replace(':', '').upper()} {name.replace('_', '_5F')} 1.0.0\n^FS\n^XZ"
            for mac, name in ((A, str(names[0])), (B, str(names[2])))
        ]
        assert shop.kinds(A) == ["label_sent"]


def test_a_unit_that_failed_gets_none(workshop: Callable[..., Workshop]) -> None:
    with TcpPrinterDouble() as printer:
        shop = workshop(printer.address)
        assert shop.walk(A, says=()) is Verdict.FAIL
        with pytest.raises(UsageError, match="No label without PASS"):
            shop.prints.print_again(A)
        shop.prints.close(WAIT_S)

        assert printer.connections == 0
        assert shop.told == []
        assert shop.kinds(A) == []


def test_one_more_label_is_printed_on_demand_and_recorded(workshop: Callable[..., Workshop]) -> None:
    with TcpPrinterDouble() as printer:
        shop = workshop(printer.address)
        shop.walk(A)
        shop.wait(1)
        assert shop.prints.print_again(A).code is None
        assert len(set(printer.wait(2))) == 1

    events = [event for event in shop.desk.ledger.unit(A).events if event.kind == "label_sent"]
    assert [(event.data["again"], event.operator) for event in events] == [(False, "Li W."), (True, "Li W.")]


def test_a_printer_that_is_away_is_told_and_the_unit_keeps_its_pass(
    workshop: Callable[..., Workshop], away: str
) -> None:
    shop = workshop(away)
    assert shop.walk(A) is Verdict.PASS
    assert shop.wait(1) == [(A, Code.PRINTER_UNREACHABLE)]

    assert shop.desk.ledger.runs()[0].verdict is Verdict.PASS
    assert shop.desk.ledger.printed_labels.missing(shop.desk.batch) == [A]
    assert shop.kinds(A) == ["label_sent", "label_failed"]
    assert shop.prints.print_again(A).code == Code.PRINTER_UNREACHABLE


def test_a_printer_that_comes_back_prints_what_is_asked_for_again(workshop: Callable[..., Workshop]) -> None:
    with TcpPrinterDouble(NO_PAPER) as printer:
        shop = workshop(printer.address)
        shop.walk(A)
        assert shop.wait(1) == [(A, Code.PRINTER_NOT_READY)]
        printer.status = READY
        assert shop.prints.print_again(A).code is None
        shop.walk(B)
        assert shop.wait(3)[2] == (B, None)

    assert shop.desk.ledger.printed_labels.missing(shop.desk.batch) == []


def test_a_printer_that_hangs_delays_no_lane_and_is_asked_once_for_all_that_wait(
    workshop: Callable[..., Workshop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_printer, "STATUS_TIMEOUT_S", 0.2)
    monkeypatch.setattr(label_printer, "TIMEOUT_S", 0.2)
    with TcpPrinterDouble(hangs=True) as printer:
        shop = workshop(printer.address)
        passed = [shop.desk.walk(FakeChip(FakeUnit(mac))) for mac in (A, B, C)]
        for verdict in passed:
            shop.prints.hear(verdict)
        assert shop.told == []
        assert shop.wait(3) == [(mac, Code.PRINTER_UNREACHABLE) for mac in (A, B, C)]
        assert printer.connections == 1

    assert [verdict.verdict for verdict in passed] == [Verdict.PASS] * 3
    assert shop.desk.ledger.printed_labels.missing(shop.desk.batch) == [A, B, C]


def test_the_end_of_a_shift_leaves_a_label_in_a_printer_that_hangs_to_be_printed(
    workshop: Callable[..., Workshop],
) -> None:
    with TcpPrinterDouble(hangs=True) as printer:
        shop = workshop(printer.address)
        shop.walk(A)
        wait_until(lambda: printer.connections == 1)

        assert not shop.prints.close(timeout_s=0.01)
        assert shop.kinds(A) == ["label_sent", "label_failed"]
        assert shop.desk.ledger.printed_labels.missing(shop.desk.batch) == [A]


def test_the_end_of_a_shift_notes_no_failure_of_a_label_that_was_not_sent_yet(
    workshop: Callable[..., Workshop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger keeps the desk waiting; what it lets through after the end is not sent."""
    with TcpPrinterDouble() as printer:
        shop = workshop(printer.address)
        labels = shop.desk.ledger.printed_labels
        asked, free, sending = threading.Event(), threading.Event(), labels.sending

        def kept_waiting(*given: Any, **named: Any) -> bool:
            asked.set()
            assert free.wait(WAIT_S)
            return sending(*given, **named)

        monkeypatch.setattr(labels, "sending", kept_waiting)
        shop.walk(A)
        assert asked.wait(WAIT_S)
        assert not shop.prints.close(timeout_s=0.01)
        assert shop.kinds(A) == []

        free.set()
        assert shop.prints.close(WAIT_S)
        assert shop.kinds(A) == ["label_sent", "label_failed"]
        assert printer.connections == 0
        assert labels.missing(shop.desk.batch) == [A]


def test_so_many_copies_come_as_the_profile_says(workshop: Callable[..., Workshop]) -> None:
    with TcpPrinterDouble() as printer:
        shop = workshop(printer.address, 3)
        shop.walk(A)
        assert len(printer.wait(3)) == 3
        assert printer.connections == 1
    assert shop.kinds(A) == ["label_sent"]


def test_a_unit_of_another_product_gets_no_label_of_this_one(desk: Desk) -> None:
    desk.walk(FakeChip(FakeUnit(A)))
    with pytest.raises(UsageError, match="the unit is of product"):
        order_label(desk.ledger, "a1Other0000", A)
