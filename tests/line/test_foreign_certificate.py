"""A unit that comes with a certificate which the ledger does not know for it: held, or kept as a line lead decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from station.certificate import CertificateState, Secret
from station.errors import Code, NotAllowed, Why, filled
from station.ledger import Ledger, Role
from station.line.decision import CarriedChoice, Decision, LeadDecision
from station.line.shift_record import ShiftRecord
from station.verdict import Verdict
from tests.batch_csv import write_batch_csv
from tests.line.conftest import Desk
from tests.line.fake_chip import FakeChip, FakeUnit, unit_number

PIN = Secret("273 Garden Road")
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
    for _again in range(2):
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
    wanted = {"from": "installing", "to": "installing", **LEAD.as_data()}
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
    assert verdict.facts == filled({"device_name": name or ""}, Why.CERTIFICATE_NOT_KEPT)
    assert desk.states() == ["installed", "available", "available"]


def test_a_unit_that_has_another_certificate_cannot_keep_this_one_which_nobody_gets_then(
    desk: Desk, old_station: Path
) -> None:
    unit, elsewhere = unit_number(1), unit_number(1)
    own = desk.walk(FakeChip(unit)).device_name
    made_there(desk, old_station, elsewhere)
    batch = desk.ledger.import_batch(old_station).batch
    verdict = desk.walk(FakeChip(elsewhere), keep_foreign=LEAD)
    assert (verdict.verdict, verdict.code) == (Verdict.FAIL, Code.FOREIGN_CERTIFICATE)
    assert f"the unit has {own} already" in verdict.message
    void, free = desk.ledger.certificates(batch)
    assert (void.state, void.void_reason) == (CertificateState.VOID, f"found in unit {unit.mac}, which has {own}")
    assert free.state is CertificateState.AVAILABLE
    again = desk.walk(FakeChip(elsewhere), replace_foreign=LEAD)
    assert (again.verdict, again.device_name, desk.carried(elsewhere)) == (Verdict.PASS, own, own)


@pytest.fixture
def from_elsewhere(desk: Desk, tmp_path: Path) -> FakeUnit:
    """A unit with the first certificate of this station's own batch, flashed by another station with the same CSV."""
    unit = unit_number(9)
    made_there(desk, tmp_path / "batch.csv", unit)
    return unit


def bound(desk: Desk) -> list[tuple[str, str | None]]:
    return [(row.state, row.mac) for row in desk.ledger.certificates(desk.batch)]


def test_what_a_unit_carries_is_never_given_to_another_while_nobody_has_decided(
    desk: Desk, from_elsewhere: FakeUnit
) -> None:
    carried, flash = desk.carried(from_elsewhere), bytes(from_elsewhere.flash)
    chip = FakeChip(from_elsewhere)
    held = desk.walk(chip)
    assert (held.verdict, held.code, chip.written) == (Verdict.FAIL, Code.FOREIGN_CERTIFICATE, [])
    assert bytes(from_elsewhere.flash) == flash
    assert bound(desk)[0] == ("installing", from_elsewhere.mac)
    (event,) = [one for one in desk.ledger.audit_events() if one.kind == "certificate_carried"]
    assert (event.mac, event.device_name) == (from_elsewhere.mac, carried)
    assert {"from": "available", "to": "installing"}.items() <= event.data.items()

    given = [desk.walk(FakeChip(unit_number(number))) for number in (1, 2, 3)]
    assert [one.verdict for one in given] == [Verdict.PASS, Verdict.PASS, Verdict.ERROR]
    assert given[2].code == Code.NO_CERTIFICATE_LEFT
    assert carried not in [one.device_name for one in given]
    assert desk.walk(FakeChip(from_elsewhere)).code == Code.FOREIGN_CERTIFICATE
    without = desk.walk(FakeChip(from_elsewhere), replace_foreign=LEAD)
    assert without.code == Code.NO_CERTIFICATE_LEFT
    assert bound(desk)[0] == ("installing", from_elsewhere.mac)  # nothing to replace it with: nothing is decided
    kept = desk.walk(FakeChip(from_elsewhere), keep_foreign=LEAD)
    assert (kept.verdict, kept.device_name) == (Verdict.PASS, carried)
    assert desk.walk(FakeChip(from_elsewhere)).verdict is Verdict.PASS


def test_what_is_replaced_is_void_and_the_unit_gets_the_next(desk: Desk, from_elsewhere: FakeUnit) -> None:
    carried = desk.carried(from_elsewhere)
    desk.walk(FakeChip(from_elsewhere))
    done = desk.walk(FakeChip(from_elsewhere), replace_foreign=LEAD)
    assert (done.verdict, done.device_name) == (Verdict.PASS, desk.carried(from_elsewhere))
    first, second, _ = desk.ledger.certificates(desk.batch)
    assert (first.state, first.mac) == (CertificateState.VOID, from_elsewhere.mac)
    assert first.void_reason == f"replaced, was in unit {from_elsewhere.mac}: {LEAD.reason}"
    assert (second.state, second.identity.device_name) == (CertificateState.INSTALLED, done.device_name)
    (void,) = [one for one in desk.ledger.audit_events() if one.kind == "certificate_voided"]
    assert (void.device_name, void.operator, void.data["from"]) == (carried, LEAD.operator, "installing")


def test_what_a_line_lead_made_void_is_written_over(desk: Desk, from_elsewhere: FakeUnit) -> None:
    desk.walk(FakeChip(from_elsewhere))
    desk.ledger.void(from_elsewhere.mac, reason="not ours", operator="Wang")
    done = desk.walk(FakeChip(from_elsewhere))
    assert (done.verdict, bound(desk)[1]) == (Verdict.PASS, ("installed", from_elsewhere.mac))


def test_of_two_units_with_one_certificate_only_the_first_has_it(desk: Desk, from_elsewhere: FakeUnit) -> None:
    copy = unit_number(8)
    copy.flash = bytearray(from_elsewhere.flash)
    assert desk.walk(FakeChip(from_elsewhere)).code == Code.FOREIGN_CERTIFICATE
    verdict = desk.walk(FakeChip(copy), keep_foreign=LEAD)
    assert (verdict.code, f"it is installing for {from_elsewhere.mac}" in verdict.message) == ("F50", True)
    done = desk.walk(FakeChip(copy), replace_foreign=LEAD)
    assert bound(desk)[:2] == [("installing", from_elsewhere.mac), ("installed", copy.mac)]
    assert done.device_name == desk.carried(copy)


def test_a_name_under_another_secret_is_another_certificate(desk: Desk, tmp_path: Path) -> None:
    unit, csv = unit_number(9), tmp_path / "twin" / "twin.csv"
    csv.parent.mkdir()
    lines = (tmp_path / "batch.csv").read_text(encoding="utf-8-sig").splitlines()
    name, secret, product = lines[1].split(",")
    csv.write_text(f"{lines[0]}\n{name},{secret[::-1]},{product}\n", encoding="utf-8")
    made_there(desk, csv, unit)
    held = desk.walk(FakeChip(unit))
    assert (held.code, "another DeviceSecret" in held.message) == (Code.FOREIGN_CERTIFICATE, True)
    assert set(desk.states()) == {CertificateState.AVAILABLE}
    (event,) = [one for one in desk.ledger.audit_events() if one.kind == "certificate.foreign"]
    assert event.data["ledger_has"] == {"state": "available", "mac": None, "same_secret": False}
    assert "another DeviceSecret" in desk.walk(FakeChip(unit), keep_foreign=LEAD).message


def test_a_unit_on_its_way_to_that_certificate_stops_before_a_byte_leaves(desk: Desk, from_elsewhere: FakeUnit) -> None:
    other = unit_number(1)
    chip = FakeChip(other)

    def the_carrier_comes(call: str) -> None:
        if call == "write app":
            chip.before = lambda _call: None
            assert desk.walk(FakeChip(from_elsewhere), lane=2).code == Code.FOREIGN_CERTIFICATE

    chip.before = the_carrier_comes
    stopped = desk.walk(chip)
    assert (stopped.verdict, stopped.code) == (Verdict.FAIL, Code.FOREIGN_CERTIFICATE)
    assert "found in another unit" in stopped.message
    assert desk.carried(other) is None
    assert bound(desk)[0] == ("installing", from_elsewhere.mac)
    again = desk.walk(FakeChip(other))
    assert (again.verdict, bound(desk)[1]) == (Verdict.PASS, ("installed", other.mac))


def test_what_a_unit_was_seen_to_carry_before_its_import_goes_to_no_other(desk: Desk, old_station: Path) -> None:
    unit = unit_number(9)
    made_there(desk, old_station, unit)
    carried = desk.carried(unit)
    assert desk.walk(FakeChip(unit)).code == Code.FOREIGN_CERTIFICATE
    desk.batch = desk.ledger.import_batch(old_station).batch
    given = desk.walk(FakeChip(unit_number(1)))
    assert (given.verdict, given.device_name != carried) == (Verdict.PASS, True)
    assert bound(desk) == [("installing", unit.mac), ("installed", unit_number(1).mac)]
    assert desk.walk(FakeChip(unit)).code == Code.FOREIGN_CERTIFICATE
    assert desk.walk(FakeChip(unit), keep_foreign=LEAD).device_name == carried


def test_what_was_replaced_before_its_import_is_void_then(desk: Desk, old_station: Path) -> None:
    unit = unit_number(9)
    made_there(desk, old_station, unit)
    own = desk.walk(FakeChip(unit), replace_foreign=LEAD).device_name
    desk.batch = desk.ledger.import_batch(old_station).batch
    assert desk.walk(FakeChip(unit_number(1))).verdict is Verdict.PASS
    assert bound(desk) == [("void", None), ("installed", unit_number(1).mac)]
    assert str(own) in str(desk.ledger.certificates(desk.batch)[0].void_reason)


def test_a_line_leads_answer_on_the_screen_holds_for_one_try_of_one_unit(desk: Desk, old_station: Path) -> None:
    unit, other = unit_number(1), unit_number(2)
    made_there(desk, old_station, unit, other)
    foreign = desk.carried(unit)
    desk.ledger.operators.add("Wang", by="root", role=Role.LINE_LEAD, pin=PIN)
    retried: list[int] = []
    record = ShiftRecord(desk.ledger, lambda: "Li W.", lambda _event: None, retried.append)
    held = desk.walk(FakeChip(unit), answer_for=record.take_answer)
    assert (held.code, "F6" in held.mend) == (Code.FOREIGN_CERTIFICATE, True)
    assert record.lead_needed(unit.mac, None, CarriedChoice.REPLACE)

    wrong = Decision(unit.mac, None, "old line", 1, "Wang", Secret("wrong"), carried=CarriedChoice.REPLACE)
    with pytest.raises(NotAllowed):
        record.decide(wrong)
    assert retried == []
    assert desk.walk(FakeChip(unit), answer_for=record.take_answer).code == Code.FOREIGN_CERTIFICATE

    record.decide(replace(wrong, pin=PIN))
    assert retried == [1]
    assert desk.walk(FakeChip(other), answer_for=record.take_answer).code == Code.FOREIGN_CERTIFICATE
    done = desk.walk(FakeChip(unit), answer_for=record.take_answer)
    assert (done.verdict, done.device_name) == (Verdict.PASS, desk.carried(unit))
    assert done.device_name != foreign
    assert record.take_answer(unit.mac) is None


def test_a_kept_certificate_stays_in_the_unit_and_the_log_says_who_let_it(desk: Desk, old_station: Path) -> None:
    unit = unit_number(1)
    made_there(desk, old_station, unit)
    foreign = desk.carried(unit)
    desk.ledger.import_batch(old_station)
    desk.ledger.operators.add("Wang", by="root", role=Role.LINE_LEAD, pin=PIN)
    record = ShiftRecord(desk.ledger, lambda: "Li W.", lambda _event: None)
    assert desk.walk(FakeChip(unit), answer_for=record.take_answer).code == Code.FOREIGN_CERTIFICATE
    record.decide(Decision(unit.mac, None, "old line", 1, "Wang", PIN, carried=CarriedChoice.KEEP))
    kept = desk.walk(FakeChip(unit), answer_for=record.take_answer)

    assert (kept.verdict, kept.device_name) == (Verdict.PASS, foreign)
    (event,) = [one for one in desk.ledger.audit_events() if one.kind == "certificate_kept"]
    assert {"decided_by": "Wang", "reason": "old line", "line_lead": True}.items() <= event.data.items()
