"""A server that was restored, or whose standby took over, gives nothing out before every station has looked at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from station.cli.context import Session
from station.cli.finding import Health
from station.cli.ledger_looks import look_at_ledger
from station.errors import Code, LedgerFault, UsageError
from station.ledger import Ledger
from station.ledger.event_kind import EventKind
from tests.ledger.making import begin, name, write_csv
from tests.ledger.postgresql_server import Server, new_database
from tests.ledger.test_factory import join
from tests.ledger.test_gap import passed

Open = Callable[..., Ledger]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of these tests' own, which they may restore."""
    with closing(Server()) as server:
        yield server


@pytest.fixture
def url(server: Server) -> str:
    """A database of the test's own."""
    return new_database(server.url)


@pytest.fixture
def station(url: str, tmp_path: Path) -> Iterator[Open]:
    """Opens the ledger as station `a` or `b`; `a` has imported certificates 1 to 10."""
    with Ledger.open(tmp_path / "a", url=url) as first:
        first.import_batch(write_csv(tmp_path / "batch.csv", range(1, 11)))
        Ledger.open(join(first, tmp_path / "b"), url=url).close()
    with ExitStack() as opened:
        yield lambda name, **more: opened.enter_context(Ledger.open(tmp_path / name, url=url, **more))


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(LedgerFault) as caught:
        act()
    assert caught.value.code is Code.LEDGER_BEHIND
    return f"{caught.value}"


def test_what_one_station_used_after_the_restore_point_no_other_one_is_given(server: Server, station: Open) -> None:
    a, b = station("a"), station("b")
    a_name, b_name = a.station, b.station
    passed(a, 1)
    a.close()
    b.close()
    server.back_up()
    b = station("b")
    assert passed(b, 2) == name(2)
    b.close()

    server.restore()
    a = station("a")
    assert b_name in refused(a.recorder.require_server)
    assert "events are missing" in refused(lambda: station("b"))
    assert b_name in refused(a.recorder.require_server)
    b = station("b", despite_gap=True)
    b.accept_gap(reason="disk failed", operator="Wang")

    a.recorder.require_server()
    assert passed(a, 3) not in {name(1), name(2)}
    assert {one.station for one in a.audit_events() if one.kind == EventKind.SERVER_CONFIRMED} == {a_name, b_name}


def test_a_takeover_without_loss_is_over_when_every_station_was_started(server: Server, station: Open) -> None:
    a = station("a")
    station("b").close()
    run = begin(a, 1)
    a.sign_head("test")

    server.take_over()
    refused(a.recorder.require_server)
    refused(lambda: a.allocate(run))
    station("b").close()
    a.recorder.require_server()

    assert a.allocate(run).certificate.identity.device_name == name(1)
    assert a.left("batch") == 9


def test_the_doctor_names_the_stations_that_are_waited_for(
    server: Server, url: str, station: Open, tmp_path: Path
) -> None:
    a, b = station("a"), station("b")
    engineer = Session(tmp_path / "a", ledger_url=url)
    server.take_over()
    a.server.require_seen()

    (told,) = [one for one in look_at_ledger(engineer) if one.health is Health.BAD]
    assert (told.subject, "station recover --release STATION" in told.mend) == ("factory", True)
    assert told.seen.endswith(f"looked at it: {b.station}")

    b.server.require_seen()
    assert not [one for one in look_at_ledger(engineer) if one.health is Health.BAD]


def test_a_station_that_runs_is_not_waited_for(server: Server, station: Open) -> None:
    a, b = station("a"), station("b")
    server.take_over()

    b.server.require_seen()
    a.recorder.require_server()

    assert a.allocate(begin(a, 1)).certificate.identity.device_name == name(1)


def test_a_running_station_whose_events_are_gone_writes_nothing_more(server: Server, station: Open) -> None:
    a = station("a")
    server.back_up()
    passed(a, 1)
    server.restore()

    assert "events are missing" in refused(a.recorder.require_server)
    assert a.newest_events(1)[0].kind != EventKind.SERVER_CONFIRMED


def test_a_restart_is_no_takeover(server: Server, station: Open) -> None:
    a = station("a")
    server.kill()
    server.start()

    a.recorder.require_server()
    assert a.server.missing() == []


def test_a_line_lead_lets_go_of_a_station_that_is_gone(server: Server, station: Open) -> None:
    b = station("b")
    b_name = b.station
    b.allocate(begin(b, 1))
    b.sign_head("test")
    b.close()
    server.take_over()
    a = station("a")

    with pytest.raises(UsageError, match="nobody waits"):
        a.server.release("z", skip=0, reason="burnt", operator="Wang")
    done = a.server.release(b_name, skip=2, reason="burnt", operator="Wang")

    assert (done.skipped, done.bound) == ({"batch": 2}, (name(1),))
    assert passed(a, 3) == name(4)
    (told,) = [one for one in a.audit_events() if one.kind == EventKind.STATION_RELEASED]
    assert (told.operator, told.data["of_station"], told.data["reason"]) == ("Wang", b_name, "burnt")
