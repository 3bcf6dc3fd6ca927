"""The pages of looking back, painted from the shift's view: pure, from the view, the texts and the room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from station.ledger import AuditEvent
from station.reports.numbers import CodeCount
from station.texts import Texts
from station.tui.blocks import Row, text_row, text_rows
from station.tui.cell_text import fit, pad
from station.tui.event_words import event_row
from station.tui.lane_picture import SYMBOLS
from station.tui.plot import columns, lying_bar
from station.tui.quantity import seconds_words
from station.tui.shift_view import RunLine, ShiftView
from station.verdict import Verdict

_VERDICT_STYLES: Final = {
    Verdict.PASS: "$verdict-pass-text",
    Verdict.FAIL: "$verdict-fail-text",
    Verdict.ERROR: "$verdict-error-text",
    Verdict.ABORTED: "$quiet",
}
_BAR_CELLS_MAX: Final = 32
_PLOT_ROWS: Final = (3, 8)
_MAC_CELLS: Final = 17
_REASON_CELLS: Final = 24
"""Enough for most codes with their words."""


class Page(StrEnum):
    """What of the shift is looked at."""

    UNITS = "units"
    FAILURES = "failures"
    SHIFT = "shift"
    AUDIT = "audit"


def run_row(
    run: RunLine, texts: Texts, name_cells: int, width: int, *, dated: bool = False, reason: str | None = None
) -> Row:
    """One run in one row; `dated` where the day is not today's. At its end the code in words, or another `reason`.

    Where there is no room for both, the MAC gives way to the reason.
    """
    at = f"{run.at:%m-%d %H:%M:%S}" if dated else f"{run.at:%H:%M:%S}"
    head = f" {at} {run.lane:>3}  "
    word = pad(f"{SYMBOLS[run.verdict]} {run.verdict}", 10)
    reason = texts.titled(run.code) if reason is None else reason
    room = max(0, width - 10 - len(head))
    took = f"{seconds_words(run.seconds, texts):>8}"
    named = f"{pad(run.device_name, name_cells)}  {pad(run.mac, _MAC_CELLS)} {took}  "
    if cell_len(named) + _REASON_CELLS > room:
        named = f"{pad(run.name, name_cells)} {took}  "
        has_room = run.device_name and cell_len(named) + _MAC_CELLS <= room
        reason = reason or (run.mac if has_room else "")
    rest = named + reason
    return Content.assemble((head, "$quiet"), (word, f"bold {_VERDICT_STYLES[run.verdict]}"), fit(rest, room))


def unit_rows(
    shift: Sequence[RunLine], earlier: Sequence[RunLine], chosen: int, texts: Texts, width: int, height: int
) -> list[Row]:
    """The runs around the chosen one; those before the shift below a line that says so."""
    runs = [*shift, *earlier]
    if not runs:
        return [text_row(f" {texts.say('look.no_units')}", width, "$quiet")]
    name_cells = min(20, max(len(run.name) for run in runs))
    rows: list[Row] = []
    for place in places_shown(len(shift), len(earlier), chosen, height):
        if place is None:
            rows.append(text_row(f" {texts.say('look.earlier')}", width, "bold $quiet"))
            continue
        row = run_row(runs[place], texts, name_cells, width - 1, dated=place >= len(shift))
        marker = Content.styled("▶", "bold $lane-accent") if place == chosen else Content(" ")
        rows.append(marker + row)
    return rows


def places_shown(shift: int, earlier: int, chosen: int, height: int) -> list[int | None]:
    """Give which run stands in each row, of so many runs of the shift and before it; None: the line between them."""
    # The first earlier run brings its headline with it.
    first = max(0, min(chosen - height // 2, shift + earlier + bool(earlier) - height))
    places: list[int | None] = []
    for place in range(first, min(first + height, shift + earlier)):
        places += [None, place] if place == shift else [place]
    return places[:height]


def failure_rows(view: ShiftView, texts: Texts, width: int) -> list[Row]:
    """The Pareto by code, and by lane with the lane that stands out."""
    bad = sum(one.count for one in view.numbers.codes)
    if not bad:
        return [text_row(f" {texts.say('look.no_failures')}", width, "$quiet")]
    bar_cells = _bar_cells(width)
    rows = [_head(texts.say("look.by_code", count=bad)), *pareto_rows(view.numbers.codes, texts, width)]
    rows += [Content(""), _head(texts.say("look.by_lane"))]
    worst = max(one.share_bad for one in view.numbers.lanes) or 1.0
    for lane in view.numbers.lanes:
        words = texts.say(
            "look.lane_line", lane=lane.lane, bad=lane.bad, runs=lane.runs, percent=f"{lane.share_bad * 100:.0f}"
        )
        style = "bold $verdict-error-text" if lane.stands_out else ""
        if lane.stands_out:
            words = f"{words}  ▲ {texts.say('look.stands_out')}"
        bar = lying_bar(
            lane.share_bad / worst, bar_cells, "$verdict-error-text" if lane.stands_out else "$verdict-fail-text"
        )
        rows.append(Content(" ") + bar + " " + text_row(words, max(0, width - bar_cells - 3), style))
    return rows


def pareto_rows(codes: Sequence[CodeCount], texts: Texts, width: int) -> list[Row]:
    """What failed, most often first: a bar, how often, its share with all before it, the code in words."""
    rows: list[Row] = []
    bar_cells, bad, so_far = _bar_cells(width), sum(one.count for one in codes), 0
    for one in codes:
        so_far += one.count
        numbers = f"{one.count:>4}  {so_far / bad * 100:>3.0f} %  "
        words = fit(texts.titled(one.code), max(0, width - bar_cells - len(numbers) - 2))
        bar = lying_bar(one.count / codes[0].count, bar_cells, "$verdict-fail-text")
        rows.append(Content(" ") + bar + numbers + words)
    return rows


def _bar_cells(width: int) -> int:
    return min(_BAR_CELLS_MAX, max(6, width // 4))


def shift_rows(view: ShiftView, texts: Texts, width: int, height: int) -> list[Row]:
    """The shift's numbers, and two plots over its time: units per hour, and first-pass yield."""
    rows: list[Row] = [row for words in number_lines(view, texts) for row in text_rows(f" {words}", width)]
    spare = height - len(rows) - 7
    plot_rows = max(_PLOT_ROWS[0], min(_PLOT_ROWS[1], spare // 2))
    per_hour = [one.passed * 60 / view.numbers.bin_minutes for one in view.numbers.bins]
    top = max([10.0, *per_hour])
    minutes = view.numbers.bin_minutes
    axis = text_row(f"{'':7}{view.numbers.began:%H:%M} … {view.numbers.until:%H:%M}", width, "$quiet")
    rows += [Content(""), _head(texts.say("look.uph_plot", minutes=minutes))]
    rows += columns(per_hour, width - 1, plot_rows, top=top, unit="", style="$lane-accent")
    rows += [axis, Content(""), _head(texts.say("look.fpy_plot", minutes=minutes))]
    yields = [one.passed_at_once / one.seen * 100 if one.seen else None for one in view.numbers.bins]
    rows += columns(yields, width - 1, plot_rows, top=100, unit=" %", style="$verdict-pass-text")
    return [*rows, axis]


def number_lines(view: ShiftView, texts: Texts) -> list[str]:
    """The shift in numbers, a sentence each."""
    say, verdicts = texts.say, view.numbers.verdicts
    lines = [
        say("look.counts", units=view.numbers.units, passed=verdicts[Verdict.PASS], failed=verdicts[Verdict.FAIL]),
        say("look.other_counts", errors=verdicts[Verdict.ERROR], aborted=verdicts[Verdict.ABORTED]),
    ]
    if view.numbers.first_pass_yield is not None:
        percent = f"{view.numbers.first_pass_yield * 100:.1f}"
        lines.append(say("look.first_pass", percent=percent, definition=say("report.define.first_pass")))
    if view.units_per_hour is not None:
        lines.append(say("look.units_per_hour", count=round(view.units_per_hour)))
    if view.numbers.cycle_s is not None:
        lines.append(say("look.cycle", seconds=f"{view.numbers.cycle_s:.1f}"))
    return lines


def audit_rows(
    events: Sequence[AuditEvent], first: int, texts: Texts, width: int, height: int, now: datetime
) -> list[Row]:
    """Audit events from the first one shown, newest first."""
    if not events:
        return [text_row(f" {texts.say('look.no_events')}", width, "$quiet")]
    return [event_row(event, texts, width, now) for event in events[first : first + height]]


def page_titles(page: Page, texts: Texts) -> Row:
    """All pages' names, the open one marked."""
    row = Content(" ")
    for one in Page:
        row += Content.styled(_page_title(one, texts), "bold reverse" if one is page else "$quiet") + " "
    return row


def page_at(x: int, texts: Texts) -> Page | None:
    """Give the page whose name stands in this cell of the row of names."""
    end = 0
    for one in Page:
        start, end = end + 1, end + 1 + cell_len(_page_title(one, texts))
        if start <= x < end:
            return one
    return None


def _page_title(page: Page, texts: Texts) -> str:
    return f" {texts.say(f'page.{page}')} "


def _head(words: str) -> Row:
    return Content.styled(f" {words}", "bold $lane-accent")
