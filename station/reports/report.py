"""A report: everything that is told about a batch or a work order, gathered in one pass over its runs."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final

from station.ledger import JsonValue, Ledger, PastRun, RunScope, SignedHead
from station.reports.numbers import CodeCount, Numbers, Tally, is_bad, units_per_hour
from station.verdict import Verdict

UNITS_SHOWN_MAX: Final = 2000
"""A page with more rows opens slowly; the table for analysts has all."""


@dataclass(frozen=True, slots=True)
class UnitLine:
    """One unit: its last run, how many there were, and the codes of the bad ones before it, oldest first."""

    last: PastRun
    runs: int
    earlier_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """`units` are the last ones, newest first; `units_in_all` counts runs without a MAC as units of their own."""

    scope: RunScope
    made_at: datetime
    numbers: Numbers
    hours_worked: float
    units: tuple[UnitLine, ...]
    units_in_all: int
    head: SignedHead | None
    other_heads: tuple[tuple[str, int, str], ...]

    @property
    def units_per_hour(self) -> float | None:
        """PASS verdicts ÷ hours worked."""
        return units_per_hour(self.numbers.verdicts[Verdict.PASS], self.hours_worked)

    def as_object(self) -> dict[str, JsonValue]:
        """Give all numbers as programs read them: rates 0 to 1, times ISO 8601 in UTC."""
        numbers, scope = self.numbers, self.scope
        return {
            "batch": scope.batch.name,
            "product_key": scope.batch.product_key,
            "work_order": scope.batch.work_order if scope.order is None else scope.order.number,
            "quantity": None if scope.order is None else scope.order.quantity,
            "passed_of_order": None if scope.order is None else scope.order.passed,
            "made_at": _iso(self.made_at),
            "began": _iso(scope.began),
            "until": _iso(scope.until),
            "firmware": list(scope.firmware),
            "certificates": {state.value: count for state, count in scope.batch.counts.items()},
            "certificates_left": scope.batch.left,
            "units": numbers.units,
            "passed_at_once": numbers.passed_at_once,
            "passed_at_last": numbers.passed_at_last,
            "first_pass_yield": numbers.first_pass_yield,
            "final_yield": numbers.final_yield,
            "hours_worked": round(self.hours_worked, 3),
            "units_per_hour": self.units_per_hour,
            "cycle_s": numbers.cycle_s,
            "cycle_p95_s": numbers.cycle_p95_s,
            "repeats": numbers.repeats,
            "verdicts": {verdict.value: count for verdict, count in numbers.verdicts.items()},
            "steps": [{"step": one.step, "median_s": one.median_s, "p95_s": one.p95_s} for one in numbers.steps],
            "codes": _counts(numbers.codes),
            "lanes": [
                {
                    "station": one.station,
                    "lane": one.lane,
                    "runs": one.runs,
                    "bad": one.bad,
                    "stands_out": one.stands_out,
                    "codes": _counts(one.codes),
                }
                for one in numbers.lanes
            ],
            "audit_head": None if self.head is None else self.head.as_object(),
        }


def make_report(ledger: Ledger, name: str) -> Report:
    """Gather the report of a work order or a batch, and sign the audit log as it stands; UsageError when there is none."""
    scope = ledger.history.scope(name)
    now = datetime.now(UTC)
    tally = Tally(scope.began or now, scope.until or now)
    newest: list[tuple[int, UnitLine]] = []
    in_all = 0
    for runs in ledger.history.units(name):
        tally.take_unit(runs)
        in_all += 1
        earlier = tuple(run.code for run in runs[:-1] if run.code and is_bad(run.verdict))
        entry = (runs[-1].id, UnitLine(runs[-1], len(runs), earlier))
        if len(newest) < UNITS_SHOWN_MAX:
            heapq.heappush(newest, entry)
        else:
            heapq.heappushpop(newest, entry)
    head = ledger.sign_head("report")
    return Report(
        scope,
        now,
        tally.numbers(),
        ledger.history.hours_worked(name),
        tuple(line for _, line in sorted(newest, key=itemgetter(0), reverse=True)),
        in_all,
        head,
        tuple(one for one in ledger.history.audit_heads() if one[0] != ledger.station),
    )


def _counts(codes: Sequence[CodeCount]) -> list[JsonValue]:
    return [{"code": one.code, "count": one.count} for one in codes]


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
