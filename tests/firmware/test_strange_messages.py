"""Whatever the cloud sends under whatever topic, the application goes on, keeps its version and its connection."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.firmware.board import Board

KEYS = [
    "id",
    "code",
    "data",
    "params",
    "method",
    "payload",
    "state",
    "status",
    "version",
    "desired",
    "reported",
    "content",
]
KEYS += ["errorcode", "url", "size", "sign", "signMethod", "module", "configId", "configSize", "deviceSendTime"]
KEYS += ["serverRecvTime", "serverSendTime", "PowerSwitch", "PostPeriod"]
WORDS = [
    "",
    "1",
    "reply",
    "control",
    "success",
    "error",
    "409",
    "SHA256",
    "default",
    "firmware",
    "http://x/y",
    "0" * 64,
]
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(), st.sampled_from(WORDS), st.text()
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)),
    max_leaves=12,
)
MESSAGES = st.one_of(
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8).map(lambda body: json.dumps(body).encode()),
)


@cache
def running() -> tuple[Board, Any]:
    """Give a board whose application is online; it lives through all examples."""
    board = Board()
    app = board.load("station_app")
    plug = app.Plug(board.certificate(), board.config())
    while not plug.connection.is_connected:
        plug.step()
    return board, plug


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 1000), MESSAGES), min_size=1, max_size=8))
def test_no_message_stops_the_application(messages: list[tuple[int, bytes]]) -> None:
    board, plug = running()
    topics = sorted(set(board.platform.subscribed))
    for number, message in messages:
        board.platform.push(topics[number % len(topics)], message)
    for _ in range(3):
        board.clock.now_ms += 100
        plug.step()
    assert plug.connection.is_connected
    assert board.lines == ["station-app online"]
    assert not plug.ota.is_restart_due
