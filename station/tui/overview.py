"""A line, or a factory's lines, at one moment: one frozen value made by a pure function of what the ledger says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from station.certificate import CertificateState
from station.ledger import BatchSummary, RunRow
from station.line.shift_numbers import ShiftNumbers
from station.reports.numbers import Numbers, numbers_of, units_per_hour
from station.tui.cell_text import plain
from station.tui.forecast import done_about
from station.tui.shift_view import RunLine, run_line
from station.verdict import Verdict

if TYPE_CHECKING:
    from station.ledger import LineLook, WorkOrder

RATE_PERIOD: Final = timedelta(hours=1)
"""Units per hour are those of the last hour."""
RATE_SPAN_MIN: Final = timedelta(minutes=3)
"""A shorter time says nothing about an hour."""
SILENT_AFTER: Final = timedelta(minutes=15)
"""A lane that began and ended nothing for so long stands still; a run that is open for so long was broken off."""


@dataclass(frozen=True, slots=True)
class InHand:
    """A unit under way; names are empty while unknown. Texts are harmless."""

    began: datetime
    step: str
    name: str


@dataclass(frozen=True, slots=True)
class LaneNow:
    """One lane: its unit under way, its last finished run within the period, and whether its fixture stands out."""

    station: str
    lane: int
    in_hand: InHand | None
    last: RunLine | None
    stands_out: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the overview shows. `total` is that of all `batches` now made; `numbers` are those of the period."""

    at: datetime
    hours: float
    numbers: Numbers
    total: ShiftNumbers
    batches: tuple[ShiftNumbers, ...]
    """How far each work order is, or batch without one: of that every certificate that is not void is to
    be used. Failures, yield and rate are of the period.
    """
    lanes: tuple[LaneNow, ...]

    @property
    def many_stations(self) -> bool:
        """Whether a lane's number alone does not name it."""
        return len({lane.station for lane in self.lanes}) > 1


def overview(look: LineLook, now: datetime, period: timedelta) -> Overview:
    """Make the overview; times become those of `now`'s zone."""
    numbers = _numbers(look.finished, now - period, now)
    batches = _now_made(look, now - period, now)
    total = ShiftNumbers(
        batch=", ".join(dict.fromkeys(one.batch for one in batches)),
        work_order=None,
        quantity=None if any(one.quantity is None for one in batches) else sum(one.quantity or 0 for one in batches),
        passed=sum(one.passed for one in batches),
        passed_in_shift=numbers.verdicts[Verdict.PASS],
        failed=sum(one.failed for one in batches),
        errors=sum(one.errors for one in batches),
        left=sum({one.batch: one.left for one in batches}.values()),
        wanted=None,
        certificates=sum({one.batch: one.certificates for one in batches}.values()),
        first_pass_yield=numbers.first_pass_yield,
        units_per_hour=_rate(look.finished, now),
    )
    return Overview(now, period / timedelta(hours=1), numbers, total, batches, _lanes(look, numbers, now))


def _numbers(runs: Sequence[RunRow], began: datetime, now: datetime) -> Numbers:
    return numbers_of((run_line(run, now, station=run.station) for run in runs), began, now)


def _rate(runs: Sequence[RunRow], now: datetime) -> float | None:
    """Good units per hour of the last hour, or of the time since its first run began."""
    since = now - RATE_PERIOD
    latest = [run for run in runs if datetime.fromisoformat(run.finished_at or run.started_at) > since]
    if not latest:
        return None
    began = max(since, min(datetime.fromisoformat(run.started_at) for run in latest))
    if now - began < RATE_SPAN_MIN:
        return None
    passes = sum(run.verdict is Verdict.PASS for run in latest)
    return units_per_hour(passes, (now - began) / timedelta(hours=1))


def _now_made(look: LineLook, began: datetime, now: datetime) -> tuple[ShiftNumbers, ...]:
    """What the runs of the period were for, in the order of import; without a run the newest batch with certificates left."""
    numbers = {order.number for order in look.orders}
    of_order: dict[str, list[RunRow]] = {}
    of_batch: dict[str, list[RunRow]] = {}
    for run in (*look.finished, *look.under_way):
        is_known = run.work_order in numbers
        group = of_order.setdefault(run.work_order or "", []) if is_known else of_batch.setdefault(run.batch, [])
        if run.verdict is not None:
            group.append(run)
    if not of_order and not of_batch:
        of_batch = {batch.name: [] for batch in look.batches if batch.left}
        of_batch = dict([*of_batch.items()][-1:])
    made: list[ShiftNumbers] = []
    for batch in look.batches:
        for order in look.orders:
            if order.batch == batch.name and order.number in of_order:
                row = _batch_now(batch, of_order[order.number], began, now)
                made.append(
                    replace(
                        row,
                        work_order=plain(order.number),
                        quantity=order.quantity,
                        passed=order.passed,
                        wanted=_wanted(order, look.orders),
                    )
                )
        if batch.name in of_batch:
            made.append(_batch_now(batch, of_batch[batch.name], began, now))
    return tuple(made)


def _wanted(order: WorkOrder, orders: Sequence[WorkOrder]) -> int | None:
    """Give how many certificates an order and the others of its batch will still take; None where it does not say."""
    return None if order.wanted is None else sum(one.wanted or 0 for one in orders if one.batch == order.batch)


def _batch_now(batch: BatchSummary, own: Sequence[RunRow], began: datetime, now: datetime) -> ShiftNumbers:
    numbers = _numbers(own, began, now)
    return ShiftNumbers(
        batch=plain(batch.name),
        work_order=plain(batch.work_order) if batch.work_order else None,
        quantity=batch.total - batch.counts[CertificateState.VOID],
        passed=batch.passed,
        passed_in_shift=numbers.verdicts[Verdict.PASS],
        failed=numbers.verdicts[Verdict.FAIL],
        errors=numbers.verdicts[Verdict.ERROR],
        left=batch.left,
        wanted=None,
        certificates=batch.total,
        first_pass_yield=numbers.first_pass_yield,
        units_per_hour=_rate(own, now),
    )


def _lanes(look: LineLook, numbers: Numbers, now: datetime) -> tuple[LaneNow, ...]:
    last = {(run.station, run.lane): run for run in look.finished}
    in_hand = {(run.station, run.lane): run for run in look.under_way if _is_latest(run, last, numbers.began)}
    outstanding = {(lane.station, lane.lane) for lane in numbers.lanes if lane.stands_out}
    return tuple(
        LaneNow(
            plain(station),
            lane,
            _in_hand(in_hand[key], now) if key in in_hand else None,
            run_line(last[key], now, station=plain(station)) if key in last else None,
            key in outstanding,
        )
        for key in sorted({*last, *in_hand})
        for station, lane in [key]
    )


def _is_latest(run: RunRow, last: Mapping[tuple[str, int], RunRow], began: datetime) -> bool:
    """Whether an open run is what its lane does: one that was broken off is followed by others, or is old."""
    after = last.get((run.station, run.lane))
    started = datetime.fromisoformat(run.started_at)
    return started >= began and (
        after is None or started >= datetime.fromisoformat(after.finished_at or after.started_at)
    )


def _in_hand(run: RunRow, now: datetime) -> InHand:
    began = datetime.fromisoformat(run.started_at).astimezone(now.tzinfo)
    return InHand(began, plain(run.last_step or ""), plain(run.device_name or run.mac or ""))


def as_object(view: Overview) -> dict[str, Any]:
    """Give the overview for a program: names as the ledger has them, times in ISO 8601."""
    return {
        "event": "overview",
        "at": view.at.isoformat(),
        "hours": view.hours,
        "total": _counts(view.total, view.at),
        "batches": [
            {"batch": one.batch, "work_order": one.work_order, **_counts(one, view.at)} for one in view.batches
        ],
        "lanes": [
            {
                "station": lane.station,
                "lane": lane.lane,
                "under_way": lane.in_hand
                and {"began": lane.in_hand.began.isoformat(), "step": lane.in_hand.step, "unit": lane.in_hand.name},
                "last": lane.last
                and {
                    "at": lane.last.at.isoformat(),
                    "verdict": lane.last.verdict,
                    "code": lane.last.code,
                    "device_name": lane.last.device_name,
                    "mac": lane.last.mac,
                },
                "stands_out": lane.stands_out,
            }
            for lane in view.lanes
        ],
        "failures": {one.code: one.count for one in view.numbers.codes},
        "verdicts": {str(verdict): count for verdict, count in view.numbers.verdicts.items()},
    }


def _counts(one: ShiftNumbers, now: datetime) -> dict[str, Any]:
    done = done_about(one, now)
    return {
        "passed": one.passed,
        "quantity": one.quantity,
        "left": one.left,
        "failed": one.failed,
        "errors": one.errors,
        "first_pass_yield": one.first_pass_yield,
        "units_per_hour": one.units_per_hour,
        "done_about": done and done.isoformat(),
    }
