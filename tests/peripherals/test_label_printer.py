"""Labels go to a printer on the network, to a file, or to the system's queue; one that does not take them says why."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from station.errors import Code, PeripheralFault, UsageError
from station.peripherals import label_printer
from station.peripherals.label_printer import FilePrinter, QueuePrinter, TcpPrinter, open_printer
from tests.free_port import free_port
from tests.peripherals.tcp_printer import NO_PAPER, OPEN, PAUSED, TcpPrinterDouble

LABEL = "^XA^FDplug^FS^XZ\n"


def test_a_label_goes_over_tcp_as_it_is(tmp_path: Path) -> None:
    with TcpPrinterDouble() as printer:
        open_printer(printer.address, tmp_path).send(LABEL)
        assert printer.wait(1) == [LABEL.strip()]


@pytest.mark.parametrize(
    ("status", "words"), [(NO_PAPER, "has no paper"), (PAUSED, "is paused"), (OPEN, "is open")], ids=str
)
def test_a_printer_that_is_not_ready_says_why_and_gets_nothing(tmp_path: Path, status: bytes, words: str) -> None:
    with TcpPrinterDouble(status) as printer:
        with pytest.raises(PeripheralFault, match=words) as caught:
            open_printer(printer.address, tmp_path).send(LABEL)
        assert caught.value.code is Code.PRINTER_NOT_READY
        assert printer.labels == []


def test_a_printer_of_few_words_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_printer, "STATUS_TIMEOUT_S", 0.05)
    with TcpPrinterDouble(b"") as printer:
        open_printer(printer.address, tmp_path).send(LABEL)
        assert printer.wait(1) == [LABEL.strip()]


def test_a_printer_that_is_away_is_told(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(PeripheralFault) as caught:
        open_printer(f"tcp://127.0.0.1:{port}", tmp_path).check()
    assert (caught.value.code, caught.value.exit_code) == (Code.PRINTER_UNREACHABLE, 3)
    assert str(port) in caught.value.place


@pytest.mark.parametrize("filler", [0, 2_000_000], ids=["small", "large"])
def test_a_printer_that_hangs_is_told_within_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filler: int
) -> None:
    monkeypatch.setattr(label_printer, "STATUS_TIMEOUT_S", 0.05)
    monkeypatch.setattr(label_printer, "TIMEOUT_S", 0.2)
    with TcpPrinterDouble(hangs=True) as printer, pytest.raises(PeripheralFault) as caught:
        open_printer(printer.address, tmp_path).send("^XA" + "^FX filler " * filler + "^XZ")
    assert caught.value.code is Code.PRINTER_UNREACHABLE


def test_a_printer_that_hangs_is_none_that_would_take_a_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_printer, "STATUS_TIMEOUT_S", 0.05)
    monkeypatch.setattr(label_printer, "TIMEOUT_S", 0.2)
    with TcpPrinterDouble(hangs=True) as printer, pytest.raises(PeripheralFault) as caught:
        open_printer(printer.address, tmp_path).check()
    assert (caught.value.code, caught.value.cause) == (
        Code.PRINTER_UNREACHABLE,
        "The label printer does not answer (not in time)",
    )


def test_a_file_grows_by_each_label(tmp_path: Path) -> None:
    printer = open_printer("file:out/labels.zpl", tmp_path)
    printer.check()
    printer.send(LABEL)
    printer.send(LABEL)
    assert (tmp_path / "out" / "labels.zpl").read_text(encoding="utf-8") == LABEL * 2


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(PeripheralFault, match="cannot be written"):
        FilePrinter(tmp_path).send(LABEL)


@pytest.mark.skipif(sys.platform == "win32", reason="CUPS")
def test_a_queue_gets_the_label_unchanged_by_lp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lp = tmp_path / "lp"
    lp.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\nexec cat > {tmp_path}/label\n', encoding="utf-8")
    lp.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    QueuePrinter("zebra; rm -r /").send(LABEL)

    assert (tmp_path / "label").read_text(encoding="utf-8") == LABEL
    assert (tmp_path / "words").read_text(encoding="utf-8").split(" -o ")[0] == "-s -d zebra; rm -r /"


@pytest.mark.skipif(sys.platform == "win32", reason="CUPS")
def test_a_queue_that_is_not_there_is_told_with_the_systems_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lp = tmp_path / "lp"
    lp.write_text('#!/bin/sh\necho "lp: no such destination" >&2\nexit 1\n', encoding="utf-8")
    lp.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(PeripheralFault, match="no such destination"):
        QueuePrinter("zebra").send(LABEL)

    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(PeripheralFault, match="no print queues"):
        QueuePrinter("zebra").send(LABEL)


@pytest.mark.parametrize(
    ("address", "printer"),
    [
        ("tcp://printer.local", TcpPrinter("printer.local", 9100)),
        ("tcp://192.168.1.50:6101", TcpPrinter("192.168.1.50", 6101)),
        ("queue:Zebra ZD421", QueuePrinter("Zebra ZD421")),
    ],
)
def test_an_address_names_its_printer(tmp_path: Path, address: str, printer: object) -> None:
    assert open_printer(address, tmp_path) == printer


@pytest.mark.parametrize(
    "address",
    ["", "192.168.1.50", "tcp://", "tcp://host:99999", "tcp://host/path", "queue:", "queue:-o x", "file:", "lpt:1"],
)
def test_what_names_no_printer_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="names no printer"):
        open_printer(address, tmp_path)
