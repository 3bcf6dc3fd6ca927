"""One value in NVS, and which values NVS takes.

Limits: docs.espressif.com, ESP-IDF "Non-Volatile Storage Library": keys and namespaces 1 to 15 ASCII characters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from station.certificate import Secret


class NvsType(StrEnum):
    """How a value is stored; each word is the word of Espressif's CSV and of the profile."""

    u8 = "u8"
    i8 = "i8"
    u16 = "u16"
    i16 = "i16"
    u32 = "u32"
    i32 = "i32"
    u64 = "u64"
    i64 = "i64"
    string = "string"
    blob = "blob"

    @property
    def is_integer(self) -> bool:
        return self in INTEGER_RANGES


INTEGER_RANGES: Final = MappingProxyType(
    {
        NvsType.u8: range(1 << 8),
        NvsType.i8: range(-(1 << 7), 1 << 7),
        NvsType.u16: range(1 << 16),
        NvsType.i16: range(-(1 << 15), 1 << 15),
        NvsType.u32: range(1 << 32),
        NvsType.i32: range(-(1 << 31), 1 << 31),
        NvsType.u64: range(1 << 64),
        NvsType.i64: range(-(1 << 63), 1 << 63),
    }
)
KEY_LENGTH_MAX: Final = 15
STRING_BYTES_MAX: Final = 3967
"""UTF-8 bytes of a string without its NUL: Espressif's generator never fills the last two entries of a page with one."""

PlainValue = int | str | bytes


@dataclass(frozen=True, slots=True)
class NvsEntry:
    """One value under its namespace and key. A Secret may stand for a string or, as its UTF-8 bytes, for a blob.

    It prints without the value, because a value read from a chip may be a DeviceSecret.
    """

    namespace: str
    key: str
    type: NvsType
    value: PlainValue | Secret = field(repr=False)

    @property
    def place(self) -> str:
        """Where it is: namespace/key."""
        return f"{self.namespace}/{self.key}"

    def plain(self) -> PlainValue:
        """Give the value as it is stored, a Secret in clear: for writing and comparing, nothing else."""
        value = self.value.reveal() if isinstance(self.value, Secret) else self.value
        if self.type is NvsType.blob and isinstance(value, str):
            return value.encode("utf-8")
        return value

    def text(self) -> str | None:
        """Give a string, or a blob that is UTF-8, as text; None for anything else."""
        value = self.plain()
        if isinstance(value, str):
            return value
        if isinstance(value, bytes):
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                return None
        return None


def nvs_key_fault(key: str) -> str | None:
    """Say what is wrong with a key or a namespace, or None: 1 to 15 printable ASCII characters."""
    if not key:
        return "an NVS key has at least one character"
    if len(key) > KEY_LENGTH_MAX:
        return f"NVS key {key!a} has {len(key)} characters, at most {KEY_LENGTH_MAX} are allowed"
    if not key.isascii() or not key.isprintable():
        return f"NVS key {key!a} holds a character that is not printable ASCII"
    return None


def nvs_value_fault(type_: NvsType, value: object) -> str | None:
    """Say why a value does not fit its type, or None. The value itself is told for integers only."""
    if type_.is_integer:
        return _integer_fault(type_, value)
    if isinstance(value, Secret):
        value = value.reveal()
    if type_ is NvsType.blob and isinstance(value, bytes):
        return None
    if not isinstance(value, str):
        return f"an NVS {type_} takes {'bytes or ' if type_ is NvsType.blob else ''}a text, not {_kind(value)}"
    return _text_fault(type_, value)


def _text_fault(type_: NvsType, text: str) -> str | None:
    try:
        size_bytes = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        size_bytes = None  # the exception holds the text, so nothing may be raised from here
    if size_bytes is None:
        return f"a text for an NVS {type_} holds a character that cannot be written as UTF-8"
    if type_ is NvsType.blob:
        return None
    if "\0" in text:
        return "a text for an NVS string holds a NUL character; the chip would read it only up to there"
    if size_bytes > STRING_BYTES_MAX:
        return f"a text for an NVS string has {size_bytes} bytes, at most {STRING_BYTES_MAX} are allowed"
    return None


def _integer_fault(type_: NvsType, value: object) -> str | None:
    allowed = INTEGER_RANGES[type_]
    if isinstance(value, bool) or not isinstance(value, int):
        return f"an NVS {type_} takes a whole number, not {_kind(value)}"
    if value not in allowed:
        return f"{_short(value)} does not fit {type_} ({allowed.start} to {allowed.stop - 1})"
    return None


def _short(number: int) -> str:
    return str(number) if number.bit_length() <= 128 else "the number"


def _kind(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a fraction", str: "a text", bytes: "bytes"}
    return names.get(type(value), type(value).__name__)
