"""What is judged before anything is written: family, revision, security eFuses, the profile's word on them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from station.errors import Code
from station.image.esp_image import EspImage, check_esp_image
from station.line.preflight import Demands, judge, remarks
from station.profile.recipe import Program
from station.profile.security import SecurityExpectation
from station.unit import ChipIdentity, EncryptionMode, Mac, SecurityState
from station.virtual.images import make_app, make_bootloader

KEY = "ab" * 32
IMAGES = {
    chip: (
        check_esp_image(make_bootloader(chip), "bootloader.bin"),
        check_esp_image(make_app(chip, "app", "1.0.0", code_bytes=64), "app.bin"),
    )
    for chip in ("esp32", "esp32c3")
}
OPEN = SecurityState(flash_encryption=False, secure_boot=False, jtag_disabled=False)


def programs(chip: str = "esp32", signed_with: str | None = None) -> tuple[Program, ...]:
    bootloader, app = (replace(image, signing_key_sha256=signed_with) for image in IMAGES[chip])
    return Program("bootloader.bin", bootloader, is_app=False), Program("app.bin", app, is_app=True)


def unit(chip: str = "esp32", revision: str | None = None, **said: object) -> ChipIdentity:
    revision = revision or ("v3.0" if chip == "esp32" else "v0.3")
    security = replace(OPEN, **said)  # type: ignore[arg-type]  # names of its fields
    return ChipIdentity(chip, f"{chip} (test)", revision, Mac("24:0a:c4:00:00:01"), 0, security)


def demands(
    chip: str = "esp32", signed_with: str | None = None, expect: SecurityExpectation = SecurityExpectation.NONE
) -> Demands:
    return Demands("smart-plug", chip, programs(chip, signed_with), expect)


def needing(oldest: int = 0, newest: int | None = None, *, bootloader: bool = False) -> Demands:
    def bounded(image: EspImage) -> EspImage:
        return replace(image, minimum_revision=oldest, maximum_revision=newest)

    boot, app = programs()
    parts = (
        (replace(boot, image=bounded(boot.image)), app)
        if bootloader
        else (boot, replace(app, image=bounded(app.image)))
    )
    return Demands("smart-plug", "esp32", parts)


@pytest.mark.parametrize("chip", ["esp32", "esp32c3"])
def test_an_unburnt_unit_is_written_and_nothing_is_remarked(chip: str) -> None:
    assert judge(unit(chip), demands(chip)) is None
    assert remarks(unit(chip)) == ()


@pytest.mark.parametrize(
    ("seen", "wanted", "code", "words"),
    [
        pytest.param(unit("esp32c3"), demands(), Code.WRONG_CHIP, "esp32c3", id="family"),
        pytest.param(unit("esp32c3", secure_boot=True), demands(), Code.WRONG_CHIP, "esp32c3", id="family goes first"),
        pytest.param(unit(revision="v1.0"), needing(300), Code.WRONG_REVISION, "too old for app.bin", id="old"),
        pytest.param(
            unit(revision="v1.0"), needing(300, bootloader=True), Code.WRONG_REVISION, "bootloader.bin", id="old, bootloader"
        ),
        pytest.param(unit(revision="v3.1"), needing(0, 300), Code.WRONG_REVISION, "v3.0 or older", id="new"),
        pytest.param(unit(secure_download=True), demands(), Code.SECURITY_SET, "ENABLE_SECURITY_DOWNLOAD", id="locked"),
        pytest.param(
            unit(flash_encryption=True, encryption_mode=EncryptionMode.RELEASE),
            demands(), Code.SECURITY_SET, "FLASH_CRYPT_CNT, release", id="encryption, release",
        ),
        pytest.param(
            unit("esp32c3", flash_encryption=True, encryption_mode=EncryptionMode.DEVELOPMENT),
            demands("esp32c3"), Code.SECURITY_SET, "SPI_BOOT_CRYPT_CNT, development", id="encryption, development",
        ),
        pytest.param(
            unit(secure_boot=True, secure_boot_version=1), demands(), Code.SECURITY_SET, "ABS_DONE_0", id="secure boot v1"
        ),
        pytest.param(
            unit(secure_boot=True, secure_boot_version=2, secure_boot_digest=KEY),
            demands(), Code.SECURITY_SET, "bootloader.bin is not signed", id="secure boot v2, unsigned",
        ),
        pytest.param(
            unit(secure_boot=True, secure_boot_version=2, secure_boot_digest=KEY),
            demands(signed_with="cd" * 32), Code.SECURITY_SET, "signed with another key", id="secure boot v2, another key",
        ),
        pytest.param(
            unit("esp32c3", secure_boot=True, secure_boot_version=2),
            demands("esp32c3"), Code.SECURITY_SET, "SECURE_BOOT_EN", id="secure boot, newer chip",
        ),
    ],
)  # fmt: skip
def test_what_these_images_would_spoil_is_refused_in_words_and_nobody_may_force_it(
    seen: ChipIdentity, wanted: Demands, code: Code, words: str
) -> None:
    refusal = judge(seen, wanted)
    assert refusal is not None
    assert (refusal.error.code, refusal.forcible) == (code, False)
    assert words in refusal.error.cause
    assert code is not Code.SECURITY_SET or f"(eFuse {refusal.error.facts['fuse']}" in refusal.error.cause
    assert "--force-security" not in refusal.error.mend


@pytest.mark.parametrize(
    ("seen", "wanted", "words"),
    [
        pytest.param(
            unit(secure_boot=True, secure_boot_version=2, secure_boot_digest=KEY),
            demands(signed_with=KEY), "signed with the key that it trusts", id="secure boot v2, its key",
        ),
        pytest.param(unit(), demands(expect=SecurityExpectation.JTAG_DISABLED), "JTAG open", id="JTAG open"),
        pytest.param(
            unit(jtag_disabled=None), demands(expect=SecurityExpectation.JTAG_DISABLED), "cannot be asked", id="JTAG unknown"
        ),
    ],
)  # fmt: skip
def test_where_the_unit_would_start_all_the_same_a_line_lead_may_force(
    seen: ChipIdentity, wanted: Demands, words: str
) -> None:
    refusal = judge(seen, wanted)
    assert refusal is not None
    assert (refusal.error.code, refusal.forcible) == (Code.SECURITY_SET, True)
    assert words in refusal.error.cause
    assert f"(eFuse {refusal.error.facts['fuse']})" in refusal.error.cause
    assert "--force-security" in refusal.error.mend


def test_a_bootloader_names_no_newest_revision() -> None:
    assert judge(unit(revision="v3.1"), needing(0, 300, bootloader=True)) is None


def test_what_is_burnt_and_harmless_is_remarked_and_written() -> None:
    seen = unit(jtag_disabled=True, encrypted_download_disabled=True, read_protected_keys=("BLOCK3",))
    assert judge(seen, demands(expect=SecurityExpectation.JTAG_DISABLED)) is None
    assert remarks(seen) == (
        "JTAG disabled (JTAG_DISABLE)",
        "encrypted download disabled (DISABLE_DL_ENCRYPT)",
        "read-protected keys BLOCK3",
    )
