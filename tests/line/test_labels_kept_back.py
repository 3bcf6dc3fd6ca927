"""Labels that the ledger keeps back, or may tell wrongly: each is printed once, is missing, or is told as in doubt."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from station.errors import WHY, Code, LedgerFault, Why
from station.ledger import LabelJob
from station.line import print_desk
from station.unit import Mac
from tests.line.conftest import Desk
from tests.line.workshop import WAIT_S, Workshop, workshops
from tests.peripherals.tcp_printer import NO_PAPER, TcpPrinterDouble

A, B = (Mac(f"24:0a:c4:00:30:{number:02x}") for number in (1, 2))


@pytest.fixture(autouse=True)
def _tried_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(print_desk, "RETRY_PERIOD_S", 0.01)


@pytest.fixture
def printer() -> Iterator[TcpPrinterDouble]:
    with TcpPrinterDouble() as printer:
        yield printer


@pytest.fixture
def shop(desk: Desk, tmp_path: Path, printer: TcpPrinterDouble) -> Iterator[Workshop]:
    with workshops(desk, tmp_path) as at:
        yield at(printer.address)


class Refusals:
    """What the ledger answers to a shop's labels, or does not."""

    def __init__(self, shop: Workshop, patch: pytest.MonkeyPatch) -> None:
        self._shop = shop
        self._labels = shop.desk.ledger.printed_labels
        self._patch = patch

    def refuse(self, names: tuple[str, ...], *codes: Code) -> None:
        """Refuse calls of these names by these codes in turn, the last one for ever."""
        coming = chain(codes, repeat(codes[-1]))

        def refused(*_given: object, **_named: object) -> bool:
            raise LedgerFault(next(coming), "the note is not taken", "Look there")

        for name in names:
            self._patch.setattr(self._labels, name, refused)

    def lose_answers(self, times: int) -> None:
        """Lose the server's answers to the first notes that a label is sent: the log has them, and nobody can know."""
        sending, lost = self._labels.sending, repeat(True, times)

        def cut(job: LabelJob) -> bool:
            told = sending(job)
            if next(lost, False):
                raise LedgerFault(Code.LEDGER_UNREACHABLE, "the server does not answer", "Look at the network")
            return told

        self._patch.setattr(self._labels, "sending", cut)

    @property
    def missing(self) -> list[Mac]:
        return self._labels.missing(self._shop.desk.batch)


@pytest.fixture
def ledger(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Refusals:
    return Refusals(shop, monkeypatch)


def test_a_label_whose_note_had_no_answer_is_printed_and_noted_once_when_the_server_is_back(
    shop: Workshop, printer: TcpPrinterDouble, ledger: Refusals
) -> None:
    ledger.lose_answers(1)
    shop.walk(A)
    shop.walk(B)

    assert shop.wait(3) == [(A, Code.LEDGER_UNREACHABLE), (A, None), (B, None)]
    assert [shop.kinds(mac) for mac in (A, B)] == [["label_sent"]] * 2
    assert [label.split("^FD")[1][:12] for label in printer.wait(2)] == [mac.replace(":", "").upper() for mac in (A, B)]


def test_a_label_in_doubt_that_the_printer_refuses_is_missing(
    shop: Workshop, printer: TcpPrinterDouble, ledger: Refusals
) -> None:
    printer.status = NO_PAPER
    ledger.lose_answers(1)
    shop.walk(A)

    assert shop.wait(2) == [(A, Code.LEDGER_UNREACHABLE), (A, Code.PRINTER_NOT_READY)]
    assert ledger.missing == [A]


def test_a_label_that_somebody_asks_for_and_whose_note_has_no_answer_is_missing(
    shop: Workshop, printer: TcpPrinterDouble, ledger: Refusals
) -> None:
    printer.status = NO_PAPER
    shop.walk(A)
    shop.wait(1)
    ledger.lose_answers(1)

    assert shop.prints.print_again(A).code == Code.LEDGER_UNREACHABLE
    assert ledger.missing == [A]


def test_a_label_that_somebody_asks_for_of_a_server_that_is_lost_is_told_as_in_doubt(
    shop: Workshop, ledger: Refusals
) -> None:
    shop.walk(A)
    shop.wait(1)
    ledger.refuse(("sending", "failed"), Code.LEDGER_UNREACHABLE)

    assert shop.prints.print_again(A).facts[WHY] is Why.LABEL_IN_DOUBT


def test_a_label_in_doubt_at_the_end_of_a_shift_is_missing(
    shop: Workshop, printer: TcpPrinterDouble, ledger: Refusals
) -> None:
    ledger.lose_answers(1000)
    shop.walk(A)
    shop.wait(1)

    assert shop.prints.close(WAIT_S)
    assert ledger.missing == [A]
    assert printer.connections == 0


def test_labels_that_still_wait_at_the_end_of_a_shift_are_told_as_left(
    shop: Workshop, ledger: Refusals, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.refuse(("order",), Code.LEDGER_UNREACHABLE)
    for mac in (A, B):
        shop.walk(mac)
    shop.wait(2)
    assert not shop.prints.is_incomplete

    assert (shop.prints.close(WAIT_S), shop.prints.is_incomplete) == (True, True)
    assert "2 label(s) still waited" in caplog.text
    assert ledger.missing == [A, B]


def test_a_label_in_doubt_that_the_ledger_then_refuses_is_told_as_in_doubt(shop: Workshop, ledger: Refusals) -> None:
    ledger.refuse(("sending", "failed"), Code.LEDGER_UNREACHABLE, Code.DISK_FULL)
    shop.walk(A)
    shop.wait(2)

    assert shop.told[-1].facts[WHY] is Why.LABEL_IN_DOUBT
    assert (shop.prints.close(WAIT_S), shop.prints.is_incomplete) == (False, True)


def test_a_label_that_a_busy_ledger_did_not_note_is_not_in_doubt(shop: Workshop, ledger: Refusals) -> None:
    ledger.refuse(("sending", "failed"), Code.LEDGER_BUSY, Code.DISK_FULL)
    shop.walk(A)

    assert shop.wait(2) == [(A, Code.LEDGER_BUSY), (A, Code.DISK_FULL)]


def test_a_label_in_doubt_that_another_station_printed_meanwhile_does_not_come_twice(
    shop: Workshop, printer: TcpPrinterDouble, ledger: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(print_desk, "RETRY_PERIOD_S", WAIT_S)  # tried again with the next unit, not before
    ledger.lose_answers(2)
    shop.walk(A)
    shop.wait(1)
    labels = shop.desk.ledger.printed_labels
    with pytest.raises(LedgerFault):  # its answer is lost too, which is nothing to this desk
        labels.sending(LabelJob(labels.order(A), "another", 1, "Wang"))
    shop.walk(B)

    assert shop.wait(2)[-1] == (B, None)
    assert len(printer.wait(1)) == 1


def test_a_label_that_stays_in_doubt_at_the_end_of_a_shift_is_told(shop: Workshop, ledger: Refusals) -> None:
    ledger.lose_answers(1000)
    ledger.refuse(("failed",), Code.LEDGER_UNREACHABLE)
    shop.walk(A)
    shop.wait(1)

    assert (shop.prints.close(WAIT_S), shop.prints.is_incomplete) == (False, True)
    assert shop.told[-1].facts[WHY] is Why.LABEL_IN_DOUBT


def test_a_refusal_that_the_log_does_not_take_is_told_to_whom_asked_for_the_label(
    shop: Workshop, printer: TcpPrinterDouble, ledger: Refusals
) -> None:
    printer.status = NO_PAPER
    shop.walk(A)
    shop.wait(1)
    ledger.refuse(("failed",), Code.LEDGER_UNREACHABLE)

    assert shop.prints.print_again(A).facts[WHY] is Why.LABEL_IN_DOUBT


def test_a_refusal_that_a_ledger_without_server_does_not_take_is_told_by_the_printers_own_cause(
    shop: Workshop, printer: TcpPrinterDouble, ledger: Refusals
) -> None:
    printer.status = NO_PAPER
    ledger.refuse(("failed",), Code.DISK_FULL)
    shop.walk(A)

    assert shop.wait(1) == [(A, Code.PRINTER_NOT_READY)]
    assert "server" not in shop.told[0].message + shop.told[0].mend
    assert (shop.prints.close(WAIT_S), shop.prints.is_incomplete) == (False, True)


def test_a_label_waits_while_nobody_can_tell_whether_its_verdict_is_kept_here(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, held = type(shop.desk.ledger.recorder), repeat(True, 2)

    def kept(_recorder: object) -> int:
        if next(held, False):
            raise LedgerFault(Code.LEDGER_BUSY, "another program holds what is kept", "Try again")
        return 0

    monkeypatch.setattr(recorder, "kept", property(kept))
    monkeypatch.setattr(recorder, "knows", lambda _recorder, _run_id: True)
    shop.walk(A)

    assert shop.wait(2) == [(A, Code.LEDGER_UNREACHABLE), (A, None)]


def test_a_label_waits_for_a_ledger_that_is_busy(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = shop.desk.ledger.printed_labels
    sending, held = labels.sending, repeat(True, 2)

    def busy(job: LabelJob) -> bool:
        if next(held, False):
            raise LedgerFault(Code.LEDGER_BUSY, "another program holds the ledger", "Try again")
        return sending(job)

    monkeypatch.setattr(labels, "sending", busy)
    shop.walk(A)

    assert shop.wait(2) == [(A, Code.LEDGER_BUSY), (A, None)]
    assert shop.told[0].facts[WHY] is Why.LABEL_WAITS
