"""A label printer is looked at before the shift, and never keeps it from starting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from station.errors import Code, PeripheralFault
from station.line.readiness import Readiness, Sentence, check_readiness
from station.line.shift import Shift
from station.peripherals.label_printer import LabelPrinter, open_printer
from station.peripherals.label_template import read_template
from tests.line.conftest import Desk
from tests.peripherals.tcp_printer import NO_PAPER, TcpPrinterDouble


@pytest.fixture
def shift(desk: Desk, tmp_path: Path) -> Shift:
    """A shift whose profile wants labels."""
    (tmp_path / "label.zpl").write_text("^XA^FD${mac}^FS^XZ", encoding="utf-8")
    recipe = replace(desk.recipe, label=read_template(tmp_path / "label.zpl"))
    return Shift(recipe, desk.ledger, desk.batch, None, None)


def seen(shift: Shift, printer: LabelPrinter | None) -> list[tuple[Readiness, Sentence, str | None]]:
    items = check_readiness(shift, {1: "socket://127.0.0.1:1"}, printer=lambda: printer)
    return [
        (item.state, item.sentence, item.fault.code if item.fault else None) for item in items if item.kind == "printer"
    ]


def test_a_printer_is_ready_or_told(shift: Shift, tmp_path: Path) -> None:
    with TcpPrinterDouble() as printer:
        assert seen(shift, open_printer(printer.address, tmp_path)) == [(Readiness.READY, Sentence.PRINTER, None)]
    with TcpPrinterDouble(NO_PAPER) as printer:
        told = seen(shift, open_printer(printer.address, tmp_path))
    assert told == [(Readiness.WARNING, Sentence.FAULT, Code.PRINTER_NOT_READY)]
    assert seen(shift, None) == [(Readiness.WARNING, Sentence.NO_PRINTER, None)]


def test_where_no_label_is_wanted_no_printer_is_asked(desk: Desk) -> None:
    class Broken:
        name = "broken"

        def send(self, _zpl: str) -> None:
            self.check()

        def check(self) -> None:
            raise PeripheralFault(Code.PRINTER_UNREACHABLE, "away", "come back")

    assert seen(Shift(desk.recipe, desk.ledger, desk.batch, None, None), Broken()) == []
