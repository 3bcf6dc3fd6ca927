"""The security eFuses of virtual chips, read through the real door: esptool over an RFC 2217 port."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from station.chip.chip import Chip, ResetMode, SyncOutcome
from station.chip.lane_port import LanePort
from station.errors import ChipError, Code
from station.unit import ChipIdentity, EncryptionMode, SecurityState
from station.virtual.fixture import Fixture, make_unit
from station.virtual.security_fuses import SecurityFuses

MAC = "24:0a:c4:00:30:01"
DIGEST = bytes(range(32))
UNBURNT = SecurityState(
    flash_encryption=False,
    secure_boot=False,
    secure_download=False,
    jtag_disabled=False,
    encrypted_download_disabled=False,
    read_protected_keys=(),
)


def identified(chip: str, fuses: SecurityFuses, revision: int | None = None) -> ChipIdentity:
    with Fixture(make_unit(MAC, chip=chip, security=fuses, revision=revision)) as fixture:
        port = LanePort.open(fixture.url, threading.Event())
        door = Chip(port, ResetMode.DEFAULT_RESET)
        try:
            assert door.sync() is SyncOutcome.READY
            return door.identify()
        finally:
            door.release()


@pytest.mark.parametrize(
    ("fuses", "revision", "said"),
    [
        pytest.param(SecurityFuses(), 300, {}, id="none"),
        pytest.param(
            SecurityFuses(flash_encryption=True, jtag_disabled=True), 300,
            {"flash_encryption": True, "encryption_mode": EncryptionMode.DEVELOPMENT, "jtag_disabled": True,
             "read_protected_keys": ("BLOCK1",)}, id="encryption and JTAG",
        ),
        pytest.param(
            SecurityFuses(flash_encryption=True, release_mode=True), 300,
            {"flash_encryption": True, "encryption_mode": EncryptionMode.RELEASE, "encrypted_download_disabled": True,
             "read_protected_keys": ("BLOCK1",)}, id="encryption for ever",
        ),
        pytest.param(
            SecurityFuses(secure_boot_v1=True), 100,
            {"secure_boot": True, "secure_boot_version": 1, "read_protected_keys": ("BLOCK2",)}, id="secure boot v1",
        ),
        pytest.param(
            SecurityFuses(secure_boot=True, secure_boot_digest=DIGEST), 300,
            {"secure_boot": True, "secure_boot_version": 2, "secure_boot_digest": DIGEST.hex()}, id="secure boot v2",
        ),
        pytest.param(SecurityFuses(secure_boot=True), 100, {}, id="secure boot v2 means nothing to an old one"),
        pytest.param(
            SecurityFuses(burnt_keys=frozenset({3})), 300, {"read_protected_keys": ("BLOCK3",)}, id="a key that nobody reads"
        ),
    ],
)  # fmt: skip
def test_an_esp32_tells_what_is_burnt(fuses: SecurityFuses, revision: int, said: dict[str, object]) -> None:
    seen = identified("esp32", fuses, revision)
    assert seen.revision_number == revision
    assert seen.security == replace(UNBURNT, download_disabled=False, **said)  # type: ignore[arg-type]  # names of its fields


@pytest.mark.parametrize(
    ("fuses", "said"),
    [
        pytest.param(SecurityFuses(), {}, id="none"),
        pytest.param(
            SecurityFuses(flash_encryption=True, secure_boot=True, jtag_disabled=True),
            {"flash_encryption": True, "encryption_mode": EncryptionMode.DEVELOPMENT, "secure_boot": True,
             "secure_boot_version": 2, "jtag_disabled": True, "read_protected_keys": ("KEY0",),
             "key_purposes": ("KEY0 XTS_AES_128_KEY", "KEY1 SECURE_BOOT_DIGEST0")}, id="everything",
        ),
    ],
)  # fmt: skip
def test_a_newer_chip_tells_what_is_burnt(fuses: SecurityFuses, said: dict[str, object]) -> None:
    seen = identified("esp32c3", fuses)
    assert seen.security == replace(UNBURNT, **{"key_purposes": (), **said})  # type: ignore[arg-type]  # names of its fields


def test_a_chip_in_secure_download_mode_is_told_apart_although_it_tells_no_mac() -> None:
    with pytest.raises(ChipError) as caught:
        identified("esp32c3", SecurityFuses(secure_download=True))
    assert caught.value.code is Code.SECURITY_SET
    assert "ESP32-C3" in caught.value.cause
