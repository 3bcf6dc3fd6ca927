"""`station flash` with labels: from options or from standard input, each to the lane that waits for it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.batch_csv import write_batch_csv
from tests.cli.calling import Done, Station, stocked_station
from tests.end_to_end.quick_units import (
    PRODUCT_KEY,
    mac_number,
    make_product,
    quick_fixture,
    unit_number,
    write_profile,
)

FIELDS = {"serial_number": "SP[0-9]{8}", "hardware": "R[0-9]{2}"}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the profiles `before`, `after` and `quick`, which wants no label."""
    folder = tmp_path_factory.mktemp("labelled")
    make_product(folder)
    for scan in ("before", "after"):
        write_profile(
            folder / f"{scan}.yaml", serial_number={"scan": scan, "separator": ";", "fields": FIELDS}, name="labelled"
        )
    write_batch_csv(folder / "batch.csv", PRODUCT_KEY, 6)
    return folder


@pytest.fixture
def station(product: Path, tmp_path: Path) -> Station:
    return stocked_station(tmp_path / "data", product / "batch.csv")


@contextmanager
def standing_in_for_input(monkeypatch: pytest.MonkeyPatch, text: str) -> Iterator[None]:
    """Standard input as a pipe that ends after the text."""
    read, write = os.pipe()
    os.write(write, text.encode())
    os.close(write)
    with open(read, encoding="utf-8") as piped:  # noqa: PTH123  a descriptor
        monkeypatch.setattr(sys, "stdin", piped)
        yield


def verdicts(done: Done) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in done.out.splitlines()]
    return [line for line in lines if line["event"] == "verdict"]


def test_a_label_given_as_an_option_is_the_units(station: Station, product: Path) -> None:
    with quick_fixture(unit_number(1)) as fixture:
        label = ("--port", fixture.url, "--serial-number", "SP00000001;R02", "--json")
        done = station("flash", str(product / "before.yaml"), *label)
        assert done.code == 0, done.err
        assert [(one["serial_number"], one["mac"]) for one in verdicts(done)] == [("SP00000001", mac_number(1))]

        fixture.insert(unit_number(2))
        done = station("flash", str(product / "before.yaml"), *label)
        assert (done.code, verdicts(done)[0]["code"]) == (1, "F53")

    shown = json.loads(station("unit", "show", "SP00000001", "--json").out)
    assert [(row["entry"], row["fields"]) for row in shown["serial_numbers"]] == [("given", {"hardware": "R02"})]


def test_labels_come_line_by_line_to_the_lane_that_waits(
    station: Station, product: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "LANE 2\nSP00000002;R02\r\n\nLANE 9\nSP00000009;R02\nSP1\nSP00000001;R02\n"
    with (
        quick_fixture(unit_number(1)) as first,
        quick_fixture(unit_number(2)) as second,
        standing_in_for_input(monkeypatch, lines),
    ):
        profile = str(product / "after.yaml")
        done = station("flash", profile, "--port", first.url, "--port", second.url, "--json")

    assert done.code == 0, done.err
    bearers = {one["lane"]: (one["verdict"], one["serial_number"]) for one in verdicts(done)}
    assert bearers == {1: ("PASS", "SP00000001"), 2: ("PASS", "SP00000002")}
    refused = [json.loads(line) for line in done.out.splitlines() if '"label_refused"' in line]
    assert [(one["lane"], one["code"]) for one in refused] == [(9, "I50"), (1, "I50")]


def test_a_lane_that_waits_when_no_label_is_left_ends_the_command(
    station: Station, product: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with quick_fixture(unit_number(1)) as fixture, standing_in_for_input(monkeypatch, "SP1;R02\n"):
        done = station("flash", str(product / "before.yaml"), "--port", fixture.url)

    assert done.code == 2
    assert "'SP1' is no serial_number" in done.out
    assert "No label is left" in done.err


@pytest.mark.parametrize(
    ("profile", "options", "told"),
    [
        ("before", ("--serial-number", "SP00000001;X02"), "'X02' is no hardware"),
        ("before", ("--serial-number", "SP00000001;R02", "--port", "COM8"), "for which lane"),
        ("quick", ("--serial-number", "SP00000001;R02"), "wants no label"),
    ],
)
def test_an_option_that_cannot_be_a_label_is_refused_before_anything(
    station: Station, product: Path, profile: str, options: tuple[str, ...], told: str
) -> None:
    done = station("flash", str(product / f"{profile}.yaml"), "--port", "COM7", *options)

    assert (done.code, told in done.err) == (2, True)
