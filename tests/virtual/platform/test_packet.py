"""MQTT packets: whatever comes, it is a packet or a MalformedPacket; sizes are limited before anything is read."""

from __future__ import annotations

import asyncio
import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.virtual.platform import packet as mqtt

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


async def read(data: bytes) -> mqtt.Packet:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return await mqtt.read_packet(reader)


def counted(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 255), st.binary(max_size=120))
def test_any_bytes_are_a_packet_or_malformed(first: int, body: bytes) -> None:
    with contextlib.suppress(mqtt.MalformedPacket):
        assert isinstance(mqtt.decode_packet(first, body), mqtt.Packet)


@settings(max_examples=100, deadline=None)
@given(TEXT, TEXT, TEXT, st.integers(0, 0xFFFF), st.integers(0, 200))
def test_a_connect_cut_anywhere_is_malformed_and_whole_it_is_read(
    client_id: str, user: str, password: str, keepalive_s: int, cut: int
) -> None:
    body = counted("MQTT") + bytes([4, 0xC2]) + struct.pack(">H", keepalive_s)
    body += counted(client_id) + counted(user) + counted(password)
    assert mqtt.decode_packet(0x10, body) == mqtt.Connect(client_id, user, password, keepalive_s, is_clean=True)
    with pytest.raises(mqtt.MalformedPacket):
        mqtt.decode_packet(0x10, body[: min(cut, len(body) - 1)])


@settings(max_examples=60, deadline=None)
@given(TEXT, st.binary(max_size=300), st.integers(0, 1))
async def test_what_the_platform_sends_is_read_again(topic: str, payload: bytes, qos: int) -> None:
    packet_id = 7 if qos else 0
    sent = mqtt.publish(topic, payload, qos, packet_id)
    assert await read(sent) == mqtt.Publish(topic, payload, qos, packet_id)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x30\xff\xff\xff\xff\x01", "more than four bytes"),
        (b"\x30\xff\xff\xff\x7f", "too large"),
        (b"\x34\x05\x00\x01a\x00\x01", "QoS 0 and 1"),
        (b"\x32\x05\x00\x01a\x00\x00", "identifier 0"),
        (b"\x82\x02\x00\x01", "without a filter"),
        (b"\x80\x06\x00\x01\x00\x01a\x00", "reserved flags"),
        (b"\x20\x02\x00\x00", "may not send"),
        (b"\xc0\x01x", "after the end"),
        (b"\x30\x04\x00\x02\xc3\x28", "UTF-8"),
    ],
)
async def test_what_the_standard_or_the_platform_forbids_is_malformed(data: bytes, why: str) -> None:
    with pytest.raises(mqtt.MalformedPacket, match=why):
        await read(data)


async def test_a_packet_that_ends_early_is_the_end_of_the_connection() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        await read(b"\x30\x05\x00\x01a")


def test_another_version_is_told_apart_from_garbage() -> None:
    with pytest.raises(mqtt.WrongProtocol):
        mqtt.decode_packet(0x10, counted("MQTT") + bytes([5, 2, 0, 60, 0]) + counted("x"))


def test_a_password_that_is_no_text_is_read() -> None:
    body = counted("MQTT") + bytes([4, 0xC2, 0, 60]) + counted("c") + counted("u") + b"\x00\x02\xff\xfe"
    packet = mqtt.decode_packet(0x10, body)
    assert packet == mqtt.Connect("c", "u", "\ufffd\ufffd", 60, is_clean=True)
    assert "\ufffd" not in repr(packet)
