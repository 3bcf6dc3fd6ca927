"""What a keyring that cannot be used comes to, for the ledger's key and for the platform's."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from keyring.errors import KeyringLocked

from station.certificate import Secret
from station.errors import Code, CodedError
from station.ledger.key_sources import keep_key
from station.platform.access_key import AccessKey, store_access_key, stored_access_key
from tests.ledger.memory_keyring import MemoryKeyring


def of_ledger() -> None:
    keep_key({"service": "flashing-station", "user": "ledger/1"}, b"k" * 32)


def of_platform() -> None:
    store_access_key(AccessKey("id", Secret("s3cret")))


class Locked(MemoryKeyring):
    priority = 8

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked("s3cret")


class Unsafe(MemoryKeyring):
    priority = 0.5


@pytest.mark.parametrize(
    ("keep", "made", "code", "cause"),
    [
        (of_ledger, Locked, Code.KEY_MISSING, "does not open (KeyringLocked)"),
        (of_platform, Locked, Code.PLATFORM_KEY_REFUSED, "does not open (KeyringLocked)"),
        (of_ledger, Unsafe, Code.KEY_MISSING, "no keyring that keeps"),
        (of_platform, Unsafe, Code.PLATFORM_KEY_REFUSED, "no keyring that keeps"),
        (of_ledger, None, Code.KEY_MISSING, "not installed"),
        (of_platform, None, Code.PLATFORM_CLIENT_MISSING, "not installed"),
    ],
)
def test_each_trouble_has_its_code_and_tells_nothing_of_what_was_to_be_kept(
    monkeypatch: pytest.MonkeyPatch,
    keep: Callable[[], None],
    made: type[MemoryKeyring] | None,
    code: Code,
    cause: str,
) -> None:
    if made is None:
        monkeypatch.setitem(sys.modules, "keyring", None)
    else:
        monkeypatch.setattr("keyring.get_keyring", made)
    with pytest.raises(CodedError) as caught:
        keep()
    assert caught.value.code is code
    assert cause in caught.value.cause
    assert "s3cret" not in str(caught.value)
    if made is not Locked:
        assert stored_access_key() is None
