"""A label printer is looked at before the shift, and never keeps it from starting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from station.errors import Code, PeripheralFault
from station.line.readiness import Readiness, Sentence, check_readiness
from station.line.shift import Shift
from station.peripherals.label_printer import LabelPrinter, open_printer
from station.peripherals.label_template import read_template
from station.profile.doubts import DoubtKind
from station.profile.recipe import FileHash
from tests.line.conftest import Desk
from tests.peripherals.tcp_printer import NO_PAPER, TcpPrinterDouble


@pytest.fixture
def shift(desk: Desk, tmp_path: Path) -> Shift:
    """A shift whose profile wants labels."""
    (tmp_path / "label.zpl").write_text("^XA^FD${mac}^FS^XZ", encoding="utf-8")
    recipe = replace(desk.recipe, label=read_template(tmp_path / "label.zpl"))
    return Shift(recipe, desk.ledger, desk.batch, None, None)


def seen(shift: Shift, printer: LabelPrinter | None) -> list[tuple[Readiness, Sentence | DoubtKind, str | None]]:
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


def lines(shift: Shift, lanes: Mapping[int, str], kind: str) -> list[tuple[Readiness, Sentence | DoubtKind, object]]:
    items = check_readiness(shift, lanes)
    return [(item.state, item.sentence, item.values.get("ports")) for item in items if item.kind == kind]


def test_each_lane_whose_adapter_is_away_is_named_beside_those_that_are_there(shift: Shift) -> None:
    lanes = {1: "socket://127.0.0.1:1", 2: "/dev/ttyNONE2", 3: "/dev/ttyNONE3"}

    assert lines(shift, lanes, "lanes") == [
        (Readiness.READY, Sentence.LANES, "1\u00a0socket://127.0.0.1:1"),
        (Readiness.WARNING, Sentence.LANE_GONE, "2\u00a0/dev/ttyNONE2   3\u00a0/dev/ttyNONE3"),
    ]


def test_images_are_told_to_be_as_locked_only_where_each_has_its_hash(shift: Shift) -> None:
    def told(*locked: bool) -> Sentence | DoubtKind:
        files = tuple(FileHash(("firmware",), f"{number}.bin", "00", one) for number, one in enumerate(locked))
        (item,) = lines(replace(shift, recipe=replace(shift.recipe, files=files)), {}, "images")
        return item[1]

    assert (told(True, True), told(True, False)) == (Sentence.IMAGES_LOCKED, Sentence.IMAGES)
