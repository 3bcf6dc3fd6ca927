"""What is for a line lead, who is signed in for runs, and how a station gets its first line lead."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from station.cli.context import Session
from station.cli.leads import offer_first_line_lead, require_line_lead
from station.cli.signing_in import LeadDecisions, LeadOptions, lead_decisions, signed_in
from station.errors import Code, LedgerFault, NotAllowed, UsageError
from station.ledger import Ledger
from station.line.decision import LeadDecision
from station.line.readiness import Readiness, Sentence, _people
from station.line.shift import Shift
from tests.cli.at_terminal import OTHER_PIN, PIN, Person, hash_cheaply, kinds, pin_file
from tests.cli.calling import Station, station_in
from tests.ledger.making import name, write_csv
from tests.ledger.people import add_lead

NO_REPLACING = LeadOptions(
    replace_foreign=False, keep_foreign=False, force_security=False, reason=None, lead=None, pin_file=None
)
NAME_ASKED = "第一位线长的姓名（直接回车：以后再说）"
PIN_ASKED = ["Wang 的新 PIN", "再输入一次 PIN"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    hash_cheaply(monkeypatch)
    monkeypatch.setattr("getpass.getuser", lambda: "line-pc")
    return tmp_path / "data"


@pytest.fixture
def ledger(data: Path, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with three certificates and nobody."""
    with Ledger.open(data) as opened:
        opened.import_batch(write_csv(tmp_path / "batch.csv", range(1, 4)))
        yield opened


@pytest.fixture
def session(data: Path) -> Session:
    return Session(data=data)


@pytest.fixture
def station(ledger: Ledger, data: Path) -> Station:
    return station_in(data)


def replacing(reason: str | None = None, lead: str | None = None, file: str | None = None) -> LeadOptions:
    return LeadOptions(True, False, False, reason, lead, Path(file) if file else None)


def test_without_a_line_lead_everybody_may_and_it_is_recorded(session: Session, ledger: Ledger) -> None:
    assert require_line_lead(session, ledger, "do it", operator=None, pin_file=None) == "line-pc"
    assert require_line_lead(session, ledger, "do it", operator=" Wang ", pin_file=None) == "Wang"
    told = [(one.operator, dict(one.data)) for one in ledger.audit_events() if one.kind == "without_line_lead"]
    open_to_all = {"action": "do it", "line_lead": False}
    assert told == [("line-pc", open_to_all), ("Wang", open_to_all)]


def test_with_operators_but_no_line_lead_the_name_must_be_known(session: Session, ledger: Ledger) -> None:
    ledger.operators.add("Li", by="root", badge="17")
    assert require_line_lead(session, ledger, "do it", operator="17", pin_file=None) == "Li"
    with pytest.raises(UsageError):
        require_line_lead(session, ledger, "do it", operator="Wang", pin_file=None)


def test_a_line_lead_is_asked_for_name_and_pin(
    session: Session, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_lead(ledger, "Wang", badge="17")
    person = Person(monkeypatch, "17", PIN)
    assert require_line_lead(session, ledger, "do it", operator=None, pin_file=None) == "Wang"
    assert person.asked == ["Line lead (badge or name)", "PIN of Wang"]


def test_a_technician_is_refused_before_a_pin_is_asked_for(
    session: Session, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_lead(ledger)
    ledger.operators.add("Li", by="Wang")
    person = Person(monkeypatch)
    with pytest.raises(NotAllowed) as refused:
        require_line_lead(session, ledger, "do it", operator="Li", pin_file=None)
    assert (refused.value.code, person.asked) == (Code.NOT_LINE_LEAD, [])


def test_a_certificate_is_made_void_by_a_line_lead_only(
    station: Station, ledger: Ledger, tmp_path: Path, data: Path
) -> None:
    add_lead(ledger)
    refused = station("unit", "void", name(1), "--reason", "lost", "--json")
    assert (refused.code, json.loads(refused.out)["code"]) == (2, "I10")
    wrong = pin_file(tmp_path, OTHER_PIN, "wrong")
    done = station("unit", "void", name(1), "--reason", "lost", "--operator", "Wang", "--pin-file", wrong)
    assert (done.code, "I40" in done.err) == (2, True)
    assert kinds(data)[-1] == "pin_wrong"

    right = pin_file(tmp_path)
    assert station("unit", "void", name(1), "--reason", "lost", "--operator", "Wang", "--pin-file", right).code == 0
    confirmed, voided = list(ledger.audit_events())[-2:]
    assert (confirmed.kind, confirmed.operator) == ("line_lead_confirmed", "Wang")
    assert (voided.kind, voided.operator, voided.data["line_lead"]) == ("certificate_voided", "Wang", True)


def test_a_void_on_a_fresh_station_goes_on_working(station: Station, data: Path) -> None:
    done = station("unit", "void", name(1), "--reason", "lost")
    assert (done.code, "no line lead yet" in done.err) == (0, True)
    assert kinds(data)[-2:] == ["without_line_lead", "certificate_voided"]


# Signing in


def test_as_long_as_there_is_nobody_the_systems_user_works(ledger: Ledger) -> None:
    with signed_in(ledger, None, may_ask=True) as who:
        assert who == "line-pc"
        ledger.record_note(None, "look", {})
    with signed_in(ledger, "Anybody", may_ask=False) as who:
        assert who == "Anybody"
    event = list(ledger.audit_events())[-1]
    assert (event.kind, event.operator) == ("look", "line-pc")


def test_a_named_operator_is_signed_in_and_out_even_when_the_run_breaks(ledger: Ledger) -> None:
    ledger.operators.add("Li", by="root", badge="17")

    def broken_run() -> None:
        with signed_in(ledger, "17", may_ask=False) as who:
            assert who == "Li"
            sys.exit(1)

    with pytest.raises(SystemExit):
        broken_run()
    assert [(one.kind, one.operator) for one in ledger.audit_events()][-2:] == [
        ("signed_in", "Li"),
        ("signed_out", "Li"),
    ]
    assert ledger.operators.signed_in == ""


def test_a_sign_out_that_cannot_be_recorded_hides_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.operators.add("Li", by="root")

    def full(_self: object) -> None:
        raise LedgerFault(Code.DISK_FULL, "full", "free some")

    monkeypatch.setattr("station.ledger.operators.Operators.sign_out", full)
    with signed_in(ledger, "Li", may_ask=False) as who:
        assert who == "Li"


def test_the_terminal_asks_until_somebody_is_known(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.operators.add("Li", by="root", badge="17")
    person = Person(monkeypatch, "Lu", "nobody", "17")
    with signed_in(ledger, None, may_ask=True) as who:
        assert who == "Li"
    assert person.asked == ["Badge or name"] * 3


def test_flash_needs_an_operator_once_there_are_some(
    station: Station, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.operators.add("Li Wei", by="root")
    Person(monkeypatch)
    flash = ("flash", str(tmp_path / "no.yaml"), "--port", "socket://127.0.0.1:9")
    nobody = station(*flash)
    assert (nobody.code, "--operator NAME" in nobody.err) == (2, True)
    near = station(*flash, "--operator", "Li Wie")
    assert (near.code, "Did you mean 'Li Wei'?" in near.err) == (2, True)
    assert "no.yaml" in station(*flash, "--operator", "li wei").err


def test_run_asks_on_its_screen_who_works_here_so_it_only_needs_a_terminal(
    station: Station, ledger: Ledger, tmp_path: Path
) -> None:
    ledger.operators.add("Li", by="root")
    done = station("run", str(tmp_path / "no.yaml"))
    assert (done.code, "needs a terminal" in done.err) == (2, True)


# Replacing foreign certificates


def test_nobody_decides_what_nobody_asked_for(session: Session, ledger: Ledger) -> None:
    assert lead_decisions(session, ledger, NO_REPLACING, "line-pc") == LeadDecisions()
    with pytest.raises(UsageError, match="belong to --replace-foreign"):
        lead_decisions(session, ledger, LeadOptions(False, False, False, "why", None, None), "line-pc")


def test_a_foreign_certificate_is_kept_or_replaced_not_both(session: Session, ledger: Ledger) -> None:
    both = LeadOptions(True, True, False, "why", None, None)
    with pytest.raises(UsageError, match="either replaced or kept"):
        lead_decisions(session, ledger, both, "line-pc")
    keeping = LeadOptions(False, True, False, "made elsewhere", None, None)
    wanted = LeadDecisions(keep_foreign=LeadDecision("line-pc", "made elsewhere", False))
    assert lead_decisions(session, ledger, keeping, "line-pc") == wanted


def test_without_a_line_lead_replacing_is_open_and_recorded(session: Session, ledger: Ledger) -> None:
    decision = lead_decisions(session, ledger, replacing(), "line-pc").replace_foreign
    assert decision == LeadDecision("line-pc", "", by_line_lead=False)
    assert list(ledger.audit_events())[-1].kind == "without_line_lead"


def test_replacing_needs_a_reason_and_a_line_lead(session: Session, ledger: Ledger, tmp_path: Path) -> None:
    add_lead(ledger)
    ledger.operators.add("Li", by="Wang")
    file = pin_file(tmp_path)
    for bad in (replacing(None, "Wang", file), replacing("  ", "Wang", file), replacing("why", "Wang")):
        with pytest.raises(UsageError):
            lead_decisions(session, ledger, bad, "Li")
    with pytest.raises(NotAllowed):
        lead_decisions(session, ledger, replacing("why", None, file), "Li")
    wanted = LeadDecision("Wang", "returned", by_line_lead=True)
    assert lead_decisions(session, ledger, replacing("returned", "Wang", file), "Li").replace_foreign == wanted
    assert lead_decisions(session, ledger, replacing("returned", None, file), "Wang").replace_foreign == wanted


def test_at_the_terminal_the_line_lead_comes_to_the_technicians_run(
    session: Session, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_lead(ledger)
    ledger.operators.add("Li", by="Wang")
    person = Person(monkeypatch, "Wang", PIN)
    decision = lead_decisions(session, ledger, replacing("returned"), "Li").replace_foreign
    assert decision == LeadDecision("Wang", "returned", by_line_lead=True)
    assert person.asked == ["Line lead (badge or name)", "PIN of Wang"]


# The first line lead


def test_the_first_line_lead_is_offered_and_made(
    session: Session, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(monkeypatch, "Wang", "123456", "123456", PIN, PIN)
    offer_first_line_lead(session, ledger)
    assert person.has_answered_all
    assert ledger.operators.find("Wang").is_line_lead
    offer_first_line_lead(session, ledger)


def test_the_first_line_lead_is_asked_for_in_the_screens_language(
    session: Session, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person(monkeypatch, "Wang", "123456", "123456", PIN, PIN)
    offer_first_line_lead(replace(session, lang="zh-CN"), ledger)
    assert person.asked == [NAME_ASKED, *PIN_ASKED, *PIN_ASKED]
    assert told_in_chinese(capsys) == "这个 PIN 太容易猜到。 不要用连号、重复的字符、姓名或工牌。"


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        ("ｌｉ", "li 已经是 Li 的姓名或工牌。 换一个。"),
        ("x" * 65, "姓名或工牌要有 1 到 64 个看得见的字符。 照平常的写法重新输入。"),
    ],
    ids=["taken", "too long"],
)
def test_a_first_line_leads_name_is_refused_before_the_pin_and_asked_for_again(
    session: Session,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    refused: str,
    told: str,
) -> None:
    ledger.operators.add("Li", by="root")
    person = Person(monkeypatch, refused, "Wang", PIN, PIN)
    offer_first_line_lead(replace(session, lang="zh-CN"), ledger)
    assert person.asked == [NAME_ASKED, NAME_ASKED, *PIN_ASKED]
    assert capsys.readouterr().err.splitlines()[-1] == told
    assert ledger.operators.find("Wang").is_line_lead


def test_a_name_that_is_refused_is_told_in_english_by_what_it_means(
    session: Session, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.operators.add("Li", by="root")
    Person(monkeypatch, "Li", "")
    offer_first_line_lead(replace(session, lang="en"), ledger)
    assert "the name 'Li' means Li already. Choose another name" in capsys.readouterr().err.splitlines()


def test_two_pins_that_differ_are_told_in_the_screens_language_and_asked_for_again(
    session: Session, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person(monkeypatch, "Wang", PIN, OTHER_PIN, PIN, PIN)
    offer_first_line_lead(replace(session, lang="zh-CN"), ledger)
    assert person.asked == [NAME_ASKED, *PIN_ASKED, *PIN_ASKED]
    assert told_in_chinese(capsys) == "两次输入的 PIN 不同。"


def test_after_three_refused_pins_the_name_is_asked_for_again_and_may_be_put_off(
    session: Session, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person(monkeypatch, "Wang", *["12"] * 6, "")
    offer_first_line_lead(replace(session, lang="zh-CN"), ledger)
    assert person.asked == [NAME_ASKED, *PIN_ASKED * 3, NAME_ASKED]
    assert capsys.readouterr().err.count("PIN 要有 6 到 64 个字母或数字。 请用至少六位数字。") == 3
    assert not ledger.operators.wants_first_lead()


def told_in_chinese(capsys: pytest.CaptureFixture[str]) -> str:
    """Give the last line that was told; nothing before it has an English word."""
    told = capsys.readouterr().err
    assert not re.search("[a-z]{3}", told)
    return told.splitlines()[-1]


def test_enter_puts_the_first_line_lead_off_for_good(
    session: Session, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(monkeypatch, "")
    offer_first_line_lead(session, ledger)
    offer_first_line_lead(session, ledger)
    assert len(person.asked) == 1
    assert not ledger.operators.has_line_lead()


def test_nobody_is_asked_without_a_terminal(session: Session, ledger: Ledger) -> None:
    offer_first_line_lead(session, ledger)
    assert ledger.operators.wants_first_lead()


def test_doctor_warns_while_there_is_no_line_lead(station: Station, ledger: Ledger) -> None:
    def found() -> list[str]:
        return [one["subject"] for one in json.loads(station("doctor", "--json").out)]

    assert "operators" in found()
    add_lead(ledger)
    assert "operators" not in found()


def test_the_readiness_list_warns_while_there_is_no_line_lead(ledger: Ledger) -> None:
    shift = Shift(None, ledger, "batch", None, None)  # type: ignore[arg-type]  # people are looked at, no recipe
    (item,) = _people(shift)
    assert (item.state, item.sentence) == (Readiness.WARNING, Sentence.NO_LINE_LEAD)
    add_lead(ledger)
    assert _people(shift) == []
