"""Operators: how they are named, found, changed and removed; what the log tells of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from station.certificate import Secret
from station.errors import InternalFault, LedgerFault, UsageError
from station.ledger import AuditEvent, Ledger, Role, read_pin
from station.ledger.pins import Argon2Pins, require_good_pin
from tests.ledger.making import begin, failing_at, mac_of, name
from tests.ledger.people import OTHER_PIN, PIN, add_lead, with_cheap_pins
from tests.ledger.test_whole_or_nothing import contents


@pytest.fixture(autouse=True)
def cheap(ledger: Ledger) -> None:
    """Hash at no cost."""
    with_cheap_pins(ledger)


def last(ledger: Ledger) -> AuditEvent:
    return list(ledger.audit_events())[-1]


def test_an_operator_is_found_by_name_and_by_badge_whatever_case_and_width(ledger: Ledger) -> None:
    added = ledger.operators.add("Li  Wei ", by="root", badge=" B-0017 ")

    assert (added.name, added.badge, added.role, added.active) == ("Li Wei", "B-0017", Role.TECHNICIAN, True)
    for said in ("Li Wei", "li wei", "LI  WEI", "ＬＩ wei", "B-0017", "b-0017", " Ｂ-００１７\n"):
        assert ledger.operators.find(said) == added


def test_an_unknown_operator_is_told_with_the_nearest_name(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="no operator yet"):
        ledger.operators.find("Wang")
    ledger.operators.add("Wang Fang", by="root", badge="770011")

    with pytest.raises(UsageError, match="Did you mean 'Wang Fang'"):
        ledger.operators.find("Wang Fan")
    with pytest.raises(UsageError) as far:
        ledger.operators.find("770012\x1b[31m")
    assert "Wang" not in str(far.value)
    assert "770011" not in str(far.value)
    assert "\x1b" not in str(far.value)


@pytest.mark.parametrize("bad", ["", "  ", "x" * 65, "Wa\x1bng", "Wang\u202e", "\x00"])
def test_a_name_or_badge_that_nobody_can_read_is_refused(ledger: Ledger, bad: str) -> None:
    with pytest.raises(UsageError, match="a name has"):
        ledger.operators.add(bad, by="root")
    with pytest.raises(UsageError, match="a badge has"):
        ledger.operators.add("Li", by="root", badge=bad)


def test_no_text_means_two_people(ledger: Ledger) -> None:
    ledger.operators.add("Li", by="root", badge="100")
    ledger.operators.add("Chen", by="root")

    calls: tuple[Callable[[], object], ...] = (
        lambda: ledger.operators.add("LI", by="root"),
        lambda: ledger.operators.add("100", by="root"),
        lambda: ledger.operators.add("Wu", by="root", badge="100"),
        lambda: ledger.operators.add("Wu", by="root", badge="li"),
        lambda: ledger.operators.add("Wu", by="root", badge="wu"),
        lambda: ledger.operators.change_badge("Chen", "100", by="root"),
        lambda: ledger.operators.change_badge("Chen", "Li", by="root"),
    )
    for call in calls:
        with pytest.raises(UsageError):
            call()
    assert [one.name for one in ledger.operators.all()] == ["Chen", "Li"]


def test_a_badge_can_be_changed_taken_away_and_kept(ledger: Ledger) -> None:
    ledger.operators.add("Li", by="root", badge="100")

    assert ledger.operators.change_badge("Li", "100", by="root").badge == "100"
    assert ledger.operators.change_badge("100", "200", by="root").badge == "200"
    assert dict(last(ledger).data) == {"name": "Li", "field": "badge", "old": "100", "new": "200", "line_lead": False}
    assert ledger.operators.change_badge("Li", None, by="root").badge is None
    with pytest.raises(UsageError):
        ledger.operators.find("200")


def test_a_removed_operator_stays_in_the_record_and_can_come_back(ledger: Ledger) -> None:
    ledger.operators.add("Li", by="root", badge="100")
    ledger.operators.remove("Li", by="root")

    assert [(one.name, one.active, one.badge) for one in ledger.operators.all()] == [("Li", False, None)]
    assert ledger.operators.active() == []
    assert (last(ledger).kind, last(ledger).data["badge"]) == ("operator_removed", "100")
    with pytest.raises(UsageError):
        ledger.operators.remove("Li", by="root")
    ledger.operators.add("Chen", by="root", badge="100")
    ledger.operators.add("li", by="root", role=Role.LINE_LEAD, pin=PIN)
    assert last(ledger).data["again"] is True
    assert [(one.name, one.role) for one in ledger.operators.active()] == [("Chen", "technician"), ("li", "line_lead")]


def test_the_last_line_lead_cannot_be_removed(ledger: Ledger) -> None:
    add_lead(ledger, "Wang")
    with pytest.raises(UsageError, match="last line lead"):
        ledger.operators.remove("Wang", by="Wang")
    add_lead(ledger, "Zhao")
    ledger.operators.remove("Wang", by="Wang")

    assert last(ledger).data["line_lead"] is True
    assert ledger.operators.has_line_lead()
    with pytest.raises(UsageError, match="last line lead"):
        ledger.operators.remove("Zhao", by="Zhao")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM operators",
        "UPDATE operators SET name_key = 'other'",
        "UPDATE operators SET removed_at = 'now', pin_hash = NULL",
        "UPDATE operators SET role = 'technician', pin_hash = NULL",
        "UPDATE operators SET pin_hash = NULL",
        "UPDATE operators SET role = 'boss'",
        "UPDATE operators SET badge = 'x'",
    ],
)
def test_the_database_itself_refuses(ledger: Ledger, statement: str) -> None:
    add_lead(ledger)
    with pytest.raises(InternalFault), ledger._changing() as change:
        change.connection.execute(text(statement))
    assert ledger.operators.has_line_lead()


def test_a_line_lead_needs_a_pin_and_a_technician_has_none(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="needs a PIN"):
        ledger.operators.add("Wang", by="root", role=Role.LINE_LEAD)
    with pytest.raises(UsageError, match="no PIN"):
        ledger.operators.add("Li", by="root", pin=PIN)
    ledger.operators.add("Li", by="root")
    with pytest.raises(UsageError, match="no PIN"):
        ledger.operators.change_pin("Li", PIN, by="root")


def test_a_changed_pin_is_the_only_one_from_then_on(ledger: Ledger) -> None:
    add_lead(ledger)
    ledger.operators.change_pin("Wang", OTHER_PIN, by="Wang")

    assert dict(last(ledger).data) == {"name": "Wang", "field": "pin", "line_lead": True}
    assert ledger.operators.confirm_line_lead("Wang", OTHER_PIN, action="test") == "Wang"
    with pytest.raises(UsageError):
        ledger.operators.change_pin("Wang", Secret("123456"), by="Wang")


@pytest.mark.parametrize(
    "bad",
    [
        *("", "12345", "123456", "654321", "012345", "567890", "111111", "112233", "121212", "123123", "742742"),
        *("aaaaab", "abcdef", "qwerty", "ytrewq", "PASSWORD", "Wang-1", "B-0017", "12345\x07", "１２３４５６"),
        "x" * 65,
    ],
)
def test_a_pin_that_is_guessed_first_is_refused_without_being_told(bad: str) -> None:
    with pytest.raises(UsageError) as refused:
        require_good_pin(read_pin(bad), "wang-1", "B-0017", None)
    assert not bad.strip() or bad not in str(refused.value)


@pytest.mark.parametrize("good", ["804217", "135790", "kran-7", "长城八号厂房", " 804217\n"])
def test_a_pin_that_is_not_guessed_at_once_is_taken(good: str) -> None:
    require_good_pin(read_pin(good), "Wang", None)


def test_full_width_digits_are_the_same_pin() -> None:
    assert read_pin("８０４２１７ ") == PIN


def test_argon2_keeps_a_pin_that_cannot_be_read() -> None:
    pins = Argon2Pins(passes=1, memory_kib=8, lanes=1)
    kept = pins.hash(PIN)

    assert kept.startswith("$argon2id$")
    assert PIN.reveal() not in kept
    assert kept != pins.hash(PIN)
    assert (pins.matches(kept, PIN), pins.matches(kept, OTHER_PIN)) == (True, False)


def test_every_event_bears_the_signed_in_operator_unless_it_names_another(stocked: Ledger) -> None:
    with_cheap_pins(stocked)
    stocked.operators.add("Li", by="root", badge="100")
    assert stocked.operators.sign_in("100").name == "Li"
    stocked.record_note(None, "look", {})
    begin(stocked, 1)
    stocked.void(name(3), reason="lost", operator="Chen")
    stocked.operators.sign_out()
    stocked.operators.sign_out()
    stocked.record_note(None, "look", {})

    told = [(one.kind, one.operator) for one in stocked.audit_events()][-7:]
    assert told == [
        ("signed_in", "Li"),
        ("look", "Li"),
        ("run_begun", "Li"),
        ("unit_identified", "Li"),
        ("certificate_voided", "Chen"),
        ("signed_out", "Li"),
        ("look", ""),
    ]
    signed_in = next(one for one in stocked.audit_events() if one.kind == "signed_in")
    assert dict(signed_in.data) == {"by": "badge", "role": "technician"}
    assert stocked.unit(mac_of(1)).runs[0].operator == "Li"


def test_a_void_tells_old_and_new_value_reason_and_whether_a_line_lead_decided(stocked: Ledger) -> None:
    with_cheap_pins(stocked)
    stocked.void(name(1), reason="lost", operator="Wang")
    assert last(stocked).data["line_lead"] is False
    add_lead(stocked, "Wang")
    stocked.void(name(2), reason="scrapped", operator="Wang")

    data = last(stocked).data
    assert (data["from"], data["to"], data["reason"], data["line_lead"]) == ("available", "void", "scrapped", True)


def test_the_first_line_lead_is_asked_for_once(ledger: Ledger, data: Path) -> None:
    assert ledger.operators.wants_first_lead()
    ledger.operators.decline_first_lead(by="line-pc")
    assert not ledger.operators.wants_first_lead()
    assert (last(ledger).kind, last(ledger).operator) == ("first_line_lead_declined", "line-pc")


def test_nobody_is_asked_for_where_a_line_lead_is(ledger: Ledger) -> None:
    add_lead(ledger)
    assert not ledger.operators.wants_first_lead()


def test_no_pin_and_no_hash_stands_in_events_or_rows(ledger: Ledger) -> None:
    add_lead(ledger)
    ledger.operators.change_pin("Wang", OTHER_PIN, by="Wang")
    ledger.operators.confirm_line_lead("Wang", OTHER_PIN, action="test")
    with ledger._database.reading() as connection:
        kept = [row.pin_hash for row in connection.execute(text("SELECT pin_hash FROM operators"))]

    shown = repr([*ledger.audit_events(), *ledger.operators.all()])
    for hidden in (*kept, PIN.reveal(), OTHER_PIN.reveal()):
        assert hidden not in shown


CALLS: dict[str, Callable[[Ledger], object]] = {
    "add": lambda ledger: ledger.operators.add("Li", by="root"),
    "sign in": lambda ledger: ledger.operators.sign_in("Wang"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_people_call_survives_reopening(ledger: Ledger, data: Path, call: str) -> None:
    add_lead(ledger)
    CALLS[call](ledger)
    before = ledger.operators.all()
    ledger.close()
    with Ledger.open(data) as again:
        assert again.operators.all() == before
        assert again.operators.signed_in == ""


CHANGES: dict[str, Callable[[Ledger], object]] = {
    "add": lambda ledger: ledger.operators.add("Chen", by="Wang", badge="200"),
    "take back": lambda ledger: ledger.operators.add("Gone", by="Wang"),
    "remove": lambda ledger: ledger.operators.remove("Li", by="Wang"),
    "badge": lambda ledger: ledger.operators.change_badge("Li", "300", by="Wang"),
    "pin": lambda ledger: ledger.operators.change_pin("Wang", OTHER_PIN, by="Wang"),
    "sign in": lambda ledger: ledger.operators.sign_in("Li"),
    "put off": lambda ledger: ledger.operators.decline_first_lead(by="root"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_happens_with_its_event_or_not_at_all(ledger: Ledger, change: str) -> None:
    add_lead(ledger)
    for one in ("Li", "Gone"):
        ledger.operators.add(one, by="Wang")
    ledger.operators.remove("Gone", by="Wang")
    before, number = contents(ledger), 0
    while True:
        number += 1
        with failing_at(ledger, number) as seen, contextlib.suppress(LedgerFault):
            CHANGES[change](ledger)
        if seen[0] < number:
            break
        assert contents(ledger) == before
        assert ledger.operators.signed_in == ""
    assert number > 3
    assert len(list(ledger.audit_events())) == 1 + sum(' INTO "audit_events"' in line for line in before)
