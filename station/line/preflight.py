"""The security pre-flight: may this unit be written with these images? Decided before anything is, from eFuses and headers.

Nothing here asks a chip. A refusal is `forcible` when a line lead may overrule it; where the unit would certainly not
start again, nobody may. Sources: ESP-IDF "Secure Boot v2", "Flash Encryption"; esptool's `run_stub`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from station.errors import CertificateHeld, ChipError, Code
from station.ledger import UnitStanding
from station.profile.recipe import Program, Recipe
from station.profile.security import SecurityExpectation
from station.unit import ChipIdentity, Disposition, EncryptionMode, SecurityState

_ASIDE: Final = "Put it aside for the line lead"
_FORCE: Final = "who may have it written with --force-security and a reason"


@dataclass(frozen=True, slots=True)
class Demands:
    """What a profile and its images ask of a unit."""

    profile: str
    chip: str
    programs: tuple[Program, ...]
    expect: SecurityExpectation = SecurityExpectation.NONE


def demands_of(recipe: Recipe) -> Demands:
    """Give what a recipe asks of a unit."""
    profile = recipe.profile
    return Demands(profile.name, profile.chip, recipe.programs, profile.security.expect)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a unit is not written."""

    error: ChipError
    forcible: bool = False
    """A line lead may have it written all the same."""


def judge(seen: ChipIdentity, demands: Demands) -> Refusal | None:
    """Say why this unit must not be written, the reason that no fuse can change first; None when it may be."""
    state = seen.security
    return (
        _family(seen, demands)
        or _revision(seen, demands.programs)
        or _download_mode(state)
        or _flash_encryption(seen.chip, state)
        or _secure_boot(seen.chip, state, demands.programs)
        or _expectation(seen.chip, state, demands.expect)
    )


def remarks(seen: ChipIdentity) -> tuple[str, ...]:
    """Give what is burnt and does no harm, for the run's record."""
    state = seen.security
    said = []
    if state.jtag_disabled:
        said.append(f"JTAG disabled ({_fuse(seen.chip, 'jtag')})")
    if state.encrypted_download_disabled and not state.flash_encryption:
        said.append(f"encrypted download disabled ({_fuse(seen.chip, 'encrypt')})")
    if state.read_protected_keys:
        said.append(f"read-protected keys {', '.join(state.read_protected_keys)}")
    if state.key_purposes:
        said.append(f"keys burnt: {', '.join(state.key_purposes)}")
    if state.download_disabled:
        # Only an ESP32 before v3.0 still answers then.
        said.append("UART_DOWNLOAD_DIS is burnt, which this revision takes no notice of")
    return tuple(said)


def judge_standing(standing: UnitStanding, retries: int | None) -> CertificateHeld | None:
    """Say why this unit must not be walked again, because of what was decided about it or was not yet; None when it may."""
    if standing.disposition in {Disposition.HOLD, Disposition.SCRAP}:
        word = "on hold" if standing.disposition is Disposition.HOLD else "scrap"
        return CertificateHeld(
            Code.UNIT_PUT_ASIDE,
            f"This unit is {word}: {standing.reason}",
            "Put it back where it was; a line lead may let it go",
            facts={"reason": standing.reason},
        )
    if retries is not None and standing.failed_in_row > retries:
        return CertificateHeld(
            Code.TRIED_TOO_OFTEN,
            f"This unit has failed {standing.failed_in_row} times, and {retries + 1} tries are allowed",
            "Decide where it goes: rework, hold or scrap",
            facts={"tries": standing.failed_in_row, "most": retries + 1},
        )
    return None


def _family(seen: ChipIdentity, demands: Demands) -> Refusal | None:
    if seen.chip == demands.chip:
        return None
    return Refusal(
        ChipError(
            Code.WRONG_CHIP,
            f"This unit is an {seen.chip} ({seen.description}), the profile {demands.profile} is for {demands.chip}",
            "Put in a unit of this product, or choose the profile of this unit",
            facts={"chip": seen.chip, "wanted": demands.chip},
        )
    )


def _revision(seen: ChipIdentity, programs: Sequence[Program]) -> Refusal | None:
    """Compare as a bootloader does: the oldest revision of every image, the newest of applications."""
    number = seen.revision_number
    if number is None:
        return None
    for program in programs:
        oldest, newest = program.image.minimum_revision, program.image.maximum_revision
        if number < oldest:
            bound = f"is too old for {program.name}, which needs {_revision_text(oldest)} or newer"
        elif program.is_app and newest is not None and number > newest:
            bound = f"is too new for {program.name}, which runs on {_revision_text(newest)} or older"
        else:
            continue
        return Refusal(
            ChipError(
                Code.WRONG_REVISION,
                f"The silicon of this unit ({seen.chip} {seen.revision}) {bound}",
                "Put it aside; for this silicon the firmware must be built anew",
                facts={"revision": f"{seen.chip} {seen.revision}", "program": program.name},
            )
        )
    return None


def _download_mode(state: SecurityState) -> Refusal | None:
    if not state.secure_download:
        return None
    return _locked(
        "ENABLE_SECURITY_DOWNLOAD",
        "its download mode is locked for ever (eFuse ENABLE_SECURITY_DOWNLOAD): no flasher runs, nothing can be read back",
        "this station cannot write it",
    )


def _flash_encryption(chip: str, state: SecurityState) -> Refusal | None:
    """Every image of a profile is plain (its header was read), so an encrypting chip would make nonsense of all of them."""
    if not state.flash_encryption:
        return None
    if state.encryption_mode is EncryptionMode.RELEASE:
        after = "it could never be written again"
    else:
        after = "only a tool that writes encrypted could mend it"
    return _locked(
        _fuse(chip, "crypt"),
        f"flash encryption is on (eFuse {_fuse(chip, 'crypt')}, {state.encryption_mode or 'mode unknown'}): it decrypts what "
        f"it reads, so plain firmware would not start, and {after}",
        "this station writes plain images only, so not even force would help",
    )


def _secure_boot(chip: str, state: SecurityState, programs: Sequence[Program]) -> Refusal | None:
    if not state.secure_boot:
        return None
    if state.secure_boot_version == 1:
        return _locked(
            "ABS_DONE_0",
            "secure boot v1 is on (eFuse ABS_DONE_0): it starts a bootloader only with a digest that a secret in this chip "
            "makes",
            "the station cannot check that, so not even force is taken",
        )
    fuse = _fuse(chip, "boot")
    if chip != "esp32" or state.secure_boot_digest is None:
        return _locked(
            fuse,
            f"secure boot is on (eFuse {fuse}): it starts images only that are signed with its key",
            f"the station cannot check signatures for an {chip}, so not even force is taken",
        )
    for program in programs:
        key = program.image.signing_key_sha256
        if key == state.secure_boot_digest:
            continue
        flaw = "is not signed" if key is None else "is signed with another key"
        return _locked(
            fuse,
            f"secure boot v2 is on (eFuse {fuse}): it starts images only that are signed with its key, and {program.name} "
            f"{flaw}",
            "it would not start again, so not even force is taken; a build signed with its key is needed",
        )
    return _forcible(
        fuse,
        f"secure boot v2 is on (eFuse {fuse}); every image is signed with the key that it trusts",
    )


def _expectation(chip: str, state: SecurityState, expect: SecurityExpectation) -> Refusal | None:
    if expect is SecurityExpectation.NONE or state.jtag_disabled:
        return None
    how = "cannot be asked whether JTAG is disabled" if state.jtag_disabled is None else "has JTAG open"
    fuse = _fuse(chip, "jtag")
    return _forcible(fuse, f"it {how} (eFuse {fuse}), and the profile expects units with JTAG disabled")


def _locked(fuse: str, why: str, therefore: str) -> Refusal:
    return Refusal(_refused(fuse, why, f"{_ASIDE}; {therefore}"))


def _forcible(fuse: str, why: str) -> Refusal:
    return Refusal(_refused(fuse, why, f"{_ASIDE}, {_FORCE}"), forcible=True)


def _refused(fuse: str, why: str, mend: str) -> ChipError:
    return ChipError(Code.SECURITY_SET, f"This unit is refused: {why}", mend, facts={"fuse": fuse})


def _fuse(chip: str, what: str) -> str:
    on_esp32, on_newer = _FUSES[what]
    return on_esp32 if chip == "esp32" else on_newer


_FUSES: Final = {
    "crypt": ("FLASH_CRYPT_CNT", "SPI_BOOT_CRYPT_CNT"),
    "boot": ("ABS_DONE_1", "SECURE_BOOT_EN"),
    "jtag": ("JTAG_DISABLE", "DIS_PAD_JTAG or SOFT_DIS_JTAG"),
    "encrypt": ("DISABLE_DL_ENCRYPT", "DIS_DOWNLOAD_MANUAL_ENCRYPT"),
}
"""espefuse's names on an ESP32, and on newer chips."""


def _revision_text(number: int) -> str:
    return f"v{number // 100}.{number % 100}"
