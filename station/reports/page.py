"""The report as one page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from importlib.resources import files
from typing import Final

from mako.template import Template
from markupsafe import Markup

from station.ledger import PastRun
from station.reports.numbers import LaneCount, share
from station.reports.plots import Bar, bars, columns, round_top
from station.reports.report import Report
from station.texts import LANGUAGES, Texts
from station.verdict import Verdict

_TEMPLATE: Final = "report.mako"
_SCRIPT: Final = "report.js"
_STYLE: Final = "report.css"
_CODES_OF_LANES_MAX: Final = 8
"""Columns of the table of lanes: as many as have room on paper."""


def report_page(report: Report, texts: Texts) -> str:
    """Give the page as HTML. Whatever the ledger holds stands in it as text: no name can become markup or a script."""
    script, zone = _read(_SCRIPT), _local_zone(report)
    # Every expression is escaped, except what is Markup already.
    template = Template(_read(_TEMPLATE), default_filters=["h"], strict_undefined=True)  # noqa: S702  as said
    page: str = template.render_unicode(
        report=report,
        say=texts.say,
        texts=texts,
        head=_head(script),
        script=Markup(script),  # noqa: S704  our own file
        style=Markup(_read(_STYLE)),  # noqa: S704  as above
        tiles=_tiles(report, texts),
        plots=_plots(report, texts),
        moment=lambda at: _moment(at, zone),
        zone=str(zone),
        why=lambda run: _why(run, texts),
        lane_names=_lane_names(report.numbers.lanes, texts),
        codes_of_lanes=report.numbers.codes[:_CODES_OF_LANES_MAX],
        symbols=_SYMBOLS,
    )
    return page


_SYMBOLS: Final = {Verdict.PASS: "✔", Verdict.FAIL: "✘", Verdict.ERROR: "▲", Verdict.ABORTED: "■"}


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _head(script: str) -> Markup:
    """The browser runs this script and no other, and fetches nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">')  # noqa: S704  made here


def _tiles(report: Report, texts: Texts) -> list[tuple[str, str, str]]:
    """The numbers at the top: what it is, the figure, its definition."""
    numbers, say = report.numbers, texts.say
    define = {key.removeprefix("report.define."): text for key, text in texts.sentences.items()}
    cycle, p95 = (
        "–" if seconds is None else say("pane.seconds", seconds=f"{seconds:.1f}")
        for seconds in (numbers.cycle_s, numbers.cycle_p95_s)
    )
    rate = "–" if report.units_per_hour is None else f"{report.units_per_hour:.0f}"
    return [
        (say("report.units"), f"{numbers.units}", define["units"]),
        (say("report.passed"), f"{numbers.passed_at_last}", define["passed"]),
        (say("report.first_pass"), _percent(numbers.first_pass_yield), define["first_pass"]),
        (say("report.final"), _percent(numbers.final_yield), define["final"]),
        (say("report.units_per_hour"), rate, define["units_per_hour"]),
        (say("report.worked_h"), f"{report.hours_worked:.1f}", define["worked_h"]),
        (say("report.cycle"), cycle, define["cycle"]),
        (say("report.cycle_p95"), p95, define["cycle_p95"]),
        (say("report.repeats"), f"{numbers.repeats}", define["repeats"]),
        (say("report.left"), f"{report.scope.batch.left} / {report.scope.batch.total}", define["left"]),
    ]


def _plots(report: Report, texts: Texts) -> dict[str, tuple[str, Markup]]:
    """Each plot with its title."""
    numbers, say = report.numbers, texts.say
    minutes, zone = numbers.bin_minutes, _local_zone(report)
    form = "%m-%d" if minutes >= 1440 else "%m-%d %H:%M"
    labels = [one.start.astimezone(zone).strftime(form) for one in numbers.bins]
    length = _length(minutes, texts)
    per_hour = [one.passed * 60 / minutes for one in numbers.bins]
    yields = [None if (part := share(one.passed_at_once, one.seen)) is None else part * 100 for one in numbers.bins]
    slowest = max((one.p95_s for one in numbers.steps), default=0.0) or 1.0
    steps = [
        Bar(
            texts.sentences.get(f"step.{one.step}", one.step),
            one.median_s / slowest,
            f"{one.median_s:.2f} · {one.p95_s:.2f} s",
            tick=one.p95_s / slowest,
        )
        for one in numbers.steps
    ]
    rate_title, yield_title = say("report.uph_plot", length=length), say("report.fpy_plot", length=length)
    lanes, stations = _share_bars(numbers.lanes, texts), _share_bars(_stations(numbers.lanes), texts)
    return {
        "per_hour": (rate_title, columns(rate_title, per_hour, labels, top=round_top(max([10.0, *per_hour])), unit="")),
        "yields": (yield_title, columns(yield_title, yields, labels, top=100.0, unit=" %")),
        "steps": (say("report.steps"), bars(say("report.steps"), steps)),
        "codes": (say("report.by_code"), bars(say("report.by_code"), _code_bars(report, texts))),
        "lanes": (say("report.by_lane"), bars(say("report.by_lane"), lanes)),
        "stations": (say("report.by_station"), bars(say("report.by_station"), stations)),
    }


def _length(minutes: int, texts: Texts) -> str:
    if minutes >= 1440:
        return texts.say("report.days", count=minutes // 1440)
    return (
        texts.say("report.hours", count=minutes // 60) if minutes >= 60 else texts.say("report.minutes", count=minutes)
    )


def _code_bars(report: Report, texts: Texts) -> list[Bar]:
    codes = report.numbers.codes
    total, so_far, entries = sum(one.count for one in codes), 0, []
    for one in codes:
        so_far += one.count
        words = f"{one.count} · {so_far / total * 100:.0f} %"
        entries.append(Bar(texts.titled(one.code), one.count / codes[0].count, words))
    return entries


def _stations(lanes: tuple[LaneCount, ...]) -> list[LaneCount]:
    runs: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for one in lanes:
        runs[one.station] += one.runs
        bad[one.station] += one.bad
    return [LaneCount(0, runs[station], bad[station], station=station) for station in sorted(runs)]


def _share_bars(counts: Sequence[LaneCount], texts: Texts) -> list[Bar]:
    worst = max((one.share_bad for one in counts), default=0.0) or 1.0
    names = _lane_names(counts, texts)
    entries = []
    for one, label in zip(counts, names, strict=True):
        words = f"{one.bad} / {one.runs} · {one.share_bad * 100:.1f} %" + (" ▲" if one.stands_out else "")
        entries.append(Bar(label, one.share_bad / worst, words, one.stands_out))
    return entries


def _lane_names(counts: Sequence[LaneCount], texts: Texts) -> list[str]:
    """Name lanes, with their stations where there are several; lane 0 is a whole station."""
    several = len({one.station for one in counts}) > 1
    names = []
    for one in counts:
        lane = f"{texts.say('report.lane')} {one.lane}" if one.lane else ""
        names.append(f"{one.station} {lane}".strip() if several or not lane else lane)
    return names


def _why(run: PastRun, texts: Texts) -> str:
    """Say why a unit did not pass; the record is in English."""
    failure = texts.failure(run.code)
    return run.message if failure is None or texts.language == LANGUAGES[0] else failure.cause


def _local_zone(report: Report) -> tzinfo:
    """The PC's zone when the report was made, as a fixed difference: the same for all of its times."""
    return timezone(report.made_at.astimezone().utcoffset() or timedelta())


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.1f} %"


def _moment(at: datetime | None, zone: tzinfo) -> str:
    return "–" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
