"""How a lane's view is painted into the room of its tile: pure, from the view, the texts and the size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from station.errors import Code
from station.events import WaitReason
from station.texts import Texts
from station.tui import big_word
from station.tui.blocks import Block, Row, middle, place, stack, text_row, text_rows
from station.tui.cell_text import first_fit, fit, pad
from station.tui.error_words import found_words, tries_of
from station.tui.lane_view import LaneView, Phase, StepLine
from station.tui.printed_label import next_words, printed_words
from station.tui.quantity import rate_words, seconds_words, size_words
from station.tui.scan_words import refused_words
from station.verdict import Step, StepState, Verdict

SYMBOLS: Final = {Verdict.PASS: "✔", Verdict.FAIL: "✘", Verdict.ERROR: "▲", Verdict.ABORTED: "■"}
"""Each verdict's sign, so that colour is never needed."""

STEP_SIGNS: Final = {
    None: "·",
    StepState.BEGUN: "▸",
    StepState.PROGRESS: "▸",
    StepState.DONE: "✔",
    StepState.FAILED: "✘",
    StepState.SKIPPED: "-",
}
_AFTER_PASS: Final[Mapping[WaitReason | None, str]] = {
    WaitReason.PRESS_START: "now.next_by_key",
    WaitReason.HOLD_BOOT: "now.next_hold_boot",
}
_RETRY: Final = ("now.retry", "now.retry_short")
_AFTER_TROUBLE: Final[Mapping[WaitReason | None, tuple[str, ...]]] = {
    WaitReason.STATION_FAULT: ("wait.station_fault", "wait.station_fault_short"),
    WaitReason.PRESS_START: ("wait.press_start",),
    WaitReason.INSERT_UNIT: ("wait.insert_unit",),
    WaitReason.HOLD_BOOT: ("wait.hold_boot",),
}
"""What to do next, by what the lane waits for; the first that fits is told."""
_FOR_NO_TRY: Final = frozenset(
    {
        Code.WRONG_CHIP,
        Code.FLASH_TOO_SMALL,
        Code.SECURITY_SET,
        Code.WRONG_REVISION,
        Code.CLOUD_REFUSED,
        Code.OTHER_IDENTITY,
        Code.FOREIGN_CERTIFICATE,
        Code.UNIT_PUT_ASIDE,
    }
)
"""Another try changes nothing about these: the tile names no key for it."""
_QUIET_WAITS: Final = {"scan_label_later": "", "no_adapter": "$quiet"}
"""Waits that call nobody, and their style."""
_COLUMN_CELLS: Final = 72
"""Wider tiles get more air, not longer lines."""
ROOMY_ROWS: Final = 10
"""From this height on, a tile names its unit inside; below, its border does."""
_ADVICE_ROWS: Final = 5
"""Below this height there is no room for what to try: the tile names the key, and the enlarged tile has it all."""
_STEPS_ROWS: Final = 20
"""From this height on, a passed unit's steps stand below its word."""
_READABLE_ROWS: Final = 5
"""Block letters of this height are read from two metres."""
_SMALLEST_BAR_CELLS: Final = 4


def picture(view: LaneView, texts: Texts, width: int, height: int) -> Content:
    """Paint a tile of `width` × `height` cells, its border not counted."""
    return Content("\n").join(picture_rows(view, texts, width, height))


def picture_rows(view: LaneView, texts: Texts, width: int, height: int) -> list[Row]:
    """Paint a tile row by row, from the top; the rows after the last one are blank."""
    if width < 4 or height < 1:
        return []
    room = min(width - (2 if width >= 24 else 0), _COLUMN_CELLS)
    match view.phase:
        case Phase.WORKING:
            rows = stack(_working(view, texts, room, height), height)
        case Phase.FINISHED if view.verdict is Verdict.PASS:
            rows = stack(_passed(view, texts, width, room, height), height)
        case Phase.FINISHED | Phase.FAULT:
            rows = stack(_troubled(view, texts, width, room, height), height)
        case _:
            rows = stack(_idle(view, texts, width, room, height), height)
    return place(rows, width, height, room)


def unit_names(view: LaneView) -> tuple[str, ...]:
    """Serial number, DeviceName and MAC as far as they are known."""
    number = view.label.serial_number if view.label is not None else None
    return tuple(word for word in (number, view.device_name, view.mac) if word)


def _unit_rows(view: LaneView, room: int, height: int) -> tuple[Row, ...]:
    """DeviceName above MAC, blank while unknown, so that nothing moves when they become known; below, the label."""
    if height < ROOMY_ROWS:
        return ()
    names: tuple[str | None, ...] = (view.device_name, view.mac)
    if view.label is not None or view.wants_label:
        names += (view.label.serial_number if view.label is not None else None,)
    return tuple(text_row(word or " ", room, "bold") for word in names)


def _named_rows(view: LaneView, room: int) -> tuple[Row, ...]:
    """The unit in one row, or in two where its name is long."""
    joined = " · ".join(unit_names(view))
    lines = (joined,) if cell_len(joined) <= room else unit_names(view)
    return tuple(text_row(line, room, "bold") for line in lines if line)


def _word_rows(word: str, symbol: str, width: int, room: int, most_rows: int) -> tuple[Row, ...]:
    lines = big_word.largest(word, symbol, width, most_rows) or [fit(f"{symbol} {word}", width)]
    # Bold would draw block letters in another shade on some terminals.
    style = "bold" if len(lines) == 1 else ""
    return tuple(middle(Content.styled(line, style), room) for line in lines)


def _idle(view: LaneView, texts: Texts, width: int, room: int, height: int) -> list[Block]:
    blocks = []
    if view.wait is WaitReason.INSERT_UNIT and height >= ROOMY_ROWS and width >= 12:
        arrow = big_word.draw("▼", scale=2, gap=0)
        blocks.append(Block(tuple(middle(Content.styled(line, "$quiet"), room) for line in arrow), rank=3))
    key = view.wait.value if view.wait else ("closed" if view.phase is Phase.CLOSED else "opening")
    if view.wants_label and not view.takes_scan:
        key = "scan_label_later"
    elif key == "opening" and not view.port:
        key = "no_adapter"
    sentence = text_rows(texts.say(f"wait.{key}"), room, _QUIET_WAITS.get(key, "bold"))
    blocks.append(Block(tuple(middle(row, room) for row in sentence), air=True))
    blocks += [_refused_block(view, texts, room), _label_block(view, texts, room)]
    if view.message:
        blocks.append(Block(text_rows(view.message, room, "$quiet"), rank=2, air=True))
    last = view.previous
    if last is not None:
        blocks.append(_unprinted_block(last, texts, room))
    if last is not None and last.verdict is not None:
        head = f"{SYMBOLS[last.verdict]} {last.verdict}"
        long = f"{texts.say('now.last')} {head}  {last.device_name or last.mac or ''}".rstrip()
        words = long if cell_len(long) <= room else f"{head} {last.device_name or last.mac or ''}".rstrip()
        blocks.append(Block((middle(text_row(words, room, "$quiet"), room),), rank=1, air=True))
    return blocks


def _working(view: LaneView, texts: Texts, room: int, height: int) -> list[Block]:
    current = view.current_step
    writing = current is not None and current.step is Step.WRITE
    number = list(Step).index(current.step) + 1 if current else 0
    idle = "doing.label" if view.wants_label else "wait.starting"
    doing = texts.say(f"doing.{current.step}" if current else idle)
    right = f"{view.share_written * 100:.0f} %" if writing else ""
    if not right and current and room >= 24:
        right = texts.say("pane.step_of", number=number, count=len(Step))
    headline = pad(f"▸ {doing}", room - cell_len(right) - 1) + " " + right
    by_hand = current is not None and current.needs_hand
    now = ("now.let_boot_go", "now.let_boot_go_short") if by_hand else ("now.do_not_touch", "now.do_not_touch_short")
    if view.wants_label and not by_hand:
        now = ("now.scan_label", "wait.scan_label") if view.takes_scan else ("wait.scan_label_later",) * 2
    todo = first_fit(room, *map(texts.say, now))
    return [
        Block((text_row(headline, room, "bold $lane-accent"),)),
        Block((_bar(view, room),), rank=1),
        Block((text_row(first_fit(room, *_rate(view, texts)), room),), rank=3),
        Block(_unit_rows(view, room, height), rank=2, air=True),
        Block(_step_rows(view, texts, room), rank=6, short=(_step_track(view, room),), short_rank=6, air=True),
        Block((text_row(todo, room, "bold"),), rank=1 if by_hand or view.wants_label else 2, air=True),
        _refused_block(view, texts, room),
    ]


def _passed(view: LaneView, texts: Texts, width: int, room: int, height: int) -> list[Block]:
    sentence = texts.say(_AFTER_PASS.get(view.wait, "wait.remove_unit"))
    steps = tuple(middle(row, room) for row in _step_rows(view, texts, room)) if height >= _STEPS_ROWS else ()
    needed = 2 + (5 if height >= ROOMY_ROWS else 0) + (len(steps) + 1 if steps else 0)
    word = _word_rows("PASS", SYMBOLS[Verdict.PASS], width, room, max(1, height - needed))
    total = [f"{SYMBOLS[Verdict.PASS]} {texts.say('verdict.PASS')}", seconds_words(view.seconds, texts)]
    if view.printed is not None and view.printed.code is None:
        total.append(texts.say("print.done"))
    if view.resumed:
        total.append(texts.say("pane.same_certificate"))
    told = [" · ".join(total[:count]) for count in range(len(total), 1, -1)]
    return [
        Block(word),
        Block(tuple(middle(row, room) for row in _unit_rows(view, room, height)), rank=2, air=True),
        Block(tuple(middle(row, room) for row in text_rows(sentence, room, "bold")), rank=1, air=True),
        _refused_block(view, texts, room),
        _unprinted_block(view, texts, room),
        Block((middle(text_row(first_fit(room, *told, told[-1][2:], total[0]), room), room),), rank=4),
        Block(steps, rank=5, air=True),
    ]


def _troubled(view: LaneView, texts: Texts, width: int, room: int, height: int) -> list[Block]:
    """FAIL, ERROR, ABORTED and a station fault: the word, what it is, what to try, and what was reported."""
    verdict = view.verdict or Verdict.ERROR
    failure = texts.failure(view.code)
    title = failure.title if failure else texts.say(f"verdict.{verdict}")
    named = " ".join(part for part in (SYMBOLS[verdict], view.code, title) if part)
    tries = tries_of(failure, view.code, view.facts, texts) if failure else tuple(part for part in (view.mend,) if part)
    if height < _ADVICE_ROWS:
        tries = ()
    listed = tuple(
        row
        for number, sentence in enumerate(tries, 1)
        for row in text_rows(sentence, room, indent=f"{number}  " if len(tries) > 1 else "")
    )
    end = _what_now(view, texts, room)
    # Once F6 has the say, or the next label is wanted, there is nothing to try: a low tile tells what to do instead.
    settled = view.must_decide or view.disposition is not None or view.wait is WaitReason.SCAN_LABEL
    first = text_rows(tries[0], room) if tries and not settled else ()
    found = found_words(view.code, view.message, view.facts, texts)
    message = texts.say("pane.detail", message=found) if found else ""
    others = [
        Block(text_rows(named, room, "bold"), rank=2, short=(text_row(named, room, "bold"),)),
        Block(_named_rows(view, room) if height >= ROOMY_ROWS else (), rank=1),
        Block(text_rows(failure.cause, room) if failure else (), rank=4, air=True),
        Block(listed, rank=3, short=first, air=True),
        Block(text_rows(message, room), rank=5, air=True),
        Block((_step_track(view, room),) if view.failed_step else (), rank=6),
        _refused_block(view, texts, room),
        Block((text_row(end, room, "bold"),), rank=1, air=True),
    ]
    # The word grows only into rows that no sentence needs, but stays readable from afar wherever the tile allows it.
    spare = height - sum(len(block.rows) for block in others)
    most_rows = min(max(spare, _READABLE_ROWS), height - 1 - max(1, len(first)))
    word = _word_rows(str(verdict), SYMBOLS[verdict], width, room, max(1, most_rows))
    return [Block(word), *others]


def _label_block(view: LaneView, texts: Texts, room: int) -> Block:
    """The label that the next unit must bear."""
    if view.label is None:
        return Block(())
    rows = [text_row(texts.say("label.given", serial_number=view.label.serial_number), room, "bold")]
    if view.label.bearer is not None:
        rows += text_rows(texts.say("label.comes_back", unit=view.label.bearer), room)
    return Block(tuple(middle(row, room) for row in rows), rank=1, air=True)


def _refused_block(view: LaneView, texts: Texts, room: int) -> Block:
    """Why the last scan was not taken."""
    if view.refused_scan is None:
        return Block(())
    words = f"▲ {refused_words(view.refused_scan, texts)}"
    return Block(text_rows(words, room, "bold"), rank=1, short=text_rows(fit(words, room), room, "bold"), air=True)


def _unprinted_block(view: LaneView, texts: Texts, room: int) -> Block:
    """Why a good unit has no label yet, and how it comes."""
    if view.printed is None or view.printed.code is None:
        return Block(())
    again = next_words(view.printed, texts)
    words = text_rows(f"▲ {printed_words(view.printed, texts)} {again}", room, "bold")
    said = texts.say("print.failed_short", code=view.printed.code)
    short = (text_row(first_fit(room, f"▲ {said}. {again}", f"▲ {said}"), room, "bold"),)
    return Block(words, rank=1, short=short, air=True)


def _what_now(view: LaneView, texts: Texts, room: int) -> str:
    """The last sentence of a tile in trouble."""
    if view.wait is WaitReason.SCAN_LABEL:
        scan = texts.say("wait.scan_label" if view.takes_scan else "wait.scan_label_later")
        put = texts.say(f"put.{view.disposition}") if view.disposition is not None else ""
        return first_fit(room, f"{put} {scan}".strip(), scan)
    if view.disposition is not None:
        put, place = texts.say(f"put.{view.disposition}"), texts.say(f"disposition.{view.disposition}")
        return first_fit(room, f"{put} {texts.say('put.undo')}", put, place)
    if view.must_decide:
        tries = view.failed_in_row
        return first_fit(room, texts.say("now.decide", tries=tries), texts.say("now.decide_short"))
    retry = ("wait.remove_unit",) if view.code in _FOR_NO_TRY else _RETRY
    sentence = first_fit(room, *(texts.say(key) for key in _AFTER_TROUBLE.get(view.wait, retry)))
    if view.tries_max is not None and view.failed_in_row:
        tried = texts.say("now.tried", tries=view.failed_in_row, most=view.tries_max)
        return first_fit(room, f"{sentence} {tried}", sentence)
    return sentence


def _bar(view: LaneView, room: int) -> Row:
    """Drawn from the first moment of the run, so that nothing below it moves when the write begins."""
    return bar(view.share_written if not _write_done(view) else 1.0, room)


def bar(share: float, width: int) -> Row:
    """A progress bar of exactly `width` cells."""
    inner = max(_SMALLEST_BAR_CELLS, width)
    eighths = round(share * inner * 8)
    full, rest = divmod(eighths, 8)
    part = " ▏▎▍▌▋▊▉"[rest] if rest else ""
    return Content.assemble(
        ("█" * full + part, "$lane-accent on $lane-bar"), (" " * (inner - full - len(part)), "on $lane-bar")
    )


def _write_done(view: LaneView) -> bool:
    return any(line.step is Step.WRITE and line.state is StepState.DONE for line in view.steps)


def _rate(view: LaneView, texts: Texts) -> tuple[str, ...]:
    """What the row below the bar says, in full and shorter."""
    current = view.current_step
    if current is not None and current.step is Step.WRITE:
        rate, left = view.rate_bytes_per_s, view.time_left_s
        if rate is None or left is None:
            return (" ",)
        return (f"{rate_words(rate)} · {_left_words(left, texts)}", rate_words(rate))
    if _write_done(view) and view.total_bytes:
        seconds = next(line.seconds for line in view.steps if line.step is Step.WRITE)
        size = size_words(view.total_bytes)
        return (texts.say("pane.written", size=size, seconds=f"{seconds:.1f}"), size)
    return (" ",)


def _left_words(seconds: float, texts: Texts) -> str:
    whole = int(seconds + 0.5)
    if whole < 100:
        return texts.say("pane.seconds_left", seconds=whole)
    return texts.say("pane.minutes_left", minutes=whole // 60, seconds=whole % 60)


def _step_rows(view: LaneView, texts: Texts, room: int) -> tuple[Row, ...]:
    name_cells = max(cell_len(texts.say(f"step.{step}")) for step in Step) + 2
    return tuple(_step_row(line, texts, name_cells, room) for line in view.steps)


def _step_row(line: StepLine, texts: Texts, name_cells: int, room: int) -> Row:
    sign = STEP_SIGNS[line.state]
    name = pad(texts.say(f"step.{line.step}"), name_cells)
    known = line.state not in (None, StepState.SKIPPED)
    time = seconds_words(line.seconds, texts) if known else ""
    running = line.state in (StepState.BEGUN, StepState.PROGRESS)
    style = "bold $lane-accent" if running else ("$quiet" if not known else "")
    return text_row(f"{sign} {name}{time:>8}", room, style)


def _step_track(view: LaneView, room: int) -> Row:
    signs = [STEP_SIGNS[line.state] for line in view.steps]
    return text_row(" ".join(signs), room)
