"""`station order` and a report about an order."""

from __future__ import annotations

import json
from pathlib import Path

from station.errors import Code
from station.ledger import Ledger
from station.verdict import Verdict
from tests.cli.calling import station_in
from tests.ledger.making import begin, write_csv


def test_an_order_is_opened_told_reported_and_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    station = station_in(data)
    station("batch", "import", str(write_csv(tmp_path / "batch.csv", range(1, 6))))
    added = station(
        "order", "add", "WO-1", "--profile", "plug", "--batch", "batch", "--quantity", "2", "--retries", "1", "--json"
    )
    assert json.loads(added.out)["state"] == "open"
    with Ledger.open(data) as ledger:
        other = begin(ledger, 9)
        ledger.finish_run(other, Verdict.FAIL, seconds=1.0, code=Code.NO_BOOT, message="")
        run = begin(ledger, 1, work_order="WO-1")
        ledger.allocate(run)
        ledger.begin_installing(run)
        ledger.finish_run(run, Verdict.PASS, seconds=2.0, code=None, message="")

    assert station("order", "list").out == "WO-1  open  1 of 2 passed  plug, batch batch\n"
    report = json.loads(station("report", "WO-1", "--json").out)
    assert (report["work_order"], report["quantity"], report["passed_of_order"], report["units"]) == ("WO-1", 2, 1, 1)
    assert station("report", "batch", "--json").out.count('"units":2') == 1
    changed = station("order", "change", "WO-1", "--quantity", "90", "--reason", "more")
    assert (changed.code, changed.out.splitlines()[0]) == (0, "WO-1  open  1 of 90 passed  plug, batch batch")
    assert changed.err == "Batch batch has 4 certificates left, this order wants 89 more.\n"
    assert station("order", "close", "WO-1", "--reason", "enough").code == 0
    assert "closed" in station("order", "show", "WO-1").out


def test_a_batch_that_other_open_orders_want_too_has_less_for_this_one(tmp_path: Path) -> None:
    station = station_in(tmp_path / "data")
    station("batch", "import", str(write_csv(tmp_path / "batch.csv", range(1, 7))))

    def warned(*arguments: str) -> str:
        return station("order", *arguments).err

    def add(number: str) -> tuple[str, ...]:
        return ("add", number, "--profile", "plug", "--batch", "batch", "--quantity", "5")

    assert warned(*add("WO-1")) == ""
    assert warned(*add("WO-2")) == (
        "Batch batch has 6 certificates left, this order wants 5 more, other open orders of it want 5.\n"
    )
    assert warned("change", "WO-1", "--quantity", "1", "--reason", "fewer") == ""
    station("order", "close", "WO-2", "--reason", "enough")
    assert warned("change", "WO-1", "--quantity", "6", "--reason", "more") == ""


def test_what_is_wrong_is_told_with_the_nearest_number(tmp_path: Path) -> None:
    station = station_in(tmp_path / "data")
    station("batch", "import", str(write_csv(tmp_path / "batch.csv", range(1, 3))))
    assert station("order", "list").out == "There is no work order.\n"
    assert station("order", "add", "WO-4711", "--profile", "p", "--batch", "batch").code == 0

    for arguments, words in (
        (("show", "WO-4712"), "Did you mean WO-4711?"),
        (("add", "WO-4711", "--profile", "p", "--batch", "batch"), "already"),
        (("add", "WO-1", "--profile", "p", "--batch", "bach"), "Did you mean batch?"),
        (("close", "WO-4711", "--reason", " "), "--reason"),
        (("change", "WO-4711", "--quantity", "2", "--reason", " "), "--reason"),
    ):
        done = station("order", *arguments)
        assert done.code == 2
        assert words in done.err
