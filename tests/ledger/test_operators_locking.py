"""Five wrong PINs lock a line lead for a minute, whoever counts, and whatever the clock does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from station.errors import Code, NotAllowed, UsageError
from station.ledger import Ledger
from tests.ledger.people import OTHER_PIN, PIN, WRONG, CheapPins, HandClock, add_lead, with_cheap_pins


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def ledger(data: Path, clock: HandClock) -> Iterator[Ledger]:
    """A ledger on a clock in the hand, with the line lead Wang and the technician Li."""
    with Ledger.open(data, clock=clock) as opened:
        with_cheap_pins(opened)
        add_lead(opened, "Wang")
        opened.operators.add("Li", by="Wang")
        yield opened


def wrong(ledger: Ledger, times: int = 1) -> list[Code]:
    codes = []
    for _ in range(times):
        with pytest.raises(NotAllowed) as refused:
            ledger.operators.confirm_line_lead("Wang", WRONG, action="void")
        codes.append(refused.value.code)
    return codes


def code_of_right_pin(ledger: Ledger) -> Code | None:
    try:
        ledger.operators.confirm_line_lead("Wang", PIN, action="void")
    except NotAllowed as refused:
        return refused.code
    return None


def test_the_right_pin_is_an_event_of_the_line_lead(ledger: Ledger) -> None:
    assert code_of_right_pin(ledger) is None
    event = list(ledger.audit_events())[-1]
    assert (event.kind, event.operator, dict(event.data)) == ("line_lead_confirmed", "Wang", {"action": "void"})


def test_a_technician_decides_nothing_and_nobody_less(ledger: Ledger) -> None:
    with pytest.raises(NotAllowed) as refused:
        ledger.operators.confirm_line_lead("Li", PIN, action="void")
    assert refused.value.code == Code.NOT_LINE_LEAD
    with pytest.raises(UsageError):
        ledger.operators.confirm_line_lead("Nobody", PIN, action="void")


def test_five_wrong_pins_lock_for_a_minute_and_are_recorded(ledger: Ledger, clock: HandClock) -> None:
    assert wrong(ledger, 5) == [*[Code.PIN_WRONG] * 4, Code.PIN_LOCKED]
    assert code_of_right_pin(ledger) == Code.PIN_LOCKED
    clock.move(59)
    assert code_of_right_pin(ledger) == Code.PIN_LOCKED
    clock.move(1.5)
    assert code_of_right_pin(ledger) is None
    told = [event for event in ledger.audit_events() if event.kind == "pin_wrong"]
    assert [event.data["wrong"] for event in told] == [1, 2, 3, 4, 5]
    assert [event.data["locked"] for event in told] == [False] * 4 + [True]
    assert {event.operator for event in told} == {"Wang"}


def test_after_a_lock_there_are_five_tries_again(ledger: Ledger, clock: HandClock) -> None:
    wrong(ledger, 5)
    clock.move(61)
    assert wrong(ledger, 5) == [*[Code.PIN_WRONG] * 4, Code.PIN_LOCKED]


def test_the_right_pin_forgets_the_wrong_ones(ledger: Ledger) -> None:
    wrong(ledger, 4)
    assert code_of_right_pin(ledger) is None
    assert wrong(ledger, 4) == [Code.PIN_WRONG] * 4
    assert code_of_right_pin(ledger) is None


def test_a_clock_stepped_back_neither_opens_a_lock_nor_keeps_it_for_hours(ledger: Ledger, clock: HandClock) -> None:
    wrong(ledger, 5)
    clock.move(-7200)
    assert code_of_right_pin(ledger) == Code.PIN_LOCKED
    clock.move(50)
    assert code_of_right_pin(ledger) == Code.PIN_LOCKED
    clock.move(11)
    assert code_of_right_pin(ledger) is None


def test_a_locked_pin_is_not_even_looked_at(ledger: Ledger) -> None:
    pins = with_cheap_pins(ledger)
    wrong(ledger, 5)
    assert pins.looks == 5
    code_of_right_pin(ledger)
    assert pins.looks == 5


def test_another_process_counts_on(ledger: Ledger, data: Path, clock: HandClock) -> None:
    wrong(ledger, 3)
    with Ledger.open(data, clock=clock) as other:
        with_cheap_pins(other)
        assert wrong(other, 2) == [Code.PIN_WRONG, Code.PIN_LOCKED]
    assert code_of_right_pin(ledger) == Code.PIN_LOCKED


def test_a_try_that_is_killed_while_it_is_looked_at_counts(ledger: Ledger) -> None:
    class Killed(CheapPins):
        def matches(self, stored: str, pin: object) -> bool:
            raise KeyboardInterrupt

    ledger.operators._pins = Killed()
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            ledger.operators.confirm_line_lead("Wang", WRONG, action="void")
    with_cheap_pins(ledger)
    assert code_of_right_pin(ledger) == Code.PIN_LOCKED


def test_one_line_leads_lock_is_not_anothers(ledger: Ledger) -> None:
    add_lead(ledger, "Zhao", OTHER_PIN)
    wrong(ledger, 5)
    assert ledger.operators.confirm_line_lead("Zhao", OTHER_PIN, action="void") == "Zhao"


def test_a_new_pin_ends_a_lock(ledger: Ledger) -> None:
    wrong(ledger, 5)
    ledger.operators.change_pin("Wang", OTHER_PIN, by="Zhao")
    assert ledger.operators.confirm_line_lead("Wang", OTHER_PIN, action="void") == "Wang"


def test_a_pin_changed_while_it_is_looked_at_allows_nothing(ledger: Ledger) -> None:
    class Slow(CheapPins):
        def matches(self, stored: str, pin: object) -> bool:
            ledger.operators.change_pin("Wang", OTHER_PIN, by="Wang")
            return True

    ledger.operators._pins = Slow()
    assert code_of_right_pin(ledger) == Code.PIN_WRONG
