"""`station run` told to end from outside: the units in hand and the record are left in good order, with the signal's exit code."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from station.ledger import Ledger
from tests.end_to_end.quick_units import PRODUCT_KEY, quick_fixture
from tests.end_to_end.technician import Technician
from tests.end_to_end.terminals import PtyTerminal, environment_in_terminal, lacking
from tests.end_to_end.watched_station import desk_in
from tests.waiting import wait_until

LIMIT_S = 20.0
SIZE = (80, 24)


@pytest.mark.skipif(lacking("pyte") is not None, reason=str(lacking("pyte")))
def test_a_kill_ends_the_screen_with_its_exit_code_and_the_operator_signed_out(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    desk.import_certificates(PRODUCT_KEY)
    with Ledger.open(desk.data) as ledger:
        ledger.operators.add("Li", by="root")
        ledger.operators.decline_first_lead(by="root")
    with quick_fixture() as fixture:
        command = desk.arguments("run", desk.profiles / "quick.yaml", "--port", fixture.url, "--lang", "en")
        with PtyTerminal(command, environment_in_terminal(), SIZE, tmp_path) as terminal:
            person = Technician(terminal, ("Traceback",))
            person.see(lambda sight: sight.answer == "", "the sign-in")
            person.scan("Li", lambda sight: sight.says(person.say("kind.images")))
            terminal.tell(signal.SIGTERM)
            wait_until(lambda: terminal.exit_code() is not None, LIMIT_S)
            assert terminal.exit_code() == 128 + signal.SIGTERM
    with Ledger.open(desk.data) as ledger:
        events = [(event.kind, event.operator) for event in ledger.audit_events()]
        assert ledger.unfinished_runs() == []
    assert ("signed_in", "Li") in events
    assert ("signed_out", "Li") in events


@pytest.mark.skipif(lacking("pyte") is not None, reason=str(lacking("pyte")))
def test_a_training_s_bench_is_set_up_behind_its_screen_and_taken_down_by_a_kill(tmp_path: Path) -> None:
    desk = desk_in(tmp_path)
    command = desk.arguments("demo", "--lanes", "1", "--profile", "training", "--lang", "en")
    with PtyTerminal(command, environment_in_terminal(), SIZE, tmp_path) as terminal:
        person = Technician(terminal, ("Traceback",))
        person.see(lambda sight: sight.says(person.say("key.lessons")), "the line")
        terminal.tell(signal.SIGTERM)
        wait_until(lambda: terminal.exit_code() is not None, LIMIT_S)
        assert terminal.exit_code() == 128 + signal.SIGTERM
