"""The numbers of a line, made of its finished runs: the one place that knows what first-pass yield and the others are.

The sentences that define them for people are `report.define.*` in the catalogues of texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from station.verdict import Step, Verdict

BIN_MINUTES: Final = (5, 10, 15, 30, 60, 120, 240, 480, 1440, 10080, 43200)
"""How long one column of a plot may be."""
BINS_MAX: Final = 30
SUSPICIOUS_BAD_MIN: Final = 3
SUSPICIOUS_TIMES: Final = 2.0
"""A lane stands out when it has at least so many bad runs, and so many times the share that all other lanes have."""
UPH_UNITS_MIN: Final = 5
"""Fewer units than this say nothing about an hour."""
_HUNDREDTHS: Final = 100


class FinishedRun(Protocol):
    """What the numbers need of a run. `at` is when it ended; `mac` is empty where the unit could not say who it is."""

    @property
    def at(self) -> datetime: ...
    @property
    def station(self) -> str: ...
    @property
    def lane(self) -> int: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def mac(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def code(self) -> str | None: ...
    @property
    def steps_s(self) -> Mapping[str, float]: ...


def judges_unit(verdict: Verdict) -> bool:
    """Whether a run says something about its unit: a station's fault and a stop by hand do not."""
    return verdict in (Verdict.PASS, Verdict.FAIL)


def is_bad(verdict: Verdict) -> bool:
    """Whether a run counts as a failure, of the unit or of the station."""
    return verdict in (Verdict.FAIL, Verdict.ERROR)


def share(part: int, whole: int) -> float | None:
    """0 to 1; None of nothing."""
    return part / whole if whole else None


def units_per_hour(passes: int, hours: float) -> float | None:
    """PASS verdicts ÷ hours, once it means something."""
    return passes / hours if passes >= UPH_UNITS_MIN and hours > 0 else None


class Durations:
    """Seconds in hundredths: quantiles of any number of them in the memory of the different ones."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def take(self, seconds: float) -> None:
        self._counts[round(seconds * _HUNDREDTHS)] += 1

    def quantile(self, wanted: float) -> float | None:
        """Give the seconds that a share `wanted` (0 to 1) does not exceed; the middle of two where it falls between them."""
        total = self._counts.total()
        if not total:
            return None
        place = wanted * (total - 1)
        low = self._at(int(place))
        high = self._at(min(total - 1, int(place) + 1))
        return round((low + (high - low) * (place - int(place))) / _HUNDREDTHS, 3)

    def _at(self, place: int) -> int:
        for value in sorted(self._counts):
            place -= self._counts[value]
            if place < 0:
                return value
        return 0


@dataclass(frozen=True, slots=True)
class StepTime:
    """How long a step took in runs that passed: median, and what 95 % do not exceed."""

    step: str
    median_s: float
    p95_s: float


@dataclass(frozen=True, slots=True)
class CodeCount:
    """How often a failure came."""

    code: str
    count: int


@dataclass(frozen=True, slots=True)
class LaneCount:
    """A lane's runs; `stands_out` when its share of bad ones is far above that of the others."""

    lane: int
    runs: int
    bad: int
    stands_out: bool = False
    station: str = ""
    codes: tuple[CodeCount, ...] = ()
    """What failed on it, most often first."""

    @property
    def share_bad(self) -> float:
        """0 to 1."""
        return share(self.bad, self.runs) or 0.0


@dataclass(frozen=True, slots=True)
class Bin:
    """A stretch of time: runs passed in it; of the units first seen in it, how many and how many passed at once."""

    start: datetime
    passed: int
    seen: int
    passed_at_once: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """All of them. `units` are those with a PASS or FAIL; `repeats` are their runs after the first."""

    began: datetime
    until: datetime
    verdicts: Mapping[Verdict, int]
    units: int
    passed_at_once: int
    passed_at_last: int
    repeats: int
    codes: tuple[CodeCount, ...]
    """Most often first."""
    lanes: tuple[LaneCount, ...]
    bins: tuple[Bin, ...]
    bin_minutes: int
    cycle_s: float | None
    """Median of the seconds of runs that passed."""
    cycle_p95_s: float | None
    steps: tuple[StepTime, ...]

    @property
    def first_pass_yield(self) -> float | None:
        """Units that passed at their first run ÷ units seen, 0 to 1."""
        return share(self.passed_at_once, self.units)

    @property
    def final_yield(self) -> float | None:
        """Units whose last run passed ÷ units seen, 0 to 1."""
        return share(self.passed_at_last, self.units)

    @property
    def runs(self) -> int:
        return sum(self.verdicts.values())


class Tally:
    """Counts unit by unit; its memory does not grow with them."""

    def __init__(self, began: datetime, until: datetime) -> None:
        self._began, self._until = began, until
        self._minutes = bin_minutes(until - began)
        width = timedelta(minutes=self._minutes)
        number = max(1, -(-(until - began) // width))
        self._width = width
        self._passed, self._seen, self._at_once = [0] * number, [0] * number, [0] * number
        self._verdicts: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
        self._at_last = self._repeats = 0
        self._lane_codes: dict[tuple[str, int], Counter[str]] = {}
        self._lane_runs: Counter[tuple[str, int]] = Counter()
        self._lane_bad: Counter[tuple[str, int]] = Counter()
        self._cycle = Durations()
        self._steps: dict[str, Durations] = {}

    def take_unit(self, runs: Sequence[FinishedRun]) -> None:
        """Count one unit's runs, oldest first; or one run of a unit that could not say who it is."""
        for run in runs:
            self._take_run(run)
        judged = [run for run in runs if judges_unit(run.verdict) and run.mac]
        if judged:
            first, last = judged[0], judged[-1]
            place = self._place(first.at)
            self._seen[place] += 1
            self._at_once[place] += first.verdict is Verdict.PASS
            self._at_last += last.verdict is Verdict.PASS
            self._repeats += len(judged) - 1

    def numbers(self) -> Numbers:
        """Give what was counted."""
        bins = tuple(
            Bin(self._began + self._width * place, *counts)
            for place, counts in enumerate(zip(self._passed, self._seen, self._at_once, strict=True))
        )
        codes: Counter[str] = sum(self._lane_codes.values(), Counter())
        return Numbers(
            began=self._began,
            until=self._until,
            verdicts=dict(self._verdicts),
            units=sum(self._seen),
            passed_at_once=sum(self._at_once),
            passed_at_last=self._at_last,
            repeats=self._repeats,
            codes=_most_often_first(codes),
            lanes=self._lanes(),
            bins=bins,
            bin_minutes=self._minutes,
            cycle_s=self._cycle.quantile(0.5),
            cycle_p95_s=self._cycle.quantile(0.95),
            steps=tuple(self._step_times()),
        )

    def _take_run(self, run: FinishedRun) -> None:
        self._verdicts[run.verdict] += 1
        lane = (run.station, run.lane)
        self._lane_runs[lane] += 1
        self._lane_bad[lane] += is_bad(run.verdict)
        if run.code and is_bad(run.verdict):
            self._lane_codes.setdefault(lane, Counter())[run.code] += 1
        if run.verdict is Verdict.PASS:
            self._passed[self._place(run.at)] += 1
            self._cycle.take(run.seconds)
            for step, seconds in run.steps_s.items():
                self._steps.setdefault(step, Durations()).take(seconds)

    def _place(self, at: datetime) -> int:
        return min(len(self._passed) - 1, max(0, (at - self._began) // self._width))

    def _lanes(self) -> tuple[LaneCount, ...]:
        runs, bad = self._lane_runs, self._lane_bad
        counts = []
        for lane in sorted(runs):
            other_runs, other_bad = runs.total() - runs[lane], bad.total() - bad[lane]
            usual = other_bad / other_runs if other_runs else 1.0
            stands_out = bad[lane] >= SUSPICIOUS_BAD_MIN and bad[lane] / runs[lane] > SUSPICIOUS_TIMES * usual
            codes = _most_often_first(self._lane_codes.get(lane, Counter()))
            counts.append(LaneCount(lane[1], runs[lane], bad[lane], stands_out, lane[0], codes))
        return tuple(counts)

    def _step_times(self) -> Iterable[StepTime]:
        for step in Step:
            durations = self._steps.get(step, Durations())
            middle, p95 = durations.quantile(0.5), durations.quantile(0.95)
            if middle is not None and p95 is not None:
                yield StepTime(step.value, middle, p95)


def _most_often_first(codes: Counter[str]) -> tuple[CodeCount, ...]:
    return tuple(CodeCount(code, count) for code, count in sorted(codes.items(), key=lambda item: (-item[1], item[0])))


def bin_minutes(length: timedelta) -> int:
    """Give how long a column is, so that at most `BINS_MAX` stand side by side."""
    minutes = length.total_seconds() / 60
    return next((one for one in BIN_MINUTES if minutes / one <= BINS_MAX), BIN_MINUTES[-1])


def numbers_of(runs: Iterable[FinishedRun], began: datetime, until: datetime) -> Numbers:
    """Give the numbers of runs, oldest first, that all fit into memory; times in one zone."""
    tally = Tally(began, until)
    for unit in _by_unit(runs):
        tally.take_unit(unit)
    return tally.numbers()


def _by_unit(runs: Iterable[FinishedRun]) -> list[list[FinishedRun]]:
    """Sort runs, oldest first, to their units; a run without a MAC stands alone."""
    units: dict[str, list[FinishedRun]] = {}
    alone: list[list[FinishedRun]] = []
    for run in runs:
        if run.mac:
            units.setdefault(run.mac, []).append(run)
        else:
            alone.append([run])
    return [*units.values(), *alone]
