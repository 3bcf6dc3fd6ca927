"""A unit that comes with a certificate which the ledger does not know for it: held, or kept as a line lead decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.certificate import CertificateState
from station.errors import Code
from station.ledger import Ledger
from station.line.passage import LeadDecision
from station.verdict import Verdict
from tests.batch_csv import write_batch_csv
from tests.line.conftest import Desk
from tests.line.fake_chip import FakeChip, FakeUnit, unit_number

LEAD = LeadDecision("Wang", "made on the old station", True)


@pytest.fixture
def old_station(desk: Desk, tmp_path: Path) -> Path:
    """The CSV of a batch that another station, with a ledger of its own, has worked on."""
    csv = tmp_path / "old.csv"
    write_batch_csv(csv, desk.recipe.profile.product_key, 2, "old")
    return csv


def made_there(desk: Desk, csv: Path, *units: FakeUnit) -> None:
    with Ledger.open(csv.parent / "other") as ledger:
        there = Desk(desk.recipe, ledger, ledger.import_batch(csv).batch)
        assert [there.walk(FakeChip(unit)).verdict for unit in units] == [Verdict.PASS] * len(units)


def test_a_unit_keeps_what_it_carries_where_the_ledger_has_it_for_nobody(desk: Desk, old_station: Path) -> None:
    unit = unit_number(1)
    made_there(desk, old_station, unit)
    carried, flash = desk.carried(unit), bytes(unit.flash)
    batch = desk.ledger.import_batch(old_station).batch
    held = desk.walk(FakeChip(unit))
    assert (held.code, "--keep-foreign" in held.mend) == (Code.FOREIGN_CERTIFICATE, True)

    chip = FakeChip(unit)
    kept = desk.walk(chip, keep_foreign=LEAD)
    assert (kept.verdict, kept.device_name, chip.written) == (Verdict.PASS, carried, [])
    assert bytes(unit.flash) == flash
    rows = {row.identity.device_name: row for row in desk.ledger.certificates(batch)}
    assert (rows[str(carried)].state, rows[str(carried)].mac) == (CertificateState.INSTALLED, unit.mac)
    assert set(desk.states()) == {CertificateState.AVAILABLE}
    (event,) = [one for one in desk.ledger.audit_events() if one.kind == "certificate_kept"]
    assert (event.mac, event.device_name, event.operator) == (unit.mac, carried, "Li W.")
    wanted = {"from": "available", "to": "installing", **LEAD.as_data()}
    assert wanted.items() <= event.data.items()
    assert desk.walk(FakeChip(unit)).device_name == carried


def test_what_is_kept_is_bound_before_anything_can_break(desk: Desk, old_station: Path) -> None:
    unit = unit_number(1)
    made_there(desk, old_station, unit)
    batch = desk.ledger.import_batch(old_station).batch
    chip = FakeChip(unit)

    def pulled_out(call: str) -> None:
        if call == "mac_now":
            chip.unit = unit_number(2)

    chip.before = pulled_out
    assert desk.walk(chip, keep_foreign=LEAD).code == Code.UNIT_SWAPPED
    bound = [row.mac for row in desk.ledger.certificates(batch) if row.state is CertificateState.INSTALLING]
    assert bound == [unit.mac]


def test_what_the_ledger_does_not_know_cannot_be_kept(desk: Desk, old_station: Path) -> None:
    unit = unit_number(1)
    made_there(desk, old_station, unit)
    verdict = desk.walk(FakeChip(unit), keep_foreign=LEAD)
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.FOREIGN_CERTIFICATE)
    assert "the ledger does not know it" in verdict.message
    assert set(desk.states()) == {CertificateState.AVAILABLE}


def test_what_another_unit_has_cannot_be_kept(desk: Desk) -> None:
    first, copy = unit_number(1), unit_number(2)
    name = desk.walk(FakeChip(first)).device_name
    copy.flash = bytearray(first.flash)
    verdict = desk.walk(FakeChip(copy), keep_foreign=LEAD)
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.FOREIGN_CERTIFICATE)
    assert f"cannot keep {name}: it is installed for {first.mac}" in verdict.message
    assert desk.states() == ["installed", "available", "available"]


def test_a_unit_that_has_another_certificate_cannot_keep_this_one(desk: Desk, old_station: Path) -> None:
    unit, elsewhere = unit_number(1), unit_number(1)
    own = desk.walk(FakeChip(unit)).device_name
    made_there(desk, old_station, elsewhere)
    desk.ledger.import_batch(old_station)
    verdict = desk.walk(FakeChip(elsewhere), keep_foreign=LEAD)
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.FOREIGN_CERTIFICATE)
    assert f"the unit has {own} already" in verdict.message
