"""Tiles are painted into the room there is, without losing what matters most."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import pytest
from rich.cells import cell_len

from station.errors import Code, Why, filled
from station.events import Event, LaneWaiting, UnitDisposed, VerdictReached, WaitReason
from station.texts import LANGUAGES, Texts
from station.tui import big_word
from station.tui.cell_text import fit, pad, plain, wrap
from station.tui.lane_picture import bar, picture
from station.tui.lane_view import LaneView, apply, tick
from station.tui.line_layout import grid_size, last_units_rows
from station.tui.quantity import rate_words, size_words
from station.unit import Disposition
from station.verdict import Step, Verdict
from tests.tui.fake_line import (
    done,
    failed,
    mac_of,
    passed,
    starting_by_hand,
    station_fault,
    until_write,
    waiting,
    writing,
)

ENGLISH = Texts("en")
STATES: dict[str, list[Event]] = {
    "waiting": [waiting(1)],
    "hold boot": [waiting(1, WaitReason.HOLD_BOOT)],
    "after a unit": [*passed(1), waiting(1)],
    "identified": until_write(1),
    "writing": writing(1, "d" * 32),
    "start by hand": starting_by_hand(1),
    "passed": passed(1, "d" * 32),
    "failed": failed(1),
    "aborted": failed(1, "A01", Verdict.ABORTED),
    "error": failed(1, "E21", Verdict.ERROR),
    "fault": station_fault(1),
    "passed, by key": [*passed(1)[:-1], waiting(1, WaitReason.PRESS_START)],
    "passed, by hand": [*passed(1)[:-1], waiting(1, WaitReason.HOLD_BOOT)],
    "failed, gone": [*failed(1, "F21"), waiting(1)],
    "unknown code": failed(1, "Z99", Verdict.ERROR, message="x" * 300),
}
SIZES = [(4, 1), (10, 3), (18, 3), (18, 8), (28, 6), (38, 8), (38, 16), (58, 14), (78, 16), (118, 34), (300, 90)]


def view_after(events: list[Event]) -> LaneView:
    return reduce(apply, events, LaneView(1, "/dev/ttyUSB0"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("state", STATES)
def test_every_state_fits_every_tile(state: str, size: tuple[int, int], language: str) -> None:
    width, height = size
    lines = picture(view_after(STATES[state]), Texts(language), width, height).plain.split("\n")

    assert len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Let BOOT go and press EN."), ("zh-CN", "松开 BOOT，再按一下 EN。")]
)
def test_a_unit_that_only_a_hand_can_start_says_so_until_it_has_started(language: str, words: str) -> None:
    before, after = until_write(1), [*starting_by_hand(1), done(1, Step.START, 2.0)]
    shown = [
        picture(view_after(events), Texts(language), 38, 8).plain for events in (before, starting_by_hand(1), after)
    ]
    assert [words in tile for tile in shown] == [False, True, False]
    assert words in picture(tick(view_after(starting_by_hand(1)), 0.5), Texts(language), 38, 8).plain


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", list(Code))
def test_every_failure_tells_its_title_and_what_to_try_in_a_half_screen_tile(code: Code, language: str) -> None:
    texts = Texts(language)
    failure = texts.failure(code)
    assert failure is not None
    painted = picture(view_after(failed(1, code, Verdict.FAIL)), texts, 38, 16).plain
    words = "".join(painted.split())

    assert code.value in painted
    assert "".join(failure.title.split()) in words
    assert "".join(failure.tries[0].split()) in words


@pytest.mark.parametrize("size", [(38, 8), (38, 16), (78, 16), (58, 14)], ids=str)
@pytest.mark.parametrize(("state", "word"), [("passed", "PASS"), ("failed", "FAIL"), ("error", "ERROR")])
def test_a_verdict_stands_in_letters_five_rows_high(state: str, word: str, size: tuple[int, int]) -> None:
    painted = picture(view_after(STATES[state]), ENGLISH, *size).plain
    rows = [row for row in painted.split("\n") if "█" in row]

    assert len(rows) >= 5
    assert word not in painted


@pytest.mark.parametrize(("verdict", "sign"), [("passed", "✔ PASS"), ("failed", "✘ FAIL"), ("aborted", "■ ABORTED")])
def test_a_small_tile_writes_sign_and_word(verdict: str, sign: str) -> None:
    assert sign in picture(view_after(STATES[verdict]), ENGLISH, 18, 3).plain


def test_a_writing_tile_tells_rate_time_left_unit_and_steps() -> None:
    painted = picture(view_after(writing(1, "plug-000313")), ENGLISH, 38, 16).plain

    for words in (
        "Writing",
        "71 %",
        "91.2 kB/s",
        "3 s left",
        "plug-000313",
        "24:0a:c4:5e:00:91",
        "✔ identify",
        "▸ write",
    ):
        assert words in painted
    assert "Do not touch the unit." in painted


def test_rows_of_a_working_tile_stay_where_they_are() -> None:
    """From the first step to the last, each row keeps its place."""
    events = [*writing(1), *passed(1)[len(writing(1)) : -2]]
    views = [view_after(events[: number + 1]) for number in range(1, len(events))]
    pictures = [picture(view, ENGLISH, 38, 16).plain.split("\n") for view in views]
    places = {next(row for row, line in enumerate(lines) if "record" in line.lower()[:10]) for lines in pictures}

    assert len(places) == 1


def test_markup_in_a_message_is_only_text() -> None:
    reached = VerdictReached(1, 1, Verdict.FAIL, None, "[red]plug[/]", 1.0, "F31", "[bold]loud[/bold]")
    painted = picture(view_after([*until_write(1), reached]), ENGLISH, 78, 24).plain

    assert "[bold]loud[/bold]" in painted


def test_a_wait_tells_its_sentence() -> None:
    view = view_after([LaneWaiting(1, WaitReason.HOLD_BOOT)])

    assert "Hold BOOT and press EN." in picture(view, ENGLISH, 38, 8).plain


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("passed", "Remove the unit."),
        ("passed, by key", "F5 starts the next."),
        ("passed, by hand", "hold BOOT and press EN."),
        ("failed", "Remove the unit, or press F5."),
        ("failed, gone", "Insert a unit."),
        ("fault", "The lane tries again by itself."),
    ],
)
def test_a_finished_tile_tells_what_to_do_now(state: str, words: str) -> None:
    assert words in picture(view_after(STATES[state]), ENGLISH, 58, 16).plain


@pytest.mark.parametrize("code", [Code.WRONG_CHIP, Code.SECURITY_SET, Code.FOREIGN_CERTIFICATE])
def test_a_tile_names_no_key_for_a_try_that_changes_nothing(code: Code) -> None:
    painted = picture(view_after(failed(1, code)), ENGLISH, 58, 16).plain

    assert "Remove the unit." in painted
    assert "press F5" not in painted


@pytest.mark.parametrize(
    ("language", "words"), [("en", "It cannot keep what it carries"), ("zh-CN", "它不能保留原证书")]
)
def test_a_low_tile_tells_that_a_foreign_certificate_could_not_be_kept(language: str, words: str) -> None:
    view = replace(
        view_after(failed(1, Code.FOREIGN_CERTIFICATE)),
        facts=filled({"device_name": "desk-1"}, Why.CERTIFICATE_NOT_KEPT),
    )

    for size in ((38, 8), (38, 13)):
        assert words in picture(view, Texts(language), *size).plain


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [24, 30, 38, 58])
def test_a_good_tile_leaves_out_what_has_no_room_instead_of_cutting_it(width: int, language: str) -> None:
    again = replace(view_after(passed(1)), resumed=True)

    assert "…" not in picture(again, Texts(language), width, 16).plain


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([*failed(1), UnitDisposed(1, mac_of(1), Disposition.SCRAP)], "Put the unit into the scrap box."),
        (failed(1, failed_in_row=3, tries_max=3), "Press F6"),
        ([*failed(1), waiting(1, WaitReason.SCAN_LABEL)], "Waits for its label."),
    ],
    ids=["put aside", "tried out", "removed"],
)
def test_a_low_tile_tells_what_to_do_now_and_no_more_what_to_try(events: list[Event], words: str) -> None:
    for size in ((36, 8), (38, 8), (58, 10)):
        painted = picture(view_after(events), ENGLISH, *size).plain

        assert words in painted
        assert "BOOT pin" not in painted


def test_block_letters_grow_with_the_room() -> None:
    heights = [len(big_word.largest("PASS", "✔", width, 20)) for width in (10, 20, 38, 78)]

    assert heights == [0, 3, 5, 10]


def test_block_letters_are_rectangles() -> None:
    for scale in range(1, 5):
        lines = big_word.draw("ABORTED", "■", scale=scale, gap=1)
        assert {len(line) for line in lines} == {big_word.width_cells("ABORTED", "■", scale, 1)}


def test_a_bar_has_its_width_and_its_share() -> None:
    assert [bar(share, 16).plain.count("█") for share in (0.0, 0.5, 1.0)] == [0, 8, 16]
    assert {bar(share / 100, 16).cell_length for share in range(101)} == {16}


@pytest.mark.parametrize(
    ("lanes", "size", "grid"),
    [
        (1, (80, 18), (1, 1)),
        (2, (80, 18), (2, 1)),
        (3, (80, 20), (2, 2)),
        (4, (80, 20), (2, 2)),
        (8, (80, 20), (4, 2)),
        (16, (80, 20), (4, 4)),
        (2, (120, 30), (2, 1)),
        (4, (120, 32), (2, 2)),
        (16, (120, 32), (4, 4)),
    ],
)
def test_tiles_are_laid_out_for_the_space(lanes: int, size: tuple[int, int], grid: tuple[int, int]) -> None:
    assert grid_size(lanes, *size) == grid


def test_the_list_of_last_units_grows_with_the_screen() -> None:
    assert [last_units_rows(2, 24), last_units_rows(16, 24), last_units_rows(2, 40), last_units_rows(2, 200)] == [
        3,
        1,
        7,
        8,
    ]


def test_wide_signs_count_twice() -> None:
    assert fit("产品没有启动", 7) == "产品没…"
    assert pad("产品", 6) == "产品  "
    assert cell_len(pad("产品没有启动", 8)) == 8


def test_lines_break_between_words_and_between_chinese_signs() -> None:
    assert wrap("Remove the unit, please", 16) == ["Remove the unit,", "please"]
    assert wrap("取出产品，再放回去。", 8) == ["取出产", "品，再放", "回去。"]
    assert wrap("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert wrap("anything", 1) == []


def test_plain_text_keeps_letters_of_all_languages() -> None:
    assert plain("plug-1 产品 é") == "plug-1 产品 é"


def test_quantities_are_short() -> None:
    assert [size_words(850), size_words(97_400), size_words(1_400_000)] == ["850 B", "97 kB", "1.4 MB"]
    assert [rate_words(500), rate_words(91_238), rate_words(250_000)] == ["500 B/s", "91.2 kB/s", "250 kB/s"]
