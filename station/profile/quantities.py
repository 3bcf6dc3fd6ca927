"""Scalars of the YAML: sizes, durations, addresses, patterns, file names; each said as a person writes it."""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic_core import PydanticCustomError

_SIZE: Final = re.compile(r"([0-9]{1,6})\s?(KB|MB)")
_DURATION: Final = re.compile(r"(?:([0-9]{1,4})m)?(?:([0-9]{1,5}(?:\.[0-9]{1,3})?)s)?(?:([0-9]{1,6})ms)?")
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10}")
_PARTITION_NAME: Final = re.compile(r"[!-~]{1,16}")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_FLASH_SIZES_BYTES: Final = frozenset((256 << 10, 512 << 10, *(1 << 20 << power for power in range(8))))
_DURATION_S_MAX: Final = 3600.0
_ADDRESS_MAX: Final = 1 << 32


class SourceInt(int):
    """A whole number that remembers how the file writes it (`0x10`, `007`)."""

    text: str

    @classmethod
    def of(cls, value: int, text: str) -> SourceInt:
        """Keep both."""
        number = cls(value)
        number.text = text
        return number


class SourceFloat(float):
    """A fraction that remembers how the file writes it: version `1.10` is not `1.1`."""

    text: str

    @classmethod
    def of(cls, value: float, text: str) -> SourceFloat:
        """Keep both."""
        number = cls(value)
        number.text = text
        return number


def refusal(cause: str, mend: str) -> PydanticCustomError:
    """Give the error that a validator raises: pydantic carries it, and the fault keeps both sentences."""
    return PydanticCustomError("refused", "{cause}. {mend}", {"cause": cause, "mend": mend})


def shown(value: object) -> str:
    """Quote a value of the file for a message, in one short line."""
    text = getattr(value, "text", None)
    written = text if isinstance(text, str) else str(value)
    return f"`{_CONTROL.sub(' ', written)[:60]}`"


def as_written(value: Any) -> Any:
    """Give a number back as its text, for keys that are texts."""
    return value.text if isinstance(value, SourceInt | SourceFloat) else value


def plain_int(value: Any) -> Any:
    """Give a number without its text: `in range(…)` walks the whole range for any subclass of int."""
    return int(value) if isinstance(value, SourceInt) else value


def read_size(value: Any) -> int:
    """Read `4MB`, `512KB` into bytes; only sizes that flash chips have."""
    text = as_written(value)
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    size_bytes = int(match[1]) << {"KB": 10, "MB": 20}[match[2]] if match else 0
    if size_bytes not in _FLASH_SIZES_BYTES:
        raise refusal(f"{shown(value)} is no size of a flash chip", "Write it as 4MB; 256KB, 512KB, 1MB to 128MB exist")
    return size_bytes


def read_duration(value: Any) -> float:
    """Read `20s`, `1m30s`, `500ms` into seconds: more than nothing, at most an hour."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match or not value:
        raise refusal(f"{shown(value)} is no length of time", "Write it with its unit, as 20s, 1m30s or 500ms")
    seconds = int(match[1] or 0) * 60 + float(match[2] or 0) + int(match[3] or 0) / 1000
    if not 0 < seconds <= _DURATION_S_MAX:
        raise refusal(f"{shown(value)} is too {'long' if seconds else 'short'}", "Write more than 0s and at most 60m")
    return seconds


def read_place(value: Any) -> int | str:
    """Read `at:`: a flash address (`0x1000`, 4096) or the name of a partition."""
    text = as_written(value)
    if isinstance(text, str) and _NUMBER.fullmatch(text):
        address = int(text, 0) if text[:2].lower() == "0x" else int(text)
        if address < _ADDRESS_MAX:
            return address
        raise refusal(f"{shown(value)} is no flash address", "Write an address below 0x100000000")
    if isinstance(value, bool | int | float):
        raise refusal(f"{shown(value)} is no flash address", "Write it as 0x1000, or write a partition's name")
    return read_partition_name(value)


def read_partition_name(value: Any) -> str:
    """Read the name of a partition: 1 to 16 visible ASCII characters (ESP-IDF "Partition Tables")."""
    text = as_written(value)
    if not isinstance(text, str) or not _PARTITION_NAME.fullmatch(text):
        raise refusal(f"{shown(value)} is no name of a partition", "Write it as the build's partitions CSV does")
    return text


def read_file_name(value: Any) -> str:
    """Read the path of a file or folder, with slashes on every system."""
    text = as_written(value)
    if not isinstance(text, str) or not text.strip() or _CONTROL.search(text):
        raise refusal(f"{shown(value)} is no path", "Write a path relative to the profile, as build/app.bin")
    if "\\" in text:
        raise refusal(
            f"{shown(text)} holds a backslash, which is no separator on every system",
            f"Write {text.replace(chr(92), '/')}",
        )
    return text


def read_sha256(value: Any) -> str:
    """Read 64 hex digits into lower case."""
    text = as_written(value)
    if not isinstance(text, str) or not _SHA256.fullmatch(text):
        raise refusal(f"{shown(value)} is no SHA-256 (64 hex digits)", "Run `station profile lock` to write it")
    return text.lower()


def read_pattern(value: Any) -> re.Pattern[str]:
    """Compile `expect:`; refused when it is no regular expression or would match any line."""
    pattern = _compiled(value)
    if pattern.search("") is not None:
        raise refusal(
            f"{shown(pattern.pattern)} matches even an empty line, so every unit would pass",
            "Write what the line must hold",
        )
    return pattern


def read_field_pattern(value: Any) -> re.Pattern[str]:
    """Compile the expression of a label's field; refused when it is no regular expression or would take nothing at all."""
    pattern = _compiled(value)
    if pattern.fullmatch("") is not None:
        raise refusal(
            f"{shown(pattern.pattern)} takes even an empty field, so any label would do",
            "Write what the field must hold, as '[0-9]{8}'",
        )
    return pattern


def _compiled(value: Any) -> re.Pattern[str]:
    text = as_written(value)
    if isinstance(value, re.Pattern):
        return value
    if not isinstance(text, str):
        raise refusal(f"{shown(value)} is no regular expression", "Write it in single quotes")
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        place = getattr(error, "pos", None)
        where = "" if place is None else f" at character {place + 1}"
        why = getattr(error, "msg", None) or str(error)
        raise refusal(
            f"{shown(text)} is no regular expression: {why}{where}",
            "Put a backslash before signs that are meant as themselves: \\( \\) \\[ \\* \\+ \\? \\.",
        ) from None
