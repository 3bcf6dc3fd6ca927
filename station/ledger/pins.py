"""PINs of line leads: what may be one, and how it is kept. None ever stands in a message, an event or a log."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Protocol

from station.certificate import Secret
from station.errors import Code, InternalFault, LedgerFault, UsageError, Why

PIN_LENGTH_MIN: Final = 6
PIN_LENGTH_MAX: Final = 64
_DIFFERENT_MIN: Final = 3
_ROWS: Final = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qazwsxedcrfvtgb")
"""Rows that are guessed first, forwards and backwards."""
_WORDS: Final = frozenset({"password", "passw0rd", "administrator", "admin123", "letmein", "woaini", "iloveyou"})


class PinHasher(Protocol):
    """Keeps a PIN so that it can be compared and not read."""

    def hash(self, pin: Secret) -> str: ...

    def matches(self, stored: str, pin: Secret) -> bool: ...


class Argon2Pins:
    """Argon2id with the second set of parameters that RFC 9106 §4 recommends: 64 MiB, 3 passes, 4 lanes."""

    def __init__(self, passes: int = 3, memory_kib: int = 64 * 1024, lanes: int = 4) -> None:
        self._passes = passes
        self._memory_kib = memory_kib
        self._lanes = lanes

    def hash(self, pin: Secret) -> str:
        """Give what is stored: parameters, salt and hash as one text; InternalFault when memory is too short."""
        from argon2 import PasswordHasher  # noqa: PLC0415  only who types a PIN pays for it
        from argon2.exceptions import HashingError  # noqa: PLC0415  as above

        try:
            return PasswordHasher(self._passes, self._memory_kib, self._lanes).hash(pin.reveal())
        except HashingError as error:
            raise InternalFault(f"the PIN could not be hashed ({type(error).__name__})") from None

    def matches(self, stored: str, pin: Secret) -> bool:
        """Say whether a PIN is the stored one; LedgerFault when what is stored is no hash."""
        from argon2 import PasswordHasher  # noqa: PLC0415  only who types a PIN pays for it
        from argon2.exceptions import (  # noqa: PLC0415  as above
            InvalidHashError,
            VerificationError,
            VerifyMismatchError,
        )

        try:
            return PasswordHasher().verify(stored, pin.reveal())
        except VerifyMismatchError:
            return False
        except InvalidHashError:
            raise LedgerFault(
                Code.LEDGER_UNREADABLE,
                "a stored PIN is damaged",
                "Stop the station, keep the ledger, and bring back the last backup of the data folder",
                why=Why.PIN_DAMAGED,
            ) from None
        except VerificationError as error:
            raise InternalFault(f"the PIN could not be checked ({type(error).__name__})") from None


def read_pin(text: str) -> Secret:
    """Give a PIN as typed or read, in one form: full-width digits of an input method are digits too."""
    return Secret(unicodedata.normalize("NFKC", text).strip())


def require_good_pin(pin: Secret, *known: str | None) -> None:
    """Refuse a PIN that is short or guessed first, or one of the `known` texts (name, badge); UsageError without the PIN."""
    text = pin.reveal().casefold()
    if not PIN_LENGTH_MIN <= len(text) <= PIN_LENGTH_MAX or not text.isprintable():
        raise UsageError(
            f"a PIN has {PIN_LENGTH_MIN} to {PIN_LENGTH_MAX} letters or digits",
            "Choose one of at least six digits",
            why=Why.PIN_LENGTH,
            facts={"least": PIN_LENGTH_MIN, "most": PIN_LENGTH_MAX},
        )
    if _is_trivial(text) or text in {one.casefold() for one in known if one}:
        raise UsageError(
            "this PIN is one of the first that people guess",
            "Choose one without a row, a repetition, a name or a badge",
            why=Why.PIN_GUESSED,
        )


def _is_trivial(text: str) -> bool:
    """True for rows (123456, 987654, qwerty), rows of doubles (112233), repetitions (121212, 123123) and known words."""
    single = re.sub(r"(.)\1+", r"\1", text)
    in_row = any(single in way for row in _ROWS for way in (row + row, (row + row)[::-1]))
    repeated = re.fullmatch(r"(.+?)\1+", text) is not None
    return in_row or repeated or len(set(text)) < _DIFFERENT_MIN or text in _WORDS
