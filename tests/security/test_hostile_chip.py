"""A chip that says whatever it likes: the lane ends with an error of ours, soon, in bounded memory."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable

import pytest

from station.chip.chip import Chip, ResetMode, SyncOutcome
from station.chip.console import KEPT_LINES_MAX, LINE_LENGTH_MAX, Console, harmless
from station.chip.lane_port import ANSWER_BYTES_MAX, LanePort
from station.chip.rfc2217 import UnreadBytes
from station.errors import ChipError, Code
from tests.security.flood import Flood, Speech, TalkingPort


def for_ever(data: bytes) -> Speech:
    def speech() -> Iterable[bytes]:
        while True:
            yield data

    return speech


SYNC_ANSWER = b"\xc0\x01\x08\x04\x00\x07\x12\x20\x55\x00\x00\x00\x00\xc0"
FLOODS = {
    "garbage": bytes(range(256)) * 16,
    "a frame without an end": b"\xc0" + b"x" * 4095,
    "empty frames": b"\xc0" * 4096,
    "escapes": b"\xc0" + b"\xdb\xdc" * 2000,
    "an endless boot log": b"ets Jul 29 2019 12:21:46\r\nrst:0x1 (POWERON_RESET),boot:0x13\r\n" * 60,
    "right answers without end": SYNC_ANSWER * 300,
    "answers to another question": SYNC_ANSWER.replace(b"\x08", b"\x0a", 1) * 300,
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_chip_that_talks_without_end_is_no_unit_and_holds_no_lane(name: str) -> None:
    with Flood(for_ever(FLOODS[name])) as flood:
        port = LanePort.open(flood.url, threading.Event())
        chip = Chip(port, ResetMode.NO_RESET)
        try:
            began = time.monotonic()
            if chip.sync() is SyncOutcome.READY:  # it answered right, so it is asked further
                with pytest.raises(ChipError):
                    chip.identify()
            assert time.monotonic() - began < 20
        finally:
            chip.release()


def test_an_answer_without_an_end_is_given_up_within_its_bound() -> None:
    port = LanePort(TalkingPort(b"\xc0" + b"x" * (4 << 20)), "test", threading.Event())  # type: ignore[arg-type]  # a stand-in
    port.timeout = 0.0
    heard: list[int] = []

    def gather() -> None:
        while True:
            heard.append(len(port.read(port.in_waiting)))

    with pytest.raises(ChipError) as caught:
        gather()
    assert caught.value.code is Code.CHIP_GARBLED
    assert sum(heard) <= ANSWER_BYTES_MAX


def test_each_request_has_an_answer_of_its_own_to_bound() -> None:
    port = LanePort(TalkingPort(b"x" * (1 << 20)), "test", threading.Event())  # type: ignore[arg-type]  # a stand-in
    port.timeout = 0.0
    while data := port.read(port.in_waiting):
        port.write(b"next")
        assert len(data) <= ANSWER_BYTES_MAX


def test_an_answer_that_drips_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("station.chip.lane_port.time.monotonic", lambda: now[0])
    port = LanePort(TalkingPort(b"\xc0" * 100), "test", threading.Event())  # type: ignore[arg-type]  # a stand-in

    def gather() -> None:
        while True:
            port.read(1)
            now[0] += 1.0

    with pytest.raises(ChipError):
        gather()
    assert now[0] < 60


def test_what_nobody_reads_is_kept_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.chip.rfc2217.UNREAD_BYTES_MAX", 500)
    unread = UnreadBytes()
    for _ in range(1000):
        unread.put(b"xy")
    assert unread.qsize() == 500
    unread.end()
    unread.forget()
    assert (unread.qsize(), unread.take(1, None)) == (0, b"")


def test_a_boot_log_without_end_or_line_ends_with_its_time() -> None:
    for said in (b"x" * 4096, b"line\n" * 800, b"\x1b[2J\x1b]0;owned\x07" * 300):
        with Flood(for_ever(said)) as flood:
            port = LanePort.open(flood.url, threading.Event())
            console = Console(port)
            try:
                began = time.monotonic()
                assert console.wait_for(re.compile("ready"), 0.5) is None
                assert time.monotonic() - began < 5
            finally:
                port.release()
            assert len(console.lines) <= KEPT_LINES_MAX
            assert max(len(line) for line in console.lines) <= LINE_LENGTH_MAX
            assert "\x1b" not in "".join(console.lines)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x1b[31mred\x1b[0m",
        b"\x1b]0;title\x07text",
        b"\x1b]52;c;ZXZpbA==\x07",
        b"\x9b2J",
        "\u009b2J".encode(),
        "\u202etxet".encode(),
        "\u2028\u2066x".encode(),
        b"\x00\x07\x08\x7f",
        b"\x1bP+q\x1b\\",
        b"\xff\xfe" * 50,
    ],
)
def test_no_code_that_a_terminal_obeys_is_left_of_a_line(raw: bytes) -> None:
    text = harmless(raw)
    assert text.isprintable(), ascii(text)
