"""Stations from which one protection is taken away while they run: what the judge must see."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from station.ledger import Ledger
from station.ledger.audit import Change, Trail, iso_utc
from tests.simulation.plan import Plan, plan_of
from tests.simulation.power import LEDGER
from tests.simulation.run import template
from tests.simulation.sweep import instant_swaps, power_cuts_of_one_unit

_begin_installing: Final = Ledger.begin_installing
_finish_run: Final = Ledger.finish_run
FEW_SEEDS: Final = 10


def few_seeds() -> Iterator[Plan]:
    """Give the plans of the first seeds."""
    return map(plan_of, range(FEW_SEEDS))


@dataclass(frozen=True, slots=True)
class Mutation:
    """`taken_away` patches the station's code; `without` is a constraint that its database lacks; `seen` is what comes of it.

    `plans` are those that need the protection.
    """

    name: str
    seen: str
    taken_away: Callable[[], AbstractContextManager[object]] = nullcontext
    without: str = ""
    plans: Callable[[], Iterable[Plan]] = few_seeds

    def data(self, folder: Path) -> Path | None:
        """Make the data folder that the mutant's first process finds; None for the usual one."""
        if not self.without:
            return None
        data = folder / "data"
        shutil.copytree(template(), data)
        drop_unique(data / LEDGER, self.without)
        return data


def drop_unique(ledger: Path, name: str) -> None:
    """Take a unique index or a unique constraint out of a ledger in which no certificate is yet."""
    with closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = ?", (name,)).fetchone()
        if found:
            connection.execute(f"DROP INDEX {name}")
            return
        whole = (
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'certificates' AND sql IS NOT NULL ORDER BY type <> 'table'"
        )
        table, *others = [sql for (sql,) in connection.execute(whole)]
        less, times = re.subn(rf",\s*CONSTRAINT {name} UNIQUE \([^)]*\)", "", table)
        if times != 1:
            raise ValueError(f"the certificates have no unique constraint {name}")
        connection.execute("DROP TABLE certificates")
        for sql in (less, *others):
            connection.execute(sql)


def _journal_after_write() -> AbstractContextManager[object]:
    """The certificate is bound only when all is over."""

    def nothing(_ledger: Ledger, _run_id: int) -> None:
        return None

    def finish_run(ledger: Ledger, run_id: int, *words: Any, **named: Any) -> None:
        _begin_installing(ledger, run_id)
        _finish_run(ledger, run_id, *words, **named)

    return patch.multiple(Ledger, begin_installing=nothing, finish_run=finish_run)


def _installing_may_be_lost() -> AbstractContextManager[object]:
    """The certificate is bound, but the commit is not on the disk when its bytes leave the PC."""

    def begin_installing(ledger: Ledger, run_id: int) -> None:
        changing = ledger._changing
        with patch.object(ledger.recorder, "_changing", lambda **_: changing(durable=False)):
            _begin_installing(ledger, run_id)

    return patch.object(Ledger, "begin_installing", begin_installing)


def _nobody_asks_again() -> AbstractContextManager[object]:
    return patch("station.line.walk._require_same_unit", lambda _passage: None)


def _events_in_their_own_transaction() -> AbstractContextManager[object]:
    """What changed is committed first, and its events after it."""

    @contextmanager
    def changing(ledger: Ledger, **options: Any) -> Iterator[Change]:
        with ledger._database.writing(**options) as connection:
            now = iso_utc(ledger._clock())
            dialect = ledger._database.dialect
            trail = Trail(connection, dialect, ledger.station, now, ledger.operators.signed_in, ledger.proof.signer)
            yield Change(connection, now, trail, dialect, ledger._processes.is_mine)
        with ledger._database.writing() as connection:
            trail._connection = connection
            trail.close()
        if trail.written is not None:
            ledger.proof.committed(trail.written, durable=True)

    return patch.object(Ledger, "_changing", changing)


def _what_units_bring_stays_available() -> AbstractContextManager[object]:
    return patch.multiple("station.ledger.carried", _FREE=(), _seen_in=lambda _connection, _row: None)


def units_that_bring() -> Iterator[Plan]:
    """Give plans in which one unit comes with a certificate that others are soon given."""
    for seed in range(1, 2 * FEW_SEEDS, 2):  # an odd one: nobody decides on it until all the others have passed
        yield Plan(seed, fixtures=1, foreign_units=1, carried=2)


MUTATIONS: Final = (
    Mutation("no journal before the write", "I1: bytes of .* leave the PC", _journal_after_write),
    Mutation(
        "journal not on the disk", "I1: bytes of .* have reached", _installing_may_be_lost, plans=power_cuts_of_one_unit
    ),
    Mutation("MAC not asked again", "I1: bytes of .* leave the PC", _nobody_asks_again, plans=instant_swaps),
    Mutation("events in a transaction of their own", "I[135]: ", _events_in_their_own_transaction),
    Mutation(
        "what units bring stays available",
        "I1: .* has reached",
        _what_units_bring_stays_available,
        plans=units_that_bring,
    ),
    Mutation("two live certificates of one MAC", "not refuse: I2: a MAC", without="certificates_one_live_per_mac"),
    Mutation("one DeviceName twice", "not refuse: I1: a DeviceName", without="certificates_identity_unique"),
    Mutation("one DeviceSecret twice", "not refuse: I1: a DeviceSecret", without="certificates_secret_unique"),
)
