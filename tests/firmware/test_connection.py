"""The connection against an MQTT 3.1.1 server in memory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.firmware.board import Board
from tests.firmware.fake_platform import DEVICE_NAME, PRODUCT_KEY


def sleep_and_poll(board: Board, connection: Any, ms: int, step_ms: int = 1000) -> None:
    for _ in range(ms // step_ms):
        board.clock.now_ms += step_ms
        connection.poll()


def test_the_platform_sees_name_secure_mode_and_keepalive() -> None:
    board = Board()
    board.connected()
    assert board.platform.connects == [
        {
            "client_id": f"{PRODUCT_KEY}.{DEVICE_NAME}",
            "user": f"{DEVICE_NAME}&{PRODUCT_KEY}",
            "keepalive": 300,
            "securemode": "3",
            "signmethod": "hmacsha256",
            "timestamp": "2524608000000",
        }
    ]


def test_messages_reach_the_handlers_of_the_filters_that_take_them() -> None:
    board = Board()
    connection = board.connected()
    heard: list[tuple[str, bytes]] = []
    connection.on("/a/+/c", lambda topic, payload: heard.append((topic, payload)))
    connection.on("/a/#", lambda topic, _payload: heard.append((topic, b"#")))
    for topic in ("/a/b/c", "/a/b", "/b/a/c"):
        board.platform.push(topic, b"x")
    connection.poll()
    assert heard == [("/a/b/c", b"x"), ("/a/b/c", b"#"), ("/a/b", b"#")]
    assert board.platform.subscribed == ["/a/+/c", "/a/#"]


def test_a_handler_that_publishes_with_an_acknowledgement_does_not_hang() -> None:
    board = Board()
    connection = board.connected()
    connection.on("/ask", lambda _topic, _payload: connection.publish("/answer", b'{"x":1}', 1))
    board.platform.push("/ask", b"")
    board.platform.push("/ask", b"")
    connection.publish("/first", b"{}", 1)
    connection.poll()
    assert [topic for topic, _ in board.platform.published] == ["/first", "/answer", "/answer"]


def test_a_handler_that_raises_is_counted_and_the_others_go_on() -> None:
    board = Board()
    connection = board.connected()
    heard: list[str] = []

    def fall(_topic: str, _payload: bytes) -> None:
        raise KeyError("x")

    connection.on("/a", fall)
    connection.on("/a", lambda topic, _payload: heard.append(topic))
    board.platform.push("/a", b"")
    assert connection.poll()
    assert (heard, connection.faults) == (["/a"], 1)


def test_a_refused_filter_is_noted_and_the_connection_stays() -> None:
    board = Board()
    board.platform.refused_topics = {"/other"}
    connection = board.connected()
    connection.on("/other", lambda *_message: None)
    assert (connection.is_connected, connection.unsubscribed) == (True, ["/other"])


def test_a_silent_link_is_pinged_and_an_answer_keeps_it() -> None:
    board = Board()
    connection = board.connected()
    sleep_and_poll(board, connection, 3_600_000, 10_000)
    assert connection.is_connected
    assert connection.connects == 1


def test_a_link_whose_pings_stay_unanswered_is_given_up_and_made_anew() -> None:
    board = Board()
    connection = board.connected()
    lost: list[int] = []
    connection.when_lost.append(lambda: lost.append(board.clock.now_ms))
    board.platform.answers_pings = False
    sleep_and_poll(board, connection, 500_000)
    assert lost[0] == pytest.approx(451_000, abs=2000)
    assert connection.connects == 2


def test_after_a_reconnect_everything_is_subscribed_again() -> None:
    board = Board()
    connection = board.connected()
    connection.on("/a", lambda *_message: None)
    board.platform.hang_up()
    sleep_and_poll(board, connection, 5000)
    assert connection.is_connected
    assert board.platform.subscribed == ["/a", "/a"]


def test_without_a_connection_nothing_is_sent_and_it_says_so() -> None:
    board = Board()
    connection = board.connected()
    board.platform.hang_up()
    assert not connection.publish("/a", b"{}")
    assert not connection.publish("/a", b"{}")
    assert not connection.is_connected


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
def test_a_refusal_is_told_by_its_code_and_not_repeated_in_haste(code: int) -> None:
    board = Board()
    board.platform.refuse_with = code
    connection = board.load("aliyun.connection").Connection(board.certificate(), board.config(), board.clock)
    connection.poll()
    assert connection.refusal == code
    sleep_and_poll(board, connection, 59_000)
    assert len(board.platform.connects) <= (1 if code in (2, 4, 5) else 5)


def test_no_more_than_thirty_messages_leave_in_a_second() -> None:
    board = Board()
    connection = board.connected()
    for _ in range(100):
        connection.publish("/a", b"{}")
    assert board.clock.now_ms >= 3000
    assert len(board.platform.bodies("/a")) == 100


def test_a_flood_of_messages_is_cut_off_and_counted() -> None:
    board = Board()
    connection = board.connected()
    connection.on("/a", lambda *_message: None)
    for _ in range(40):
        board.platform.push("/a", b"x" * 100)
    connection.publish("/b", b"{}", 1)
    assert connection.dropped == 24
    assert connection.poll()


def test_a_topic_longer_than_the_platform_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="topic too long"):
        Board().connected().publish("/" + "a" * 128, b"{}")


def test_a_stream_that_is_no_mqtt_ends_the_connection_and_not_the_device() -> None:
    board = Board()
    connection = board.connected()
    assert board.platform.socket is not None
    board.platform.socket.answers += b"\x30\x05\xff\xff\xff\xff\xff" + b"\xff" * 40
    board.platform.hang_up()
    for _ in range(4):
        connection.poll()
    sleep_and_poll(board, connection, 10_000)
    assert connection.is_connected
