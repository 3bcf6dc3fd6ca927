"""The console's certificate CSV (DESIGN §6): found wrong as a whole with every bad line named, or read row by row.

`check_csv` reads the rows once and keeps 16 bytes a row; `read_certificates` reads it again. No secret is ever echoed.
"""

from __future__ import annotations

import csv
import heapq
from array import array
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final, NamedTuple

from station.certificate import (
    DEVICE_NAME_PATTERN,
    DEVICE_SECRET_PATTERN,
    device_name_fault,
    device_secret_fault,
    product_key_fault,
)
from station.errors import BatchError, Fault
from station.ledger.csv_bytes import LINE_LIMIT_BYTES, Survey, text_lines, whole_file
from station.ledger.csv_header import Columns, character_detail, read_header
from station.ledger.secret_box import SecretBox

FAULTS_MAX: Final = 20
ROWS_MAX: Final = 5_000_000
"""The platform holds at most 3,000,000 devices of a product (help.aliyun.com, "Limits" of IoT Platform)."""
_CONTINUATION_LINES_MAX: Final = 50
_MEND: Final = "Mend it in the console's list and download the CSV again, or correct this line"
_AGAIN: Final = "Download the certificates again from the console"

Cells = list[str]


@dataclass(frozen=True, slots=True)
class CheckedCsv:
    """A file without a fault: `rows` certificates of one product."""

    surveyed: Survey
    columns: Columns
    product_key: str
    rows: int


class CsvRow(NamedTuple):
    """One certificate of the file. Secrets are clear text here: this object lives for one row and is never kept."""

    line: int
    device_name: str
    device_secret: str
    other_secrets: dict[str, str] | None
    extras: dict[str, str] | None

    def __repr__(self) -> str:
        return f"CsvRow({self.line}, {self.device_name!r}, ***)"


def check_csv(surveyed: Survey, progress: Callable[[int], None] | None = None) -> CheckedCsv:
    """Read all rows; BatchError with up to 20 faults, each with its line."""
    check = _Check(surveyed)
    check.run(progress)
    return check.result()


def read_certificates(
    checked: CheckedCsv, box: SecretBox, progress: Callable[[int], None] | None = None
) -> Generator[CsvRow, None, None]:
    """Give the rows of a checked file in its order; BatchError when the file is no longer the one that was checked."""
    columns = checked.columns
    name, secrets, extras = columns.device_name, columns.secrets, columns.extras
    secret = columns.device_secret
    lines = text_lines(checked.surveyed, box.digest(), progress)
    for line, cells in _rows(islice(lines, columns.line, None), columns.line + 1):
        if isinstance(cells, str):
            raise whole_file(checked.surveyed.path, "was changed while it was read", _AGAIN)
        yield CsvRow(
            line,
            cells[name],
            cells[secret],
            {field: cells[index] for index, field in secrets[1:] if cells[index]} if len(secrets) > 1 else None,
            {field: cells[index] for index, field in extras} if extras else None,
        )


class _Check:
    """One reading of the file that looks for everything that is wrong."""

    def __init__(self, surveyed: Survey) -> None:
        self._surveyed = surveyed
        self._file = surveyed.path.name
        self._faults: list[Fault] = []
        self._fault_count = 0
        self._faults_kept_max = FAULTS_MAX
        self._product_key: str | None = None
        self._product_line = 0
        self._rows = 0
        self._names = array("q")
        self._secrets = array("q")
        lines = text_lines(surveyed)
        self._columns = read_header(surveyed.path, lines)
        lines.close()

    def run(self, progress: Callable[[int], None] | None) -> None:
        """Look at every row, then for names and secrets that stand twice."""
        columns = self._columns
        last: tuple[int, Cells | str] | None = None
        lines = text_lines(self._surveyed, progress=progress)
        shortest = None
        for line, cells in _rows(islice(lines, columns.line, None), columns.line + 1):
            if last is not None:
                shortest = self._row(*last, shortest)
            last = line, cells
            if self._rows > ROWS_MAX:
                raise whole_file(self._surveyed.path, f"has more than {ROWS_MAX} rows", "Import it in parts")
            if self._fault_count > FAULTS_MAX * 50:
                break  # nobody mends so many by hand, and the first ones are known
        if last is not None:
            self._last_row(*last, shortest)
        self._find_duplicates()

    def result(self) -> CheckedCsv:
        """Give the checked file, or raise BatchError with what was found."""
        path = self._surveyed.path
        if self._faults:
            faults = heapq.nsmallest(FAULTS_MAX, self._faults, key=lambda fault: fault.line or 0)
            many = self._fault_count > FAULTS_MAX
            what = f"more than {FAULTS_MAX} faults, the first ones follow" if many else _count_of(self._fault_count)
            raise BatchError(f"{self._file} has {what}", "Nothing was imported", str(path), faults)
        if self._product_key is None:
            raise whole_file(path, "has a header but no certificates", _AGAIN)
        return CheckedCsv(self._surveyed, self._columns, self._product_key, self._rows)

    def _fault(self, line: int, cause: str, mend: str = _MEND) -> None:
        self._fault_count += 1
        if len(self._faults) < self._faults_kept_max:
            self._faults.append(Fault(self._file, line, cause, mend))

    def _row(self, line: int, cells: Cells | str, shortest: int | None) -> int | None:
        """Check one row; give the length of the shortest last cell so far."""
        columns = self._columns
        if isinstance(cells, str):
            self._fault(line, cells)
            return shortest
        if len(cells) != columns.width and not self._width_is_right(line, cells):
            return shortest
        name, secret, product_key = cells[columns.device_name], cells[columns.device_secret], cells[columns.product_key]
        if DEVICE_NAME_PATTERN.fullmatch(name) and DEVICE_SECRET_PATTERN.fullmatch(secret):
            if product_key != self._product_key:
                self._product(line, name, product_key)
            self._names.append(hash(name))
            self._secrets.append(hash(secret))
        else:
            self._identity_faults(line, name, secret, product_key)
        for index, field in columns.secrets[1:]:
            if cells[index] and (fault := device_secret_fault(cells[index])):
                self._fault(line, fault.replace("DeviceSecret", field))
        self._rows += 1
        length = len(cells[-1])
        return length if shortest is None or length < shortest else shortest

    def _last_row(self, line: int, cells: Cells | str, shortest: int | None) -> None:
        """Check the last row; without a line end it may have been cut in the middle."""
        if not self._surveyed.ends_with_newline:
            too_few = isinstance(cells, list) and len(cells) < self._columns.width
            too_short = isinstance(cells, list) and shortest is not None and len(cells[-1]) < shortest
            if isinstance(cells, str) or too_few or (too_short and self._columns.last_is_uniform):
                mend = f"{_AGAIN}; if it is whole, end its last line with a line break"
                self._fault(line, "the file ends in the middle of this row", mend)
                return
        self._row(line, cells, shortest)

    def _width_is_right(self, line: int, cells: Cells) -> bool:
        width = self._columns.width
        if len(cells) > width and not any(cells[width:]):
            return True  # spreadsheets leave empty cells behind
        self._fault(line, f"the row has {len(cells)} columns, the header has {width}")
        return False

    def _identity_faults(self, line: int, name: str, secret: str, product_key: str) -> None:
        if fault := device_name_fault(name):
            shown = fault if len(name) <= 24 else "DeviceName has a wrong length or a character that is not allowed"
            self._fault(line, shown + character_detail(name, DEVICE_NAME_PATTERN, show=True))
        if fault := device_secret_fault(secret):
            self._fault(line, fault + character_detail(secret, DEVICE_SECRET_PATTERN, show=False))
        if product_key != self._product_key:
            self._product(line, name, product_key)

    def _product(self, line: int, name: str, product_key: str) -> None:
        if (name.casefold(), product_key.casefold()) == ("devicename", "productkey"):
            self._fault(line, "the header stands here again: two files were put together", "Import them one by one")
        elif fault := product_key_fault(product_key):
            self._fault(line, fault if len(product_key) <= 20 else "ProductKey is too long, at most 20 are allowed")
        elif self._product_key is None:
            self._product_key = product_key
            self._product_line = line
        else:
            self._fault(
                line,
                f"ProductKey {product_key} is not {self._product_key} of line {self._product_line}",
                "Import the certificates of each product from a file of its own",
            )

    def _find_duplicates(self) -> None:
        names, secrets = _values_twice(self._names), _values_twice(self._secrets)
        self._names = self._secrets = array("q")
        if not names and not secrets:
            return
        self._faults_kept_max += FAULTS_MAX + 1
        columns = self._columns
        first_name: dict[str, int] = {}
        first_secret: dict[str, int] = {}
        found = 0
        for line, cells in _rows(islice(text_lines(self._surveyed), columns.line, None), columns.line + 1):
            if isinstance(cells, str) or len(cells) < columns.width:
                continue
            name, secret = cells[columns.device_name], cells[columns.device_secret]
            name_line = first_name.setdefault(name, line) if hash(name) in names else line
            secret_line = first_secret.setdefault(secret, line) if hash(secret) in secrets else line
            if name_line == secret_line != line:
                self._fault(line, f"{name[:32]!a} with its DeviceSecret stands on line {name_line} already")
            elif name_line != line:
                self._fault(line, f"DeviceName {name[:32]!a} stands on line {name_line} already")
            elif secret_line != line:
                self._fault(line, f"the DeviceSecret of line {secret_line} stands here again")
            found += (name_line, secret_line) != (line, line)
            if found > FAULTS_MAX:
                return


def _values_twice(values: array[int]) -> frozenset[int]:
    if len(set(values)) == len(values):
        return frozenset()
    ordered = sorted(values)
    return frozenset(one for one, other in zip(ordered, islice(ordered, 1, None), strict=False) if one == other)


def _count_of(faults: int) -> str:
    return "1 fault" if faults == 1 else f"{faults} faults"


def _rows(lines: Iterator[str], first_line: int) -> Iterator[tuple[int, Cells | str]]:
    """Give each row with the number of its first line: its cells, or what is wrong with its quotation marks."""
    pushed_back: deque[str] = deque()
    number = first_line - 1
    while True:
        if pushed_back:
            line = pushed_back.popleft()
        elif (following := next(lines, None)) is not None:
            line = following
        else:
            return
        number += 1
        if '"' not in line:
            if line:
                yield number, line.split(",")
            continue
        source = chain(_drain(pushed_back), lines)
        cells, taken = _quoted_row(line, source)
        if isinstance(cells, str):
            pushed_back.extendleft(reversed(taken))
            yield number, cells
        else:
            yield number, cells
            number += len(taken)


def _drain(lines: deque[str]) -> Iterator[str]:
    while lines:
        yield lines.popleft()


def _quoted_row(line: str, following: Iterator[str]) -> tuple[Cells | str, list[str]]:
    """Read a row with quotation marks; a quoted cell may hold line ends. Gives also the further lines it looked at."""
    taken: list[str] = []
    text = line
    while True:
        try:
            return next(csv.reader([text], strict=True)), taken
        except csv.Error as error:
            unfinished = "unexpected end" in str(error)
        if not unfinished:
            return "a quotation mark is not followed by a comma, or one is missing", taken
        more = next(following, None) if len(taken) < _CONTINUATION_LINES_MAX else None
        if more is not None:
            taken.append(more)
            text = f"{text}\n{more}"
        if more is None or len(text) > LINE_LIMIT_BYTES:
            return "a quotation mark is opened and never closed", taken
