"""No label without PASS, no second one unless it is recorded as that, and what no printer took is not forgotten."""

from __future__ import annotations

import pytest

from station.errors import Code, UsageError
from station.ledger import LabelJob, LabelOrder, Ledger
from station.serial_number import EntryWay, UnitLabel
from station.verdict import Verdict
from tests.ledger.making import begin, mac_of, name


def walk(ledger: Ledger, unit: int, verdict: Verdict = Verdict.PASS) -> None:
    run = begin(ledger, unit)
    ledger.allocate(run)
    ledger.begin_installing(run)
    ledger.finish_run(run, verdict, seconds=9.0, code=None if verdict is Verdict.PASS else Code.NO_BOOT, message="")


def job(order: LabelOrder, *, only_first: bool = False) -> LabelJob:
    return LabelJob(order, "tcp://p:9100", 1, "Li", only_first=only_first)


def send(ledger: Ledger, job: LabelJob) -> bool:
    return ledger.printed_labels.sending(job)


def fail(ledger: Ledger, job: LabelJob) -> bool:
    return ledger.printed_labels.failed(job, code="E50", cause="away")


def told(ledger: Ledger, unit: int = 1) -> list[tuple[str, object]]:
    events = ledger.unit(mac_of(unit)).events
    return [(event.kind, event.data.get("again")) for event in events if event.kind.startswith("label")]


def test_a_unit_that_passed_has_a_label_under_each_of_its_names(stocked: Ledger) -> None:
    run = begin(stocked, 1)
    stocked.serial_numbers.bind(run, UnitLabel("SP00000001", EntryWay.SCANNED))
    stocked.allocate(run)
    stocked.begin_installing(run)
    stocked.finish_run(run, Verdict.PASS, seconds=9.0, code=None, message="")

    for subject in (mac_of(1), name(1), "SP00000001"):
        order = stocked.printed_labels.order(subject)
        assert (order.mac, order.run.device_name, order.run.serial_number) == (mac_of(1), name(1), "SP00000001")


def test_there_is_no_label_without_pass(stocked: Ledger) -> None:
    walk(stocked, 1, Verdict.FAIL)
    walk(stocked, 2)
    walk(stocked, 2, Verdict.FAIL)
    begin(stocked, 3)
    walk(stocked, 4)
    stocked.void(mac_of(4), reason="broken", operator="Wang")

    for unit in (1, 2, 3):
        with pytest.raises(UsageError, match="No label without PASS"):
            stocked.printed_labels.order(mac_of(unit))
    with pytest.raises(UsageError, match="certificate is void"):
        stocked.printed_labels.order(mac_of(4))
    with pytest.raises(UsageError, match="No label without PASS"):
        stocked.printed_labels.order(name(9))
    for nobody in (mac_of(77), "nobody"):
        with pytest.raises(UsageError, match="no unit is known"):
            stocked.printed_labels.order(nobody)


def test_a_second_label_is_recorded_as_that(stocked: Ledger) -> None:
    walk(stocked, 1)
    order = stocked.printed_labels.order(mac_of(1))

    assert send(stocked, job(order, only_first=True))
    assert not send(stocked, job(order, only_first=True))
    assert send(stocked, job(order))

    assert told(stocked) == [("label_sent", False), ("label_sent", True)]


def test_a_unit_with_another_certificate_gets_a_first_label_again(stocked: Ledger) -> None:
    walk(stocked, 1)
    send(stocked, job(stocked.printed_labels.order(mac_of(1))))
    stocked.void(mac_of(1), reason="leaked", operator="Wang")
    walk(stocked, 1)
    order = stocked.printed_labels.order(mac_of(1))

    assert order.run.device_name == name(2)
    assert send(stocked, job(order, only_first=True))


def test_one_more_that_fails_takes_nothing_from_the_first(stocked: Ledger) -> None:
    walk(stocked, 1)
    order = stocked.printed_labels.order(mac_of(1))
    one_more = job(order)
    send(stocked, job(order))
    send(stocked, one_more)
    fail(stocked, one_more)

    assert stocked.printed_labels.missing("batch") == []
    assert not send(stocked, job(order, only_first=True))
    send(stocked, job(order))
    assert [again for kind, again in told(stocked) if kind == "label_sent"] == [False, True, True]


def test_what_no_printer_took_is_missing_until_one_does(stocked: Ledger) -> None:
    for unit in (1, 2, 3, 4):
        walk(stocked, unit)
    walk(stocked, 4, Verdict.FAIL)
    jobs = {unit: job(stocked.printed_labels.order(mac_of(unit))) for unit in (1, 2, 3)}
    send(stocked, jobs[1])
    send(stocked, jobs[2])
    fail(stocked, jobs[2])

    assert stocked.printed_labels.missing("batch") == [mac_of(2), mac_of(3)]

    send(stocked, job(jobs[2].order))
    assert stocked.printed_labels.missing("batch") == [mac_of(3)]
    assert told(stocked, 2) == [("label_sent", False), ("label_failed", None), ("label_sent", False)]
    with pytest.raises(UsageError, match="no batch"):
        stocked.printed_labels.missing("other")


def test_a_job_that_is_tried_again_is_noted_once_as_is_its_failure(stocked: Ledger) -> None:
    walk(stocked, 1)
    first = job(stocked.printed_labels.order(mac_of(1)), only_first=True)
    assert [send(stocked, first) for _ in range(2)] == [True] * 2
    assert told(stocked) == [("label_sent", False)]
    assert [fail(stocked, first) for _ in range(2)] == [True] * 2

    assert told(stocked) == [("label_sent", False), ("label_failed", None)]
    assert stocked.printed_labels.missing("batch") == [mac_of(1)]
    assert send(stocked, first)
    assert stocked.printed_labels.missing("batch") == []


def test_the_failure_of_a_job_leaves_what_another_printer_took(stocked: Ledger) -> None:
    walk(stocked, 1)
    order = stocked.printed_labels.order(mac_of(1))
    early, other, never_sent = job(order, only_first=True), job(order), job(order)
    send(stocked, early)
    send(stocked, other)
    assert not send(stocked, early)
    fail(stocked, early)

    assert not fail(stocked, never_sent)
    assert [kind for kind, _ in told(stocked)] == ["label_sent", "label_sent", "label_failed"]
    assert stocked.printed_labels.missing("batch") == []
