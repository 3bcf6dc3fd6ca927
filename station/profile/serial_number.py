"""The profile's word on the label that a unit brings: when it is scanned, what fields it has, and what each must look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from station.errors import ScanRefused
from station.profile import quantities
from station.profile.part import Part
from station.profile.quantities import as_written, refusal, shown
from station.serial_number import LETTERS_MAX, SERIAL_NUMBER, EntryWay, ScanRefusal, UnitLabel

_WHOLE: Final = "Scan the unit's own label, the whole of it"
_FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")


class ScanTime(StrEnum):
    """When the label is scanned."""

    BEFORE = "before"
    """Before the unit is inserted: the lane waits for the label first."""
    AFTER = "after"
    """While the unit is worked on: the verdict waits for the label."""


def _read_field_name(value: Any) -> Any:
    text = as_written(value)
    if not isinstance(text, str) or not _FIELD_NAME.fullmatch(text):
        raise refusal(
            f"{shown(value)} cannot name a field of the label",
            "Write a small letter, then small letters, digits and _, at most 32 together",
        )
    return text


def _read_separator(value: Any) -> Any:
    text = as_written(value)
    if isinstance(text, str) and (not text.isprintable() or not 1 <= len(text) <= 4):
        raise refusal(f"{shown(value)} cannot separate fields", "Write one to four visible signs, as ';'")
    return text


def _frozen(fields: Mapping[str, re.Pattern[str]]) -> Mapping[str, re.Pattern[str]]:
    return MappingProxyType(dict(fields))


FieldName = Annotated[str, BeforeValidator(_read_field_name), Field(max_length=32)]
FieldPattern = Annotated[
    re.Pattern[str],
    PlainValidator(quantities.read_field_pattern),
    WithJsonSchema({"type": "string", "format": "regex", "minLength": 1}),
]


class SerialNumber(Part):
    """The label of each unit."""

    scan: ScanTime
    """before: the lane waits for the label, then for the unit. after: the walk goes on, and the verdict waits for the label."""
    fields: Annotated[Mapping[FieldName, FieldPattern], AfterValidator(_frozen), Field(min_length=1)]
    """The label's fields in their order: name → regular expression (Python's) that the whole field must match. One of them is
    `serial_number`, which no two units of the product may have."""
    separator: Annotated[str | None, BeforeValidator(_read_separator)] = None
    """What stands between two fields in the barcode; needed where there is more than one."""

    def read(self, code: str, entry: EntryWay) -> UnitLabel:
        """Give what a code says; ScanRefused names the first field that does not fit."""
        names = list(self.fields)
        parts = [code] if self.separator is None else code.split(self.separator)
        if len(parts) != len(names):
            raise ScanRefused(
                ScanRefusal.OTHER_COUNT,
                f"{code!a} has {len(parts)} fields, the label has {len(names)} ({', '.join(names)})",
                _WHOLE,
                scanned=code,
                count=len(parts),
                wanted=len(names),
                names=", ".join(names),
            )
        held = dict(zip(names, parts, strict=True))
        for name, text in held.items():
            if len(text) > LETTERS_MAX or not text.isprintable() or self.fields[name].fullmatch(text) is None:
                raise ScanRefused(ScanRefusal.OTHER_TEXT, f"{text!a} is no {name}", _WHOLE, scanned=text, field=name)
        return UnitLabel(held.pop(SERIAL_NUMBER), entry, MappingProxyType(held))

    def fits(self, code: str) -> bool:
        """Whether a code has the form of a label."""
        try:
            self.read(code, EntryWay.SCANNED)
        except ScanRefused:
            return False
        return True
