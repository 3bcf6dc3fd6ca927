"""What the shift has done so far, as one frozen value made from its runs by a pure function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from station.ledger import RunRow
from station.reports.numbers import Numbers, numbers_of, units_per_hour
from station.tui.cell_text import half_width, plain
from station.verdict import Verdict

_NO_STEPS: Final[Mapping[str, float]] = MappingProxyType({})


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
    station: str = ""
    """Empty: the shift is one station's."""
    serial_number: str = ""

    @property
    def name(self) -> str:
        """Its DeviceName, or its MAC while it has none."""
        return self.device_name or self.mac

    @property
    def steps_s(self) -> Mapping[str, float]:
        return _NO_STEPS

    def is_meant_by(self, words: str) -> bool:
        """Whether what was typed or scanned is part of its names, whatever case and colons."""
        wanted = half_width(words).lower()
        bare = wanted.replace(":", "").replace("-", "")
        named = any(wanted in name.lower() for name in (self.device_name, self.serial_number))
        named = named or wanted == (self.code or "").lower()
        return named or (bool(bare) and bare in self.mac.replace(":", ""))


@dataclass(frozen=True, slots=True)
class ShiftView:
    """Everything that looking back and the end of the shift show."""

    numbers: Numbers
    runs: tuple[RunLine, ...] = ()
    """Who ended last stands first."""
    earlier: tuple[RunLine, ...] = ()

    @property
    def units_per_hour(self) -> float | None:
        """Good units per hour of the shift."""
        numbers = self.numbers
        hours = (numbers.until - numbers.began).total_seconds() / 3600
        return units_per_hour(numbers.verdicts[Verdict.PASS], hours)


def shift_view(runs: Sequence[RunRow], earlier: Sequence[RunRow], began: datetime, until: datetime) -> ShiftView:
    """Make the view; runs come with the newest first, times become those of `until`'s zone."""
    lines = tuple(run_line(run, until) for run in runs)
    numbers = numbers_of(reversed(lines), began.astimezone(until.tzinfo), until)
    before = (run_line(run, until) for run in earlier)
    return ShiftView(numbers, _last_ended_first(lines), _last_ended_first(before))


def _last_ended_first(lines: Iterable[RunLine]) -> tuple[RunLine, ...]:
    return tuple(sorted(lines, key=lambda line: line.at, reverse=True))


def run_line(run: RunRow, until: datetime, *, station: str = "") -> RunLine:
    """Make a finished run's line, with its time in the zone of `until`."""
    ended = datetime.fromisoformat(run.finished_at or run.started_at).astimezone(until.tzinfo)
    verdict = run.verdict or Verdict.ABORTED
    return RunLine(
        ended,
        run.lane,
        verdict,
        plain(run.device_name or ""),
        plain(run.mac or ""),
        run.seconds or 0.0,
        plain(run.code) if run.code else None,
        station=station,
        serial_number=plain(run.serial_number or ""),
    )
