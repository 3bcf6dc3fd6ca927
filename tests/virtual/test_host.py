"""The host of a few lines itself: it loses nothing of what a chip says, however the pieces come."""

from __future__ import annotations

import socket

from station.virtual.slip import encode_frame
from tests.virtual.host import LIMIT_S, Host


def test_what_comes_in_one_piece_with_an_answer_is_still_to_be_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Host(server.getsockname()[1]) as host:
        chip, _ = server.accept()
        with chip:
            chip.sendall(encode_frame(b"answer") + b"rst:0x1\r\nthe application runs\r\n")
            assert host.frames(1) == [b"answer"]
            assert host.read_until(b"runs\r\n") == b"rst:0x1\r\nthe application runs\r\n"


def test_a_port_command_that_comes_in_two_pieces_is_not_taken_for_data() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Host(server.getsockname()[1]) as host:
        chip, _ = server.accept()
        with chip:
            chip.settimeout(LIMIT_S)
            chip.sendall(b"one\xff\xff\xff\xfa\x2c")
            assert host.read_until(b"one\xff") == b"one\xff"
            chip.sendall(b"\x65\x09\xff\xf0two")
            assert host.read_until(b"two") == b"two"
