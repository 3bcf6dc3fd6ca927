"""`station flash` prints the label of each good unit; `station label` prints one more, what is missing, and shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from tests.batch_csv import write_batch_csv
from tests.cli.calling import Done, Station, add_settings, stocked_station
from tests.end_to_end.quick_units import (
    PRODUCT_KEY,
    mac_number,
    make_product,
    quick_fixture,
    unit_number,
    write_profile,
)
from tests.free_port import free_port
from tests.peripherals.tcp_printer import TcpPrinterDouble

TEMPLATE = "^XA^PW400^LL200^FO20,20^BQN,2,5^FDMA,${device_name}^FS^FO200,20^FD${mac}^FS^XZ\n"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the profiles `printed` and `quick`, which wants no label."""
    folder = tmp_path_factory.mktemp("printed")
    make_product(folder)
    (folder / "label.zpl").write_text(TEMPLATE, encoding="utf-8")
    write_profile(folder / "printed.yaml", label={"template": "label.zpl"}, name="printed")
    write_batch_csv(folder / "batch.csv", PRODUCT_KEY, 6)
    return folder


@pytest.fixture
def station(product: Path, tmp_path: Path) -> Station:
    return stocked_station(tmp_path / "data", product / "batch.csv")


@pytest.fixture
def away() -> str:
    """The address of a printer that is switched off."""
    return f"tcp://127.0.0.1:{free_port()}"


def set_printer(folder: Path, address: str) -> None:
    add_settings(folder / "data", f"printer: {{address: '{address}'}}")


def printed(done: Done) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in done.out.splitlines()]
    return [line for line in lines if line["event"] == "label_printed"]


def flash(station: Station, product: Path, number: int, *options: str) -> Done:
    with quick_fixture(unit_number(number)) as fixture:
        return station("flash", str(product / "printed.yaml"), "--port", fixture.url, *options)


def test_a_good_unit_gets_its_label_and_one_more_when_it_is_asked_for(
    station: Station, product: Path, tmp_path: Path
) -> None:
    profile = str(product / "printed.yaml")
    with TcpPrinterDouble() as printer:
        set_printer(tmp_path, printer.address)
        done = flash(station, product, 1, "--json")
        assert done.code == 0, done.err
        assert [(one["mac"], one["code"]) for one in printed(done)] == [(mac_number(1), None)]
        name = printed(done)[0]["device_name"]
        assert [name in label for label in printer.wait(1)] == [True]

        again = station("label", "print", profile, name, "--operator", "Li")
        assert (again.code, again.out) == (0, f"label of {name} printed\n")
        assert len(set(printer.wait(2))) == 1
        assert station("label", "print", profile, "--missing", "batch").out == "No label of batch is missing.\n"

    events = json.loads(station("unit", "show", name, "--json").out)["events"]
    told = [(event["operator"], event["data"]["again"]) for event in events if event["kind"] == "label_sent"]
    assert [again for _, again in told] == [False, True]
    assert told[1][0] == "Li"


def test_a_printer_that_is_away_costs_no_pass_and_the_label_is_printed_later(
    station: Station, product: Path, tmp_path: Path, away: str
) -> None:
    set_printer(tmp_path, away)
    done = flash(station, product, 2)
    assert done.code == 0, done.err
    assert "PASS" in done.out
    assert "not printed\n    E50: The label printer does not answer" in done.out

    profile = str(product / "printed.yaml")
    refused = station("label", "print", profile, mac_number(2))
    assert (refused.code, "E50" in refused.err) == (3, True)
    file = station("label", "print", profile, "--missing", "batch", "--printer", "file:labels.zpl")
    assert file.code == 0, file.err
    assert mac_number(2) in (tmp_path / "data" / "labels.zpl").read_text(encoding="utf-8")


def test_without_a_printer_it_is_said_at_the_start(station: Station, product: Path) -> None:
    done = station("flash", str(product / "printed.yaml"), "--port", "socket://127.0.0.1:1")
    assert "no printer is set" in done.err


def test_a_label_is_shown_before_there_is_any_unit(station: Station, product: Path, tmp_path: Path) -> None:
    out = tmp_path / "label.png"
    done = station("label", "preview", str(product / "printed.yaml"), "--out", str(out), "--json")

    assert json.loads(done.out)["width_dots"] == 400
    assert [code.text for code in zxingcpp.read_barcodes(Image.open(out).convert("L"))] == ["plug-00000001"]
    assert "24:0a:c4:5e:10:9c" in station("label", "preview", str(product / "printed.yaml")).out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("print", "printed"), "No unit is named"),
        (("print", "printed", "24:0a:c4:00:10:77", "--printer", "file:x"), "no unit is known"),
        (("print", "printed", "24:0a:c4:00:10:77"), "No printer is set"),
        (("print", "printed", "24:0a:c4:00:10:77", "--printer", "usb"), "names no printer"),
        (("print", "printed", "--missing", "other", "--printer", "file:x"), "no batch named 'other'"),
        (("preview", "quick"), "The profile wants no label"),
        (("preview", "printed", "--out", "label.bmp"), "names no kind of picture"),
    ],
)
def test_what_cannot_be_printed_is_refused(station: Station, product: Path, words: tuple[str, ...], told: str) -> None:
    command, profile, *more = words
    done = station("label", command, str(product / f"{profile}.yaml"), *more)
    assert (done.code, told in done.err) == (2, True), done.err


def test_a_template_that_names_the_secret_stops_the_profile(product: Path, station: Station) -> None:
    (product / "bad.zpl").write_text("^XA\n^FD${device_secret}^FS\n^XZ\n", encoding="utf-8")
    write_profile(product / "bad.yaml", label={"template": "bad.zpl"})
    for command in (("profile", "check"), ("label", "preview")):
        done = station(*command, str(product / "bad.yaml"))
        assert done.code == 2
        assert "bad.zpl:2: a DeviceSecret is never printed" in done.err


def test_a_label_with_a_serial_number_wants_it_scanned(product: Path, station: Station) -> None:
    (product / "serial.zpl").write_text("^XA^FD${serial_number}^FS^XZ\n", encoding="utf-8")
    write_profile(product / "serial.yaml", label={"template": "serial.zpl"})
    done = station("profile", "check", str(product / "serial.yaml"))
    assert (done.code, "the label shows a serial number" in done.err) == (2, True)


def test_a_label_that_changed_since_the_lock_is_shown_but_not_printed(product: Path, station: Station) -> None:
    locked = product / "locked.yaml"
    write_profile(locked, label={"template": "label.zpl", "sha256": "0" * 64}, name="locked")
    refused = station("label", "print", str(locked), "24:0a:c4:00:00:01", "--printer", f"file:{product / 'out.zpl'}")
    assert (refused.code, "has changed since the profile was locked" in refused.err) == (2, True)
    assert "station profile lock" in refused.err
    assert not (product / "out.zpl").exists()
    assert station("label", "preview", str(locked), "--json").code == 0
