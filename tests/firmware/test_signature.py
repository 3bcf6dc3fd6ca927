"""The signature: vectors from elsewhere, and the platform's own calculation."""

from __future__ import annotations

import hashlib
import hmac
import random

import pytest

from tests.firmware.board import Board
from tests.firmware.fake_platform import DEVICE_NAME, PRODUCT_KEY, SECRET, signature_of


@pytest.mark.parametrize(
    ("key", "message", "expected"),
    [
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ],
    ids=["RFC 4231 case 1", "RFC 4231 case 2", "RFC 4231 case 6"],
)
def test_hmac_gives_the_vectors_of_rfc_4231(key: bytes, message: bytes, expected: str) -> None:
    assert Board().load("aliyun.signature").hmac_sha256(key, message).hex() == expected


def test_hmac_is_the_standard_librarys_for_keys_of_every_length() -> None:
    hmac_sha256 = Board().load("aliyun.signature").hmac_sha256
    chance = random.Random(5)  # noqa: S311  # test data, not keys
    for length in (0, 1, 32, 63, 64, 65, 128, 200):
        key, message = chance.randbytes(length), chance.randbytes(length * 3)
        assert hmac_sha256(key, message) == hmac.new(key, message, hashlib.sha256).digest()


@pytest.mark.parametrize(("is_tls", "mode"), [(True, "2"), (False, "3")])
def test_the_connect_fields_are_the_platforms(is_tls: bool, mode: str) -> None:
    board = Board()
    wire_id, user, password = board.load("aliyun.signature").connect_fields(board.certificate(), is_tls)
    client_id = f"{PRODUCT_KEY}.{DEVICE_NAME}"
    assert wire_id == f"{client_id}|securemode={mode},signmethod=hmacsha256,timestamp=2524608000000|"
    assert user == f"{DEVICE_NAME}&{PRODUCT_KEY}"
    # The C SDK signs this very text: clientId, deviceName, productKey, timestamp, each name followed by its value.
    text = f"clientId{client_id}deviceName{DEVICE_NAME}productKey{PRODUCT_KEY}timestamp2524608000000"
    assert password == hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def test_a_clientid_of_ones_own_is_what_is_signed() -> None:
    board = Board()
    wire_id, _, password = board.load("aliyun.signature").connect_fields(board.certificate(), False, "mac1", "1")
    assert wire_id.startswith("mac1|")
    fields = {"clientId": "mac1", "deviceName": DEVICE_NAME, "productKey": PRODUCT_KEY, "timestamp": "1"}
    assert password == signature_of(SECRET, **fields)
