"""The profile's word on the label of a unit."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from station.profile.part import FileName, Part, Sha256
from station.profile.quantities import plain_int


class Label(Part):
    """The label that a unit gets when it has passed; where it is printed stands in the station's settings."""

    template: FileName
    """The ZPL file, relative to this profile. In ^FD, ${device_name}, ${mac}, ${serial_number} and others stand for values."""
    sha256: Sha256 | None = None
    """Written by `station profile lock`; a template that has changed since then is refused."""
    copies: Annotated[int, BeforeValidator(plain_int), Field(ge=1, le=10)] = 1
    """How many of each."""
