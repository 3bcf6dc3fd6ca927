"""Statements that go to the driver itself: what comes back is what SQLAlchemy would have given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, create_engine, select, text
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.exc import IntegrityError

from station.ledger import Ledger
from station.ledger.quick import QuickConnection, QuickResult, quick
from station.ledger.schema import STATIONS
from station.verdict import Step, StepState, Verdict
from tests.ledger.making import begin

_ADD = quick(
    text("INSERT INTO stations (station, public_key, login, joined_at) VALUES (:station, :key, '', '2026-11-03')")
)
_OF_NAME = select(STATIONS.c.station, STATIONS.c.public_key).where(STATIONS.c.station == bindparam("of")).limit(1)
_QUICK_OF_NAME = quick(_OF_NAME)
_OF_SOME = quick(select(STATIONS.c.station).where(STATIONS.c.station.in_(bindparam("some", expanding=True))))


@pytest.fixture
def connection(tmp_path: Path) -> QuickConnection:
    engine = create_engine(f"sqlite:///{tmp_path / 'one.sqlite3'}")
    STATIONS.metadata.create_all(engine, tables=[STATIONS])
    return QuickConnection(engine)


def test_a_quick_statement_gives_the_rows_that_the_library_gives(connection: QuickConnection) -> None:
    with connection, connection.begin():
        for name in ("one", "two"):
            connection.execute(_ADD, {"station": name, "key": f"key of {name}"})
        slow = connection.execute(_OF_NAME, {"of": "two"}).one()
        quick_result = connection.execute(_QUICK_OF_NAME, {"of": "two"})
        assert isinstance(quick_result, QuickResult)
        row = quick_result.one()
        assert (row.station, row.public_key) == (slow.station, slow.public_key) == ("two", "key of two")
        assert connection.execute(_QUICK_OF_NAME, {"of": "three"}).first() is None


def test_a_quick_statement_tells_how_many_rows_it_changed(connection: QuickConnection) -> None:
    change = quick(text("UPDATE stations SET public_key = 'other' WHERE station = :of"))
    with connection, connection.begin():
        connection.execute(_ADD, {"station": "one", "key": "key"})
        assert connection.execute(change, {"of": "one"}).rowcount == 1
        assert connection.execute(change, {"of": "two"}).rowcount == 0


def test_what_the_database_refuses_is_told_as_the_library_tells_it_and_without_the_values(
    connection: QuickConnection,
) -> None:
    with connection, connection.begin():
        connection.execute(_ADD, {"station": "one", "key": "key"})
        with pytest.raises(IntegrityError) as refused:
            connection.execute(_ADD, {"station": "one", "key": "not to be told"})
    assert "not to be told" not in str(refused.value)


def test_a_statement_whose_text_is_another_each_time_is_refused(connection: QuickConnection) -> None:
    with connection, pytest.raises(TypeError, match="not the same at every execution"):
        connection.execute(_OF_SOME, {"some": ["one"]})


def test_no_statement_of_a_units_way_is_made_ready_anew(stocked: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    made_ready: list[str] = []
    make_ready: Any = DefaultExecutionContext.__dict__["_init_compiled"].__func__

    def heard(*given: Any, **named: Any) -> Any:
        made_ready.append(str(given[5]))
        return make_ready(*given, **named)

    monkeypatch.setattr(DefaultExecutionContext, "_init_compiled", classmethod(heard))
    run = begin(stocked, 1)
    stocked.allocate(run)
    stocked.begin_installing(run)
    stocked.record_step(run, Step.WRITE, StepState.DONE, 1.0)
    stocked.finish_run(run, Verdict.PASS, seconds=1, code=None, message="")

    assert made_ready == []
