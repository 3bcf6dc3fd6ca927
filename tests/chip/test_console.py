"""What a unit says is waited for, bounded and made harmless."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import cast

import pytest

from station.chip.console import KEPT_LINES_MAX, LINE_LENGTH_MAX, Console, harmless
from station.chip.lane_port import LanePort


class SpeakingPort:
    """Gives one chunk at each read; its clock moves one second a read."""

    url = "test"
    timeout = 0.0
    in_waiting = 4096

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.now = 0.0

    def listen(self, _size: int) -> bytes:
        self.now += 1.0
        return next(self._chunks, b"")

    def clock(self) -> float:
        return self.now


def console_saying(*chunks: bytes) -> Console:
    port = SpeakingPort(chunks)
    return Console(cast("LanePort", port), port.clock)


def test_a_line_that_arrives_in_pieces_is_found() -> None:
    assert console_saying(b"boot\r\nrea", b"dy 1.0\r\n").wait_for(re.compile(r"^ready (\S+)"), 10) is not None


def test_lines_after_the_match_stay_for_the_next_question() -> None:
    console = console_saying(b"ready\r\nonline\r\n")
    assert console.wait_for(re.compile("ready"), 10)
    assert console.wait_for(re.compile("online"), 10)


def test_a_prompt_without_line_end_counts_when_the_time_is_over() -> None:
    assert console_saying(b">>> ").wait_for(re.compile("^>>> $"), 3)


def test_silence_gives_nothing() -> None:
    assert console_saying().wait_for(re.compile("ready"), 3) is None


def test_a_chip_that_babbles_without_end_is_bounded() -> None:
    console = console_saying(*[b"x" * 4096] * 300)
    assert console.wait_for(re.compile("ready"), 250) is None
    assert len(console.lines) <= KEPT_LINES_MAX
    assert max(len(line) for line in console.lines) <= LINE_LENGTH_MAX


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b[0;32mI (31) boot: ok\x1b[0m", "I (31) boot: ok"),
        (b"a\x07b\x00c", "abc"),
        (b"\x1b]0;title\x07x", "0;titlex"),
        (b"\xff\xfe", "��"),
        ("温度".encode(), "温度"),
    ],
)
def test_control_codes_are_taken_out(raw: bytes, text: str) -> None:
    assert harmless(raw) == text
