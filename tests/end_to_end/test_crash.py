"""The station ends at any instant: kill, Ctrl-C, closed terminal; or is there twice. No certificate is lost or given twice."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from station.certificate import CertificateState
from station.errors import Code
from station.ledger import Ledger
from station.verdict import Verdict
from station.virtual.fixture import Fixture
from tests.end_to_end.conftest import Desk
from tests.end_to_end.quick_units import (
    PRODUCT_KEY,
    SLOW_BAUD,
    mac_number,
    quick_fixture,
    quick_fixtures,
    unit_number,
    write_profile,
)
from tests.end_to_end.watched_station import (
    Event,
    WatchedStation,
    certificate,
    desk_in,
    first_progress,
    last_progress,
    step,
    waiting,
)
from tests.waiting import wait_until

MAC = mac_number(1)
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="these signals are POSIX's")
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = desk_in(tmp_path)
    write_profile(desk.profiles / "slow.yaml", baud=SLOW_BAUD)
    desk.import_certificates(PRODUCT_KEY, 6)
    return desk


@pytest.fixture
def fixture() -> Iterator[Fixture]:
    with quick_fixture(unit_number(1)) as fixture:
        yield fixture


def flash(desk: Desk, *ports: str, profile: str = "quick", units: int = 1) -> WatchedStation:
    named = [word for port in ports for word in ("--port", port)]
    return WatchedStation(desk, "flash", desk.profiles / f"{profile}.yaml", *named, "--units", units)


def flash_to_pass(desk: Desk, fixture: Fixture) -> Event:
    """What comes after the end of a process is seen in this one."""
    done = desk.here("flash", desk.profiles / "quick.yaml", "--port", fixture.url, "--units", 1, "--json")
    assert done.code == 0, done
    return done.events[-1]


def holders(desk: Desk) -> dict[str, str]:
    """DeviceName → MAC of every certificate that is not available; each is proven to be in one MAC's hands only."""
    with Ledger.open(desk.data) as ledger:
        rows = [row for row in ledger.certificates("unit") if row.state is not CertificateState.AVAILABLE]
        assert len(ledger.certificates("unit")) == 6
    macs = [row.mac for row in rows]
    assert len(set(macs)) == len(macs)
    return {row.identity.device_name: str(row.mac) for row in rows}


@pytest.mark.parametrize(
    "instant",
    [
        pytest.param(step("identify", "begun"), id="identify"),
        pytest.param(certificate, id="allocate"),
        pytest.param(step("write", "begun"), id="write-begun"),
        pytest.param(first_progress, id="first-progress"),
        pytest.param(last_progress, id="last-progress"),
        pytest.param(step("verify", "begun"), id="verify"),
        pytest.param(step("start", "begun"), id="start"),
        pytest.param(step("record", "begun"), id="record"),
    ],
)
def test_after_a_kill_the_unit_continues_with_the_same_certificate(
    desk: Desk, fixture: Fixture, instant: Callable[[Event], bool]
) -> None:
    with flash(desk, fixture.url) as station:
        station.wait_for(instant)
        station.process.kill()
        station.end()
        before = [event["device_name"] for event in station.events if certificate(event)]
    with Ledger.open(desk.data) as ledger:  # the kill may come after the record and before its verdict is printed
        finished = [run.verdict for run in ledger.runs()] == [Verdict.PASS]
    looked = json.loads(desk.here("doctor", "--json").out)
    if not finished and any(event["event"] == "unit" for event in station.events):
        assert [MAC in finding["seen"] for finding in looked if finding["subject"] == "unfinished"] == [True]
    verdict = flash_to_pass(desk, fixture)
    assert verdict["verdict"] == "PASS"
    assert before in ([], [verdict["device_name"]])
    assert holders(desk) == {verdict["device_name"]: MAC}
    with Ledger.open(desk.data) as ledger:
        assert ledger.unfinished_runs() == []
        last, first = ledger.runs()
        assert last.verdict is Verdict.PASS
        assert finished or (first.verdict, first.code) == (Verdict.ABORTED, Code.INTERRUPTED)


@posix_only
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (getattr(signal, "SIGHUP", 1), 129)]
)
def test_a_signal_in_mid_write_ends_the_run_in_good_order(
    desk: Desk, fixture: Fixture, number: signal.Signals, code: int
) -> None:
    with flash(desk, fixture.url, profile="slow") as station:
        station.wait_for(first_progress)
        station.send(number)
        assert station.end() == code
        *_, verdict, error = station.events
    assert (verdict["event"], verdict["verdict"], verdict["code"]) == ("verdict", "ABORTED", "A01")
    assert (error["event"], error["code"]) == ("error", "A01")
    assert station.said_on_stderr == ""
    assert list((desk.data / "processes").glob("*.lock")) == []
    assert flash_to_pass(desk, fixture)["device_name"] == verdict["device_name"]
    assert holders(desk) == {verdict["device_name"]: MAC}
    with Ledger.open(desk.data) as ledger:
        assert [(run.verdict, run.code) for run in ledger.runs()] == [(Verdict.PASS, None), (Verdict.ABORTED, "A01")]


@posix_only
def test_a_signal_ends_a_station_that_waits_for_a_unit(desk: Desk) -> None:
    with quick_fixture() as empty, flash(desk, empty.url) as station:
        station.wait_for(waiting("insert_unit"))
        station.send(signal.SIGTERM)
        assert station.end() == 143
        assert not any(event["event"] == "verdict" for event in station.events)
        wait_until(lambda: not empty.has_client)


@posix_only
def test_a_person_reads_one_sentence_after_ctrl_c(desk: Desk, fixture: Fixture) -> None:
    process = desk.start("flash", desk.profiles / "slow.yaml", "--port", fixture.url)
    assert process.stdout is not None
    for line in process.stdout:
        if "certificate" in line:
            process.send_signal(signal.SIGINT)
            break
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines() == [
        "station: A01: Stopped by SIGINT. Put the units in hand in again: they continue with the same certificate"
    ]


@posix_only
def test_when_nobody_reads_the_events_any_more_the_station_ends_in_good_order(desk: Desk, fixture: Fixture) -> None:
    process = desk.start("flash", desk.profiles / "slow.yaml", "--port", fixture.url, "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    for line in process.stdout:
        if '"write"' in line:
            break
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 141
    assert said == ""
    with Ledger.open(desk.data) as ledger:
        assert [run.verdict for run in ledger.runs()] == [Verdict.ABORTED]


@linux_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_bench_leaves_no_process_behind(desk: Desk, number: signal.Signals) -> None:
    with WatchedStation(desk, "demo", "--auto", "--lanes", "2") as station:
        station.wait_for(first_progress)
        pid = station.process.pid
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text(encoding="ascii").split()
        ]
        assert children
        station.send(number)
        assert station.end() in {130, -9}
    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))


def test_two_stations_on_one_data_folder_give_different_certificates(desk: Desk) -> None:
    with (
        quick_fixtures(2) as fixtures,
        flash(desk, fixtures[0].url, units=2) as one,
        flash(desk, fixtures[1].url, units=2) as other,
    ):
        stations = (one, other)
        for station in stations:
            station.wait_for(waiting("insert_unit"))
        for number, fixture in enumerate(fixtures, start=1):
            fixture.insert(unit_number(number))
        first = [station.verdict() for station in stations]
        for station, fixture in zip(stations, fixtures, strict=True):
            station.wait_for(waiting("remove_unit"))
            fixture.remove()
        for station in stations:
            station.wait_for(waiting("insert_unit"))
        # The first station's unit goes to the second one, a new unit to the first.
        fixtures[0].insert(unit_number(3))
        fixtures[1].insert(unit_number(1))
        second = [station.verdict() for station in stations]
        assert [station.end() for station in stations] == [0, 0]
    assert second[1]["device_name"] == first[0]["device_name"]
    given = {verdict["mac"]: verdict["device_name"] for verdict in (*first, *second)}
    assert len(set(given.values())) == 3
    assert holders(desk) == {name: mac for mac, name in given.items()}


def test_a_unit_that_a_dead_station_had_goes_on_at_another_port(desk: Desk) -> None:
    with quick_fixtures(2) as fixtures:
        fixtures[0].insert(unit_number(1))
        with flash(desk, fixtures[0].url) as station:
            name = station.wait_for(certificate)["device_name"]
            station.process.kill()
            station.end()
        fixtures[0].remove()
        fixtures[1].insert(unit_number(1))
        assert flash_to_pass(desk, fixtures[1])["device_name"] == name
    assert holders(desk) == {name: MAC}


def test_a_killed_import_leaves_nothing_behind(desk: Desk, tmp_path: Path) -> None:
    csv = tmp_path / "large.csv"
    rows = "".join(f"large-{number:06d},{number:032x},{PRODUCT_KEY}\r\n" for number in range(60_000))
    csv.write_text(f"DeviceName,DeviceSecret,ProductKey\r\n{rows}", encoding="utf-8")
    process = desk.start("batch", "import", csv)
    wal = desk.data / "ledger.sqlite3-wal"
    try:
        wait_until(lambda: wal.exists() and wal.stat().st_size > 500_000)
    finally:
        process.kill()
        process.communicate()
    with Ledger.open(desk.data) as ledger:
        assert [batch.name for batch in ledger.batches()] == ["unit"]
    again = desk.station("batch", "import", csv)
    assert again.code == 0, again.err
