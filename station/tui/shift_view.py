"""What the shift has done so far, as one frozen value made from its runs by a pure function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from station.ledger import RunRow
from station.tui.cell_text import half_width, plain
from station.verdict import Verdict

BIN_MINUTES: Final = (5, 10, 15, 30, 60, 120)
"""How long one column of a plot may be."""
BINS_MAX: Final = 30
SUSPICIOUS_BAD_MIN: Final = 3
SUSPICIOUS_TIMES: Final = 2.0
"""A lane stands out when it has at least so many bad runs, and so many times the share that all other lanes have."""
UPH_UNITS_MIN: Final = 5
"""Fewer units than this say nothing about an hour."""


@dataclass(frozen=True, slots=True)
class RunLine:
    """One finished run; `at` is when it ended, on the wall clock of the place. Texts are harmless."""

    at: datetime
    lane: int
    verdict: Verdict
    device_name: str
    mac: str
    seconds: float
    code: str | None
    operator: str

    def is_meant_by(self, words: str) -> bool:
        """Whether what was typed or scanned is part of its names, whatever case and colons."""
        wanted = half_width(words).lower()
        bare = wanted.replace(":", "").replace("-", "")
        named = wanted in self.device_name.lower() or wanted == (self.code or "").lower()
        return named or (bool(bare) and bare in self.mac.replace(":", ""))


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

    @property
    def share_bad(self) -> float:
        """0 to 1."""
        return self.bad / self.runs if self.runs else 0.0


@dataclass(frozen=True, slots=True)
class Bin:
    """A stretch of the shift: units passed in it; of the units first seen in it, how many and how many passed at once."""

    start: datetime
    passed: int
    seen: int
    passed_at_once: int


@dataclass(frozen=True, slots=True)
class ShiftView:
    """Everything that looking back and the end of the shift show."""

    began: datetime
    until: datetime
    runs: tuple[RunLine, ...] = ()
    """Newest first."""
    earlier: tuple[RunLine, ...] = ()
    codes: tuple[CodeCount, ...] = ()
    """Most often first."""
    lanes: tuple[LaneCount, ...] = ()
    bins: tuple[Bin, ...] = ()
    bin_minutes: int = BIN_MINUTES[0]

    def count(self, verdict: Verdict) -> int:
        return sum(run.verdict is verdict for run in self.runs)

    @property
    def units(self) -> int:
        """Units seen: those of the first runs."""
        return sum(one.seen for one in self.bins)

    @property
    def first_pass_yield(self) -> float | None:
        """Units that passed at their first run ÷ units seen, 0 to 1."""
        return sum(one.passed_at_once for one in self.bins) / self.units if self.units else None

    @property
    def units_per_hour(self) -> float | None:
        hours = (self.until - self.began).total_seconds() / 3600
        passed = self.count(Verdict.PASS)
        return passed / hours if passed >= UPH_UNITS_MIN and hours > 0 else None

    @property
    def cycle_s(self) -> float | None:
        """Median of the seconds that a good unit takes."""
        seconds = [run.seconds for run in self.runs if run.verdict is Verdict.PASS]
        return median(seconds) if seconds else None


def shift_view(runs: Sequence[RunRow], earlier: Sequence[RunRow], began: datetime, until: datetime) -> ShiftView:
    """Make the view; runs come newest first, times become those of `until`'s zone."""
    zone = until.tzinfo
    lines = tuple(_line(run, until) for run in runs)
    began = began.astimezone(zone)
    minutes = _bin_minutes(until - began)
    return ShiftView(
        began,
        until,
        lines,
        tuple(_line(run, until) for run in earlier),
        _codes(lines),
        _lanes(lines),
        _bins(lines, began, until, minutes),
        minutes,
    )


def _line(run: RunRow, until: datetime) -> RunLine:
    ended = datetime.fromisoformat(run.finished_at or run.started_at).astimezone(until.tzinfo)
    verdict = run.verdict or Verdict.ABORTED
    code = plain(run.code) if run.code else None
    seconds = run.seconds or 0.0
    return RunLine(
        ended, run.lane, verdict, plain(run.device_name or ""), plain(run.mac or ""), seconds, code, plain(run.operator)
    )


def _is_bad(run: RunLine) -> bool:
    return run.verdict in (Verdict.FAIL, Verdict.ERROR)


def _codes(lines: Sequence[RunLine]) -> tuple[CodeCount, ...]:
    counted = Counter(run.code for run in lines if run.code and _is_bad(run))
    return tuple(
        CodeCount(code, count) for code, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    )


def _lanes(lines: Sequence[RunLine]) -> tuple[LaneCount, ...]:
    runs = Counter(run.lane for run in lines)
    bad = Counter(run.lane for run in lines if _is_bad(run))
    counts = []
    for lane in sorted(runs):
        other_runs, other_bad = runs.total() - runs[lane], bad.total() - bad[lane]
        usual = other_bad / other_runs if other_runs else 1.0
        stands_out = bad[lane] >= SUSPICIOUS_BAD_MIN and bad[lane] / runs[lane] > SUSPICIOUS_TIMES * usual
        counts.append(LaneCount(lane, runs[lane], bad[lane], stands_out))
    return tuple(counts)


def _bin_minutes(length: timedelta) -> int:
    minutes = length.total_seconds() / 60
    return next((one for one in BIN_MINUTES if minutes / one <= BINS_MAX), BIN_MINUTES[-1])


def _bins(lines: Sequence[RunLine], began: datetime, until: datetime, minutes: int) -> tuple[Bin, ...]:
    width = timedelta(minutes=minutes)
    number = max(1, -(-(until - began) // width))
    passed, seen, at_once = [0] * number, [0] * number, [0] * number
    known: set[str] = set()
    for run in reversed(lines):
        place = min(number - 1, max(0, (run.at - began) // width))
        passed[place] += run.verdict is Verdict.PASS
        if run.mac and run.mac not in known and run.verdict in (Verdict.PASS, Verdict.FAIL):
            known.add(run.mac)
            seen[place] += 1
            at_once[place] += run.verdict is Verdict.PASS
    return tuple(Bin(began + width * place, passed[place], seen[place], at_once[place]) for place in range(number))
