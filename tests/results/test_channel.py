"""Each result comes to the other system once, under one key, whatever that system does meanwhile."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from station.errors import Code, LedgerFault
from station.ledger import Ledger
from station.ledger.owner_only import write_owner_only
from station.results.unit_result import UnitResult, result_schema
from station.verdict import Verdict
from tests.ledger.making import STAMP, begin, mac_of, name
from tests.results.conftest import Opened, run_unit
from tests.results.http_double import CUT, HANG, OtherSystem

WATS = {"process_code": 10, "location": "Shenzhen"}


def test_each_run_is_sent_once_under_a_key_of_its_own(ledger: Ledger, mes: OtherSystem, opened: Opened) -> None:
    channel = opened()
    runs = [run_unit(ledger, unit, verdict) for unit, verdict in ((1, Verdict.PASS), (2, Verdict.FAIL))]

    assert channel.send_waiting().delivered == 2
    assert channel.send_waiting().delivered == 0
    assert opened().send_waiting().delivered == 0
    wanted = [uuid5(UUID(ledger.results.ledger_id()), f"mes/{run}") for run in runs]
    assert [UUID(key) for key in mes.keys] == wanted == [json_of(one.body).key for one in mes.taken]


def json_of(body: bytes) -> UnitResult:
    """Read a document as whoever goes by its schema does."""
    assert set(json.loads(body)) == set(result_schema()["properties"])
    return UnitResult.model_validate_json(body)


def test_a_channel_begins_with_what_ends_after_it(ledger: Ledger, mes: OtherSystem, opened: Opened) -> None:
    run_unit(ledger, 1)
    channel = opened()
    run = run_unit(ledger, 2)
    channel.send_waiting()

    assert [json_of(one.body).run for one in mes.taken] == [run]


def test_a_result_tells_what_became_of_the_unit(ledger: Ledger, mes: OtherSystem, opened: Opened) -> None:
    channel = opened()
    run_unit(ledger, 1, Verdict.FAIL)
    run_unit(ledger, 1)
    channel.send_waiting()
    failed, passed = (json_of(one.body) for one in mes.taken)

    assert (failed.verdict, failed.code, failed.attempt, failed.mac) == (Verdict.FAIL, Code.NO_BOOT, 1, mac_of(1))
    assert (passed.verdict, passed.code, passed.attempt, passed.device_name) == (Verdict.PASS, None, 2, name(1))
    assert [(one.step, one.passed) for one in failed.steps][-2:] == [("verify", True), ("start", False)]
    assert all(one.passed for one in passed.steps)
    assert passed.regions_sha256 == {"app": "ab" * 32}


def test_a_unit_that_could_not_say_who_it_is_is_not_told(ledger: Ledger, mes: OtherSystem, opened: Opened) -> None:
    channel = opened()
    run = begin(ledger)
    ledger.finish_run(run, Verdict.FAIL, seconds=1.0, code=Code.CHIP_GARBLED, message="noise")

    assert (channel.send_waiting().delivered, mes.taken) == (0, [])


@pytest.mark.parametrize("answer", [HANG, CUT, 401, 404, 429, 503])
def test_a_system_that_cannot_take_anything_now_gets_it_later_under_the_same_key(
    ledger: Ledger, mes: OtherSystem, opened: Opened, answer: int
) -> None:
    mes.answers = [answer]
    channel = opened(timeout_s=0.2 if answer == HANG else 5)
    for unit in (1, 2):
        run_unit(ledger, unit)

    sent = channel.send_waiting()
    assert (sent.delivered, sent.refused, len(mes.taken)) == (0, 0, 1)
    assert sent.trouble
    assert channel.send_waiting().delivered == 2
    assert mes.keys[0] == mes.keys[1] != mes.keys[2]


def test_a_system_that_was_away_gets_all_when_it_is_back(ledger: Ledger, mes: OtherSystem, opened: Opened) -> None:
    channel = opened()
    mes.switch_off()
    for unit in (1, 2, 3):
        run_unit(ledger, unit)
    assert channel.send_waiting().trouble

    mes.switch_on()
    assert channel.send_waiting().delivered == 3
    assert [json_of(one.body).mac for one in mes.taken] == [mac_of(unit) for unit in (1, 2, 3)]


def test_a_result_that_the_system_trips_over_lets_the_others_go_first(
    ledger: Ledger, mes: OtherSystem, opened: Opened
) -> None:
    mes.answers = [500, 200, 200, 500]
    channel = opened()
    for unit in (1, 2, 3):
        run_unit(ledger, unit)

    sent = channel.send_waiting()
    assert (sent.delivered, sent.trouble) == (2, "HTTP 500 said")
    assert channel.send_waiting().delivered == 1
    assert mes.keys[0] == mes.keys[3] == mes.keys[4]


def test_a_system_that_trips_over_everything_is_left_alone(ledger: Ledger, mes: OtherSystem, opened: Opened) -> None:
    mes.usual = 500
    channel = opened()
    for unit in range(1, 6):
        run_unit(ledger, unit)

    assert channel.send_waiting().delivered == 0
    assert len(mes.taken) == 3


def test_what_is_refused_for_good_is_kept_with_the_reason_and_sent_again_when_told(
    ledger: Ledger, mes: OtherSystem, opened: Opened
) -> None:
    mes.answers = [422]
    channel = opened()
    run = run_unit(ledger, 1)
    run_unit(ledger, 2)

    sent = channel.send_waiting()
    assert (sent.delivered, sent.refused) == (1, 1)
    assert [(one.run_id, one.cause) for one in ledger.results.refused("mes")] == [(run, "HTTP 422 said")]
    assert channel.send_refused().delivered == 1
    assert mes.keys[0] == mes.keys[2]
    assert ledger.results.refused("mes") == []


def test_a_key_that_the_system_has_in_hand_is_asked_once_more_and_then_taken_for_told(
    ledger: Ledger, mes: OtherSystem, opened: Opened
) -> None:
    mes.usual = 409
    channel = opened()
    run_unit(ledger, 1)

    assert channel.send_waiting().delivered == 0
    assert channel.send_waiting().delivered == 1
    assert len(mes.taken) == 2
    assert ledger.results.waiting("mes", 1) == []


def test_what_was_sent_and_not_noted_is_sent_again_as_the_same(
    tmp_path: Path, ledger: Ledger, mes: OtherSystem, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = opened()
    run_unit(ledger, 1)

    def killed(*_arguments: object) -> None:
        raise LedgerFault(Code.LEDGER_BUSY, "killed", "")

    with monkeypatch.context() as at_this_instant:
        at_this_instant.setattr(channel.results, "note", killed)
        with pytest.raises(LedgerFault):
            channel.send_waiting()
    with Ledger.open(tmp_path / "data") as again:
        assert opened(of=again).send_waiting().delivered == 1
    assert len(mes.taken) == 2
    assert (mes.taken[0].key, mes.taken[0].body) == (mes.taken[1].key, mes.taken[1].body)


def test_a_folder_gets_whole_files_and_nothing_else(ledger: Ledger, tmp_path: Path, opened: Opened) -> None:
    folder = tmp_path / "hot"
    channel = opened("files", folder=str(folder))
    run = run_unit(ledger, 1)
    assert "hot" in channel.send_waiting().trouble
    assert not folder.exists()

    folder.mkdir()
    assert channel.send_waiting().delivered == 1
    (file,) = folder.iterdir()
    assert file.name.endswith(f"_{mac_of(1).replace(':', '')}_PASS_{json_of(file.read_bytes()).key}.json")
    assert json_of(file.read_bytes()).run == run


def test_wats_gets_a_test_report_with_all_that_it_requires(ledger: Ledger, mes: OtherSystem, opened: Opened) -> None:
    channel = opened(wats=WATS)
    run_unit(ledger, 1, Verdict.FAIL)
    channel.send_waiting()
    report = json.loads(mes.taken[0].body)

    required = {"id", "location", "machineName", "pn", "purpose", "result", "rev", "sn", "start", "startUTC", "type"}
    assert required | {"processCode", "root", "uut"} <= set(report)
    assert (report["type"], report["result"], report["sn"], report["pn"]) == ("T", "F", name(1), "plug")
    assert (report["processCode"], report["location"], report["id"]) == (10, "Shenzhen", mes.keys[0])
    steps = report["root"]["steps"]
    assert [step["status"] for step in steps] == ["P"] * 5 + ["F"]
    assert report["uut"]["stepIdCausedUUTFailure"] == steps[-1]["id"]
    assert {one["description"]: one["text"] for one in report["miscInfos"]}["MAC"] == mac_of(1)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's; Windows' rights are looked at in tests/ledger")
def test_an_authorization_that_others_can_read_sends_nothing_until_it_is_its_owners(
    ledger: Ledger, mes: OtherSystem, opened: Opened, tmp_path: Path
) -> None:
    file = tmp_path / "mes.txt"
    file.write_text("Bearer s3cr3t-t0k3n\n", encoding="utf-8")
    file.chmod(0o644)
    channel = opened(authorization_file=str(file))
    run_unit(ledger, 1)

    told = channel.send_waiting()
    assert f"chmod 600 {file}" in told.trouble
    assert (told.delivered, mes.taken) == (0, [])
    file.chmod(0o600)
    assert channel.send_waiting().delivered == 1


@pytest.mark.parametrize("wats", [None, WATS])
def test_no_device_secret_and_no_password_leaves_or_is_kept(
    ledger: Ledger, mes: OtherSystem, opened: Opened, tmp_path: Path, wats: dict[str, object] | None
) -> None:
    write_owner_only(tmp_path / "mes.txt", "Bearer s3cr3t-t0k3n\n")
    (tmp_path / "hot").mkdir()
    mes.usual, mes.words = 422, "who is Bearer s3cr3t-t0k3n?"
    channels = [
        opened(wats=wats, authorization_file=str(tmp_path / "mes.txt")),
        opened("files", folder=str(tmp_path / "hot"), wats=wats),
    ]
    run_unit(ledger, 1)
    for channel in channels:
        channel.send_waiting()

    (file,) = (tmp_path / "hot").iterdir()
    assert mes.taken[0].headers["Authorization"] == "Bearer s3cr3t-t0k3n"
    for told in (str(mes.taken[0].headers).encode(), mes.taken[0].body, file.read_bytes(), file.name.encode()):
        assert STAMP.encode() not in told
    assert ledger.results.refused("mes")[0].cause == "HTTP 422 who is *** ***?"
