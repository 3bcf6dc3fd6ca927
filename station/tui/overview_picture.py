"""How the overview is painted for people some metres away: pure, from the view, the texts and the room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from station.line.shift_numbers import ShiftNumbers
from station.texts import Texts
from station.tui import big_word
from station.tui.blocks import Row, middle, text_row
from station.tui.cell_text import first_fit, fit, pad
from station.tui.forecast import done_about, runs_out
from station.tui.lane_picture import SYMBOLS, bar
from station.tui.line_layout import grid_size
from station.tui.look_back_pages import pareto_rows
from station.tui.overview import SILENT_AFTER, LaneNow, Overview
from station.verdict import Verdict

_ROWS_A_SCALE: Final = 18
"""The big numbers grow by one scale with each so many rows of the screen."""
_APART_CELLS: Final = 3
_BATCHES_MAX: Final = 4
_PARETO_ROWS: Final = (3, 8)
_TILE_CELLS_MIN: Final = 12
_ROOMY_ROWS: Final = 5
"""From this height on a tile has its word in block letters."""
_FILLS: Final = {
    Verdict.PASS: "$verdict-pass-ink on $verdict-pass",
    Verdict.FAIL: "$verdict-fail-ink on $verdict-fail",
    Verdict.ERROR: "$verdict-error-ink on $verdict-error",
    Verdict.ABORTED: "$verdict-aborted-ink on $verdict-aborted",
}
_STANDING: Final = "$quiet on $surface"
_BUSY: Final = "$foreground on $lane-bar"
_WARNING: Final = "bold $verdict-error-text"


@dataclass(frozen=True, slots=True)
class _Figure:
    """One big number above its word."""

    number: str
    word: str
    style: str = ""


def overview_rows(view: Overview, texts: Texts, few: int, width: int, height: int) -> list[Row]:
    """Paint the whole room, from the top: the numbers, the batches, the lanes, what failed."""
    above = [*_figure_rows(_figures(view, texts, few), width - 2, height), Content("")]
    above += _batch_rows(view, texts, few, width)
    failed = _failure_rows(view, texts, width, max(_PARETO_ROWS[0], min(_PARETO_ROWS[1], height // 8)))
    room = max(1, height - len(above) - len(failed) - 2)
    lanes = _lane_rows(view, texts, width, room)
    return [*above, Content(""), *lanes, *[Content("")] * (room - len(lanes) + 1), *failed][:height]


def _figures(view: Overview, texts: Texts, few: int) -> list[_Figure]:
    """The numbers that matter from afar, the least important last."""
    total, say = view.total, texts.say
    done, share, rate = done_about(total, view.at), total.first_pass_yield, total.units_per_hour
    good = say("watch.good") if total.quantity is None else say("watch.good_of", quantity=total.quantity)
    short = any(runs_out(batch, few) for batch in view.batches)
    return [
        _Figure(str(total.passed), good, "$verdict-pass-text"),
        _Figure("–" if share is None else f"{share * 100:.1f}", say("watch.first_pass")),
        _Figure("–" if rate is None else f"{rate:.0f}", say("watch.per_hour")),
        _Figure(
            str(total.left),
            f"▲ {say('watch.left')}" if short else say("watch.left"),
            "$verdict-error-text" if short else "",
        ),
        _Figure("–" if done is None else f"{done:%H:%M}", say("watch.done_about")),
    ]


def _figure_rows(figures: Sequence[_Figure], width: int, height: int) -> list[Row]:
    """The numbers side by side, as large as all of them can be; those that have no place at all are left out."""
    kept = list(figures)
    while len(kept) > 1 and _width_of(kept, 1) > width:
        kept.pop()
    most = max(1, min(big_word.LARGEST_SCALE, height // _ROWS_A_SCALE))
    scale = next((scale for scale in range(most, 1, -1) if _width_of(kept, scale) <= width), 1)
    apart = " " * (_APART_CELLS + min(8, (width - _width_of(kept, scale)) // max(1, len(kept))))
    rows = [Content(" ")] * ((big_word.HEIGHT_PIXELS * scale + 1) // 2 + 1)
    for number, figure in enumerate(kept, 1):
        cells = _cells_of(figure, scale)
        apart = apart if number < len(kept) else ""
        lines = big_word.draw(figure.number, scale=scale, gap=_gap(scale))
        for place, line in enumerate([*lines, figure.word]):
            style = figure.style if place < len(lines) else f"bold {figure.style}".strip()
            rows[place] += Content.styled(pad(line, cells), style) + apart
    return rows


def _cells_of(figure: _Figure, scale: int) -> int:
    return max(big_word.width_cells(figure.number, "", scale, _gap(scale)), cell_len(figure.word))


def _gap(scale: int) -> int:
    return max(1, scale // 2)


def _width_of(figures: Sequence[_Figure], scale: int) -> int:
    return sum(_cells_of(figure, scale) for figure in figures) + _APART_CELLS * (len(figures) - 1)


def _batch_rows(view: Overview, texts: Texts, few: int, width: int) -> list[Row]:
    """A row for each batch that is made now: how far it is, and what of it is left."""
    return [_batch_row(batch, texts, few, width) for batch in view.batches[:_BATCHES_MAX]]


def _batch_row(batch: ShiftNumbers, texts: Texts, few: int, width: int) -> Row:
    short = runs_out(batch, few)
    left = texts.say("header.left" if batch.left else "header.left_none", count=batch.left)
    words = f"▲ {left}" if short else left
    counts = f" {batch.passed} / {'–' if batch.quantity is None else batch.quantity}  "
    name = " · ".join(part for part in (batch.work_order, batch.batch) if part)
    bar_cells = max(8, width // 4)
    name_cells = max(8, min(24, width - bar_cells - len(counts) - cell_len(words) - 3))
    share = batch.passed / batch.quantity if batch.quantity else 0.0
    rest = max(0, width - name_cells - bar_cells - len(counts) - 2)
    return Content.assemble(
        " ",
        pad(name, name_cells),
        " ",
        bar(share, bar_cells),
        (counts, "bold"),
        (fit(words, rest), _WARNING if short else ""),
    )


def _failure_rows(view: Overview, texts: Texts, width: int, most: int) -> list[Row]:
    codes = view.numbers.codes
    if not codes:
        return [text_row(f" {texts.say('watch.no_failures')}", width, "$quiet")]
    head = texts.say("watch.by_failure", count=sum(one.count for one in codes))
    return [text_row(f" {head}", width, "bold $lane-accent"), *pareto_rows(codes, texts, width)[:most]]


def _lane_rows(view: Overview, texts: Texts, width: int, height: int) -> list[Row]:
    """The lanes as filled tiles in a grid; where not even a row each has room, the last row counts the rest."""
    if not view.lanes:
        return [text_row(f" {texts.say('watch.no_lanes')}", width, "$quiet")]
    columns, rows = _grid(len(view.lanes), width, height)
    places = columns * min(rows, height)
    shown = view.lanes if len(view.lanes) <= places else view.lanes[: columns * (height - 1)]
    tile_cells = (width - 1) // columns - 1
    apart = 1 if rows * 4 <= height else 0
    tile_rows = max(1, min(height // rows - apart, 16))
    painted: list[Row] = []
    for first in range(0, len(shown), columns):
        tiles = [_tile(lane, view, texts, tile_cells, tile_rows) for lane in shown[first : first + columns]]
        painted += [Content(" ") + Content(" ").join(cells) for cells in zip(*tiles, strict=True)]
        painted += [Content("")] * apart
    if len(shown) < len(view.lanes):
        painted.append(text_row(f" {texts.say('watch.more_lanes', count=len(view.lanes) - len(shown))}", width, "bold"))
    return painted[:height]


def _grid(lanes: int, width: int, height: int) -> tuple[int, int]:
    """Give (columns, rows): as the line's own screen has them where tiles are tiles, else as many columns as can be read."""
    columns, rows = grid_size(lanes, width, height)
    if rows * 3 <= height and width // columns > _TILE_CELLS_MIN:
        return columns, rows
    most = max(1, width // (_TILE_CELLS_MIN + 1))
    columns = min(most, -(-lanes // height)) if lanes > height else 1
    while columns < most and -(-lanes // columns) * 2 > height:
        columns += 1
    return columns, -(-lanes // columns)


def _tile(lane: LaneNow, view: Overview, texts: Texts, width: int, height: int) -> list[Row]:
    """One lane: who it is, its word, its unit; exactly `height` rows of `width` cells."""
    name = f"{lane.station} · {lane.lane}" if view.many_stations else texts.say("key.lane", lane=lane.lane)
    if lane.stands_out:
        name = f"▲ {name}"
    word, detail, time, style = _state(lane, view, texts)
    room = max(1, width - 2)
    if height == 1:
        return [
            _filled(first_fit(room, f"{name}  {word}  {detail}", f"{name}  {word}", f"{word[:1]} {name}"), width, style)
        ]
    head = name if cell_len(f"{name} {time}") > room else pad(name, room - cell_len(time)) + time
    if cell_len(head) > room:  # the lane's number stands at the end
        head = f"…{name[1 - room :]}"
    rows = [_filled(head, width, f"bold {style}")]
    body = height - 2 if height > 2 and detail else height - 1
    letters = _letters(lane, view, width, body)
    if letters and lane.in_hand is not None:
        detail = f"{word}  {detail}"
    lines = letters or [first_fit(room, f"{word}  {detail}" if height == 2 else word, word)]
    above = (body - len(lines)) // 2
    rows += [_filled("", width, style)] * above
    rows += [_filled_row(middle(Content(line), width - 2), width, style) for line in lines]
    rows += [_filled("", width, style)] * (body - above - len(lines))
    return rows if len(rows) == height else [*rows, _filled(detail, width, style)]


def _state(lane: LaneNow, view: Overview, texts: Texts) -> tuple[str, str, str, str]:
    """Give what a lane does or did: the word, more about it, the time, the fill."""
    last = lane.last
    if lane.in_hand is not None:
        step = texts.sentences.get(f"step.{lane.in_hand.step}", lane.in_hand.step)
        is_silent = view.at - lane.in_hand.began > SILENT_AFTER
        word = texts.say("watch.broken_off") if is_silent else f"▸ {step}"
        return word, lane.in_hand.name, f"{lane.in_hand.began:%H:%M}", _STANDING if is_silent else _BUSY
    if last is None:
        return "", "", "", _STANDING
    is_silent = view.at - last.at > SILENT_AFTER
    detail = texts.titled(last.code) or last.device_name or last.mac
    return (
        f"{SYMBOLS[last.verdict]} {last.verdict}",
        detail,
        f"{last.at:%H:%M}",
        _STANDING if is_silent else _FILLS[last.verdict],
    )


def _letters(lane: LaneNow, view: Overview, width: int, height: int) -> list[str]:
    """The verdict in block letters, or the seconds of a unit under way; nothing where they do not fit."""
    if height < _ROOMY_ROWS - 2:
        return []
    if lane.in_hand is not None:
        been = view.at - lane.in_hand.began
        number = f"{max(0, been.total_seconds()):.0f}"
        return [] if been > SILENT_AFTER else big_word.largest(number, "", width - 2, height)
    if lane.last is None or view.at - lane.last.at > SILENT_AFTER:
        return []
    return big_word.largest(str(lane.last.verdict), SYMBOLS[lane.last.verdict], width - 2, height)


def _filled(text: str, width: int, style: str) -> Row:
    return Content.styled(f" {pad(text, max(0, width - 2))} ", style)


def _filled_row(row: Row, width: int, style: str) -> Row:
    return _filled(row.plain, width, style)
