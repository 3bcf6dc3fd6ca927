"""The profile's word on the security eFuses of the units that it takes."""

from __future__ import annotations

from enum import StrEnum

from station.profile.part import Part


class SecurityExpectation(StrEnum):
    """What must be burnt into a unit before it comes here."""

    NONE = "none"
    """Nothing. JTAG may be disabled and keys may be burnt; it is noted."""
    JTAG_DISABLED = "jtag-disabled"
    """JTAG is disabled; a unit where it is not is refused."""


class Security(Part):
    """The eFuses of a unit before it is written."""

    expect: SecurityExpectation = SecurityExpectation.NONE
    """none, or jtag-disabled. Units with flash encryption or secure boot are refused whatever is written here."""
