"""The header of the console's CSV: which column is what, by name, in any order; and what is wrong with one that is none."""

from __future__ import annotations

import csv
import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from station.errors import BatchError, Fault
from station.ledger.csv_bytes import whole_file

NEEDED: Final = ("DeviceName", "DeviceSecret", "ProductKey")
_SECRET_COLUMN: Final = re.compile(r"secret$|password$|private_?key$|token$", re.IGNORECASE)
_SEPARATORS: Final = (
    (";", "semicolons"),
    ("\t", "tabs"),
    ("|", "bars"),
    ("\uff0c", "full-width commas"),
)
_SAVE_AS: Final = "Save it as 'CSV UTF-8 (comma separated)', or download it again from the console"
_HEADER_MEND: Final = f"The first line must name the columns: {','.join(NEEDED)}"


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands, from 0. `secrets` begins with DeviceSecret; `extras` are all the other columns."""

    line: int
    width: int
    device_name: int
    device_secret: int
    product_key: int
    secrets: tuple[tuple[int, str], ...]
    extras: tuple[tuple[int, str], ...]

    @property
    def last_is_uniform(self) -> bool:
        """True when the last column is a secret or a ProductKey, which are all of one length."""
        return self.width - 1 in {self.device_secret, self.product_key}


def read_header(path: Path, lines: Iterator[str]) -> Columns:
    """Read the first line that is not empty; BatchError when it is no header. Its cells are never echoed as they are."""
    number, line = next(((n, text) for n, text in enumerate(lines, 1) if text.strip()), (1, ""))
    if not line:
        raise whole_file(path, "is empty", "Download the certificates again from the console")
    _require_commas(path, number, line)
    try:
        cells = [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except csv.Error:
        raise _header_fault(path, number, "the header's quotation marks are broken") from None
    places: dict[str, list[int]] = {}
    for index, cell in enumerate(cells):
        places.setdefault(cell.casefold(), []).append(index)
    _require_needed(path, number, cells, places)
    twice = sorted({name for name in NEEDED if len(places[name.casefold()]) > 1})
    if twice:
        raise _header_fault(path, number, f"the header names {' and '.join(twice)} twice")
    name, secret, product = (places[needed.casefold()][0] for needed in NEEDED)
    others = [index for index in range(len(cells)) if index not in {name, secret, product}]
    labels = _labels(cells)
    hidden = [index for index in others if _SECRET_COLUMN.search(cells[index])]
    return Columns(
        line=number,
        width=len(cells),
        device_name=name,
        device_secret=secret,
        product_key=product,
        secrets=((secret, "DeviceSecret"), *((index, labels[index]) for index in hidden)),
        extras=tuple((index, labels[index]) for index in others if index not in hidden),
    )


def character_detail(text: str, allowed: re.Pattern[str], *, show: bool) -> str:
    """Say which character is the first wrong one and where, as ` (…)`; for a secret its kind only."""
    for position, character in enumerate(text, 1):
        if allowed.fullmatch(character * 4):
            continue
        if character.isspace():
            kind = "a space" if character == " " else "a blank that is no plain space"
        elif unicodedata.category(character).startswith("C"):
            kind = "a control or invisible character"
        elif character.isalnum() and not character.isascii():
            kind = "a letter or digit of another script"
        else:
            kind = "a sign"
        name = unicodedata.name(character, "")
        exact = f": U+{ord(character):04X} {name}".rstrip() if show else ""
        return f" (character {position} is {kind}{exact})"
    return ""


def _labels(cells: list[str]) -> list[str]:
    """Name every column: an empty or repeated name gets its number, so that no cell is lost."""
    labels: list[str] = []
    for index, cell in enumerate(cells, 1):
        labels.append(cell if cell and cell not in labels else f"{cell or 'column'} {index}")
    return labels


def _require_commas(path: Path, number: int, line: str) -> None:
    if line.casefold().startswith("sep="):
        raise _header_fault(path, number, "the first line is a spreadsheet's note about the separator", "Delete it")
    if "\r" in line:
        raise _header_fault(path, number, "the line ends are of an old kind (CR alone)", _SAVE_AS)
    if "," in line:
        return
    for separator, name in _SEPARATORS:
        if separator in line:
            raise _header_fault(path, number, f"the columns are separated by {name}, not by commas", _SAVE_AS)


def _require_needed(path: Path, number: int, cells: list[str], places: dict[str, list[int]]) -> None:
    missing = [name for name in NEEDED if name.casefold() not in places]
    if not missing:
        return
    near = {
        name: match[0]
        for name in missing
        if (match := difflib.get_close_matches(_plain(name), [_plain(cell) for cell in cells], 1, 0.8))
    }
    if len(missing) == len(NEEDED) and not near:
        raise _header_fault(path, number, "the first line holds no column names: the header is missing")
    faults = [
        Fault(
            path.name,
            number,
            f"column {name} is missing"
            + (
                f"; column {[_plain(cell) for cell in cells].index(near[name]) + 1} looks like it"
                if name in near
                else ""
            ),
            _HEADER_MEND,
        )
        for name in missing
    ]
    raise BatchError(f"{path.name} lacks {' and '.join(missing)}", "Nothing was imported", str(path), faults)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()


def _header_fault(path: Path, number: int, cause: str, mend: str = _HEADER_MEND) -> BatchError:
    fault = Fault(path.name, number, cause, mend)
    return BatchError(f"{path.name} is no certificate CSV", "Nothing was imported", str(path), [fault])
