"""The one place where a failure of esptool or pyserial becomes an error of ours."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from esptool.util import FatalError, NotSupportedError, UnsupportedCommandError

from station.chip.port_errors import PORT_ERRORS
from station.errors import ChipError, Code, PortFault

RESET_UNIT = "Take the unit out and put it in again; if it happens again, check the contacts of the fixture"


def unit_gone() -> ChipError:
    """The chip was alive and says nothing any more."""
    return ChipError(Code.UNIT_GONE, "The unit stopped answering", RESET_UNIT)


def unit_garbled() -> ChipError:
    """Bytes come, but they make no sense."""
    return ChipError(
        Code.CHIP_GARBLED,
        "The unit answers, but not understandably",
        "Check the contacts and the supply of the fixture, then put the unit in again",
    )


def port_lost(url: str) -> PortFault:
    """The adapter went away while it was used."""
    return PortFault(
        Code.PORT_LOST,
        "The port went away",
        "Plug the adapter in again; the unit continues with the same certificate",
        url,
        facts={"port": url},
    )


@contextmanager
def translated(url: str, doing: str) -> Iterator[None]:
    """Run one exchange with the chip; whatever esptool or pyserial raises comes out as ChipError or PortFault."""
    try:
        yield
    except UnsupportedCommandError as error:
        raise ChipError(
            Code.SECURITY_SET,
            f"The chip refuses a command that is needed to {doing}: its download mode is locked",
            "This unit cannot be written by this station; put it aside for the line lead",
        ) from error
    except NotSupportedError as error:
        raise ChipError(Code.WRONG_CHIP, f"This chip cannot {doing}", "Put the unit aside for the line lead") from error
    except FatalError as error:
        raise _from_fatal(str(error), doing) from error
    except PORT_ERRORS as error:
        raise port_lost(url) from error
    except (struct.error, IndexError, UnicodeDecodeError, StopIteration) as error:
        raise unit_garbled() from error


def _from_fatal(text: str, doing: str) -> ChipError:
    if result := re.search(r"\(result was ([0-9A-Fa-f]+): ([A-Za-z0-9 _()]+)\)", text):
        return ChipError(
            Code.WRITE_REFUSED, f"The chip could not {doing}: {result[2].lower()} ({result[1]})", RESET_UNIT
        )
    silent = ("No serial data", "stopped", "No more data", "There was no response")
    if any(words in text for words in silent) or not text:
        return unit_gone()
    return unit_garbled()
