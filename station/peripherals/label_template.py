"""A label as the product's people drew it: a ZPL file whose field data names what differs from unit to unit."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from station.errors import Code, Fault, InputError, ProfileError, Why
from station.peripherals.zpl import DATA, END, HEX, HEX_SIGN, ZplCommand, commands, escaped

LABEL_BYTES_MAX: Final = 256 * 1024
VALUES: Final[Mapping[str, str]] = {
    "product_key": "a1B2c3D4e5F",
    "device_name": "plug-00000001",
    "mac": "24:0a:c4:5e:10:9c",
    "mac_plain": "240AC45E109C",
    "serial_number": "SN2611000001",
    "profile": "smart-plug",
    "firmware_version": "1.4.2",
    "batch": "smart-plug-2026-11",
    "work_order": "WO-4711",
    "station": "line-1",
    "date": "2026-11-03",
}
"""What a template may name, each with an example for previews. The DeviceSecret is none of it."""
_NAMED: Final = re.compile(r"\$\{([^}\r\n]*)\}")
_NEW_SIGNS: Final = frozenset({"^CC", "^CD", "^CT"})
_SPECIAL: Final = {"^BC": ">", "^BX": "~"}
"""Barcodes, and the sign that is a command within their data."""
_Told: TypeAlias = tuple[int | None, str, str]
"""Line, cause, mend."""
_UTF_8: Final = re.compile(r"\^CI\s*28", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LabelTemplate:
    """A template that was checked. `text` is the file's; `names` are the values that it needs."""

    text: str
    names: frozenset[str]
    path: Path
    sha256: str
    """The file's, byte for byte."""

    def fill(self, values: Mapping[str, str | None]) -> str:
        """Give the label of one unit, as ZPL. InputError when a value that it needs is missing or cannot be printed."""
        for name in sorted(self.names):
            self._check(name, values.get(name))
        filled = []
        sign: str | None = None
        barcode = ""
        for command in commands(self.text):
            text = command.text
            if command.name == HEX:
                sign = text[:1] or HEX_SIGN
            elif command.name in _SPECIAL:
                barcode = command.name
            elif command.name == END:
                sign, barcode = None, ""
            elif command.name == DATA and _NAMED.search(text):
                self._check_barcode(text, values, barcode)
                if sign is None:
                    filled.append(HEX)
                text = _field_data(text, values, sign)
            filled.append(f"{command.name}{text}")
        return "\n".join(filled) + "\n"

    def _check(self, name: str, value: str | None) -> None:
        if not value:
            cause = f"the label needs {name}, and this unit has none"
            raise self._refusal(name, cause, "Give the unit one, or take it out of the label", Why.FIELD_MISSING)
        if not value.isprintable():
            cause = f"{name} holds a control code: {value!a}"
            raise self._refusal(name, cause, "Correct what it comes from; nothing was printed", Why.CONTROL_CODE)
        if not value.isascii() and not _UTF_8.search(self.text):
            cause = f"{name} is not plain ASCII: {value!a}"
            raise self._refusal(name, cause, "Put ^CI28 behind ^XA, so that the printer reads UTF-8", Why.NOT_ASCII)

    def _check_barcode(self, text: str, values: Mapping[str, str | None], barcode: str) -> None:
        for name in _NAMED.findall(text):
            sign = _SPECIAL.get(barcode)
            if sign is not None and sign in str(values[name]):
                cause = f"{name} holds {sign}, which {barcode} takes for a command: {values[name]!a}"
                raise self._refusal(name, cause, "Print it as QR code, or as text", Why.SIGN_OF_BARCODE)

    def _refusal(self, name: str, cause: str, mend: str, why: Why) -> InputError:
        return InputError(Code.LABEL, cause, mend, f"{self.path.name}: ${{{name}}}", why=why, facts={"field": name})


def read_template(path: Path) -> LabelTemplate:
    """Read and check a template. ProfileError with every mistake found, each with its line and the mend."""
    try:
        if path.stat().st_size > LABEL_BYTES_MAX:
            mend = f"Keep it below {LABEL_BYTES_MAX >> 10} KB"
            raise ProfileError("the label is larger than a label can be", mend, str(path))
        data = path.read_bytes()
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        cause = f"the label cannot be read ({error.strerror})"
        raise ProfileError(cause, "Put the ZPL file there, or remove `label`", str(path)) from None
    except UnicodeDecodeError:
        raise ProfileError("the label is not UTF-8", "Save the ZPL file as UTF-8", str(path)) from None
    found = list(commands(text))
    names = frozenset(name for command in found for name in _NAMED.findall(command.text))
    faults = [Fault(str(path), *told) for told in _faults(found, names)]
    if faults:
        raise ProfileError("the label cannot be used", "Correct the ZPL file", str(path), faults)
    return LabelTemplate(text, names, path, hashlib.sha256(data).hexdigest())


def _field_data(text: str, values: Mapping[str, str | None], sign: str | None) -> str:
    """Give field data under ^FH with its values; without a `sign` of its own, what was plain before stays plain."""
    parts = _NAMED.split(text)
    own = [part if sign is not None else part.replace(HEX_SIGN, f"{HEX_SIGN}5F") for part in parts[::2]]
    given = [escaped(str(values[name]), sign or HEX_SIGN) for name in parts[1::2]]
    return "".join(part for pair in zip(own, [*given, ""], strict=True) for part in pair)


def _faults(found: Sequence[ZplCommand], names: frozenset[str]) -> Iterator[_Told]:
    starts, ends = (sum(command.name == name for command in found) for name in ("^XA", "^XZ"))
    if (starts, ends) != (1, 1):
        yield None, f"a label has one ^XA and one ^XZ, not {starts} and {ends}", "Keep one label in the file"
    if not names:
        yield None, "every unit would get the same label", "Name a value in ^FD, as ${device_name}"
    matrix_without_sign = False
    for command in found:
        if command.name == "^BX":
            # Older firmware takes `_` for its escape sign, and a DeviceName may hold one.
            matrix_without_sign = command.parameters[6:7] != ["~"]
        elif command.name == END:
            matrix_without_sign = False
        yield from _faults_of(command, matrix_without_sign=matrix_without_sign)


def _faults_of(command: ZplCommand, *, matrix_without_sign: bool) -> Iterator[_Told]:
    line, name = command.line, command.name
    if name.startswith("~"):
        yield line, f"{name} is a command to the printer", "Set the printer up by its own means"
    elif name in _NEW_SIGNS:
        yield line, f"{name} gives the commands other signs", "Leave ^, ~ and the comma as they are"
    elif name == HEX and command.text[:1].isalnum():
        yield line, f"{command.text[:1]!a} cannot be the sign before hexadecimal digits", "Write ^FH alone"
    named = _NAMED.findall(command.text)
    if named and name != DATA:
        yield line, f"{name} names a value", "Values stand in ^FD only"
    elif named and matrix_without_sign:
        yield line, "the DataMatrix names no escape sign", "Write all of it: ^BXN,10,200,,,,~"
    for value in named:
        if "secret" in value.casefold():
            yield line, "a DeviceSecret is never printed", f"Remove ${{{value[:40]}}}"
        elif value not in VALUES:
            yield line, f"there is no value {value[:40]!a}", f"There are: {', '.join(VALUES)}"
