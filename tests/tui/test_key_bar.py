"""The key bar shows every key of a screen, in one order, in the width there is."""

from __future__ import annotations

from itertools import pairwise

from station.tui.key_bar import KeyWord, place_keys
from tests.tui.driving import on_line, settle
from tests.tui.fake_line import fake_app, fake_line, writing
from tests.tui.pictures import screen_text

KEYS = tuple(KeyWord(f"f{number}", f"F{number}", "long word", "word", enabled=True) for number in range(1, 6))


def shown(width: int) -> str:
    placed = place_keys(KEYS, width)
    assert all(one.end < other.start for one, other in pairwise(placed))
    assert placed[-1].end <= width
    return placed[0].words


def test_full_words_stand_where_they_fit_and_short_ones_where_they_do_not() -> None:
    assert [shown(width) for width in (80, 73, 69, 68, 44, 40)] == ["long word"] * 3 + ["word"] * 3


def test_where_short_words_do_not_fit_either_those_of_keys_that_do_nothing_now_go() -> None:
    keys = (
        *KEYS[:2],
        *(KeyWord(f"f{number}", f"F{number}", "long", "word", enabled=number > 3) for number in (3, 4, 5)),
    )
    placed = place_keys(keys, 32)

    assert [one.words for one in placed] == ["", "word", "", "word", "word"]
    assert placed[-1].end <= 32


async def test_a_click_on_a_key_is_that_key_and_a_dim_one_is_none() -> None:
    line = fake_line(2)
    app = fake_app(line)
    async with on_line(app) as pilot:
        column = screen_text(app).splitlines()[-1].index("F8")
        await pilot.click("KeyBar", offset=(column, 0))
        await settle(pilot)
        assert line.calls == ["start"]
        line.say(*writing(1))
        await settle(pilot)
        await pilot.click("KeyBar", offset=(column, 0))
        await settle(pilot)

    assert line.calls == ["start", "abort 1"]
