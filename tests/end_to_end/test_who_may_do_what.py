"""Operators and line leads at real processes: who signed in, who decided, and what no record holds. PINs are really hashed."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from station.ledger import Ledger
from tests.end_to_end.conftest import Desk, clean_environment
from tests.end_to_end.quick_units import PRODUCT_KEY, make_product, quick_fixture, unit_number, write_profile

PIN = "804217"
TYPING_LIMIT_S = 30.0


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quick")
    make_product(folder)
    return folder


@pytest.fixture
def pin_file(tmp_path: Path) -> Path:
    file = tmp_path / "pin"
    file.write_text(PIN + "\n", encoding="utf-8")
    file.chmod(0o600)
    return file


@pytest.fixture
def desk(tmp_path: Path, product: Path, pin_file: Path) -> Desk:
    """A station with certificates, the line lead Wang and the technician Li, whose badge is 770011."""
    desk = Desk(tmp_path / "data", product)
    desk.import_certificates(PRODUCT_KEY)
    for words in (
        ("add", "Wang", "--lead", "--pin-file", pin_file),
        ("add", "Li", "--badge", "770011", "--operator", "Wang", "--pin-file", pin_file),
    ):
        done = desk.here("operator", *words)
        assert done.code == 0, done.err
    return desk


def events(desk: Desk) -> list[tuple[str, str, Any]]:
    with Ledger.open(desk.data) as ledger:
        return [(event.kind, event.operator, event.data) for event in ledger.audit_events()]


def test_every_event_of_a_run_bears_the_operator_whose_badge_was_scanned(desk: Desk) -> None:
    before = len(events(desk))
    with quick_fixture(unit_number(1)) as fixture:
        flash = ("flash", desk.profiles / "quick.yaml", "--port", fixture.url)
        refused = desk.here(*flash)
        assert (refused.code, "--operator" in refused.err) == (2, True)
        assert desk.station(*flash, "--operator", "770011").code == 0
    told = events(desk)[before:]
    assert {operator for _, operator, _ in told} == {"Li"}
    assert (told[0][0], told[-1][0]) == ("signed_in", "signed_out")


def test_a_foreign_certificate_is_replaced_by_a_line_lead_with_a_reason(
    desk: Desk, tmp_path: Path, product: Path, pin_file: Path
) -> None:
    other = Desk(tmp_path / "other", product)
    other.import_certificates(PRODUCT_KEY, 1, "foreign")
    profile = desk.profiles / "quick.yaml"
    with quick_fixture(unit_number(1)) as fixture:
        old = other.here("flash", profile, "--port", fixture.url, "--json").verdicts[0]["device_name"]
        flash = ("flash", profile, "--port", fixture.url, "--operator", "Li", "--json")
        assert desk.here(*flash).verdicts[0]["code"] == "F50"
        lead = ("--replace-foreign", "--lead", "Wang", "--pin-file", pin_file)
        assert [event["code"] for event in desk.here(*flash, *lead).events] == ["I10"]
        as_technician = ("--replace-foreign", "--reason", "bought back", "--pin-file", pin_file)
        assert [event["code"] for event in desk.here(*flash, *as_technician).events] == ["I42"]
        done = desk.station(*flash, *lead, "--reason", "bought back").verdicts[0]
    assert done["verdict"] == "PASS"
    ((operator, data),) = [(operator, data) for kind, operator, data in events(desk) if kind == "certificate.replaced"]
    assert (operator, data["decided_by"], data["reason"], data["line_lead"]) == ("Li", "Wang", "bought back", True)
    assert (data["from"]["device_name"], data["to"]["device_name"]) == (old, done["device_name"])


def test_a_security_warning_is_overruled_by_a_line_lead_alone_with_pin_and_reason(desk: Desk, pin_file: Path) -> None:
    profile = write_profile(desk.profiles / "jtag.yaml", security={"expect": "jtag-disabled"})
    with quick_fixture(unit_number(1)) as fixture:
        flash = ("flash", profile, "--port", fixture.url, "--operator", "Li", "--json")
        refused = desk.here(*flash).verdicts[0]
        assert (refused["code"], "--force-security" in refused["mend"]) == ("F14", True)
        force = ("--force-security", "--pin-file", pin_file)
        assert [event["code"] for event in desk.here(*flash, *force, "--lead", "Wang").events] == ["I10"]
        assert [event["code"] for event in desk.here(*flash, *force, "--reason", "samples").events] == ["I42"]
        done = desk.station(*flash, *force, "--lead", "Wang", "--reason", "samples").verdicts[0]
    assert done["verdict"] == "PASS"
    ((operator, data),) = [(operator, data) for kind, operator, data in events(desk) if kind == "security.forced"]
    assert (operator, data["decided_by"], data["reason"], data["line_lead"]) == ("Li", "Wang", "samples", True)
    assert "JTAG open" in data["overruled"]


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of this kind is POSIX's")
def test_a_pin_typed_at_a_terminal_is_asked_for_and_not_shown(desk: Desk) -> None:
    shown, code = at_terminal(
        desk.arguments("operator", "badge", "Li", "--none"),
        [("Line lead (badge or name): ", "wang"), ("PIN of Wang: ", PIN)],
    )
    assert code == 0, shown
    assert "Li has no badge now." in shown
    assert PIN not in shown
    hidden = [path for path in desk.data.rglob("*") if path.is_file() and PIN.encode() in path.read_bytes()]
    assert hidden == []


def at_terminal(arguments: list[str], talk: list[tuple[str, str]]) -> tuple[str, int]:
    """Run a command at a terminal of its own, typing each answer when its question stands there; give screen and exit code."""
    ours, theirs = os.openpty()  # type: ignore[attr-defined,unused-ignore]  # POSIX
    process = subprocess.Popen(
        arguments, stdin=theirs, stdout=theirs, stderr=theirs, env=clean_environment(), start_new_session=True
    )
    os.close(theirs)
    shown, deadline = "", time.monotonic() + TYPING_LIMIT_S
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    got = os.read(ours, 4096)
                except OSError:  # the last one at the other end has gone
                    break
                shown += got.decode("utf-8", "replace")
            if talk and talk[0][0] in shown:
                os.write(ours, talk.pop(0)[1].encode() + b"\n")
        return shown, process.wait(TYPING_LIMIT_S)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
