"""Reads an exported audit log, JSON lines or CSV, record by record. It trusts nothing: what is no record is told, not raised."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from station.errors import UsageError
from station.ledger.audit_lines import CSV_COLUMNS, FORMAT, HEAD, HEADER, SEQ_COLUMN, TRAILER, as_meant, hashed_text
from station.ledger.event_kind import EventKind
from station.ledger.heads import SignedHead

LINE_CHARACTERS_MAX: Final = 4_000_000
"""A longer line is no record: reading stays within bounds whatever the file is."""
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_LANE: Final = re.compile(r"0|-?[1-9][0-9]{0,17}")
_BOM: Final = b"\xef\xbb\xbf"
_HEAD_FIELDS: Final = frozenset(SignedHead.__slots__)


@dataclass(slots=True)
class ReadEvent:
    """An event as the file has it. `sound`: its content gives its hash. `note` is the data of an accepted gap."""

    line: int
    number: int
    station: str
    at: str
    operator: str
    mac: str | None
    device_name: str | None
    batch: str | None
    prev: str
    hash: str
    sound: bool
    seq: int | None
    note: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A header or a trailer."""

    line: int
    kind: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReadHead:
    """A signed head between events."""

    line: int
    head: SignedHead


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no record."""

    line: int


Item: TypeAlias = ReadEvent | ReadRecord | ReadHead | Unreadable


def read_export(path: Path) -> Iterator[Item]:
    """Give the records of an export in the order of the file; UsageError when it cannot be read or is no export."""
    try:
        with path.open("rb") as raw:
            begin = raw.read(200)
        if begin.startswith(_BOM):
            yield from _read_csv(path)
        elif begin.startswith(b"{"):
            yield from _read_jsonl(path)
        else:
            raise _no_export(path)
    except OSError as error:
        raise UsageError(
            f"the file cannot be read: {error.strerror or type(error).__name__}",
            "Name an exported audit log",
            str(path),
        ) from None
    except UnicodeDecodeError:
        raise UsageError(
            "the file holds bytes that no export holds (it is not UTF-8)",
            "Verify the file as it was exported",
            str(path),
        ) from None


def _no_export(path: Path) -> UsageError:
    return UsageError(
        "this is no exported audit log",
        "Name a file that `station audit export` wrote, as it was written: a spreadsheet saves it otherwise",
        str(path),
    )


def _read_jsonl(path: Path) -> Iterator[Item]:
    with path.open(encoding="utf-8", newline="\n") as file:
        number = 0
        while line := file.readline(LINE_CHARACTERS_MAX):
            number += 1
            item = _of_line(line, number)
            if number == 1:
                _require_header(item, path)
            yield item
            if not line.endswith("\n"):
                if len(line) == LINE_CHARACTERS_MAX:
                    yield Unreadable(number)
                return


def _of_line(line: str, number: int) -> Item:
    if not line.endswith("\n"):
        return Unreadable(number)
    try:
        content = json.loads(line)
        if "record" in content:
            return _record(content.pop("record"), content, number)
        return _event_of_json(line, content, number)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Unreadable(number)


def _event_of_json(line: str, content: dict[str, Any], number: int) -> ReadEvent:
    event_hash, subject, seq = content["hash"], content["subject"], content.get(SEQ_COLUMN)
    # What was hashed is the line without the hash, byte for byte: nothing can be hidden in how it is written.
    text = line[:-1].replace(f'"hash":"{event_hash}",', "", 1)
    if seq is not None:
        text = text.replace(f'"{SEQ_COLUMN}":{seq},', "", 1)
    kind = content["kind"]
    event = ReadEvent(
        number,
        content["number"],
        content["station"],
        content["at"],
        content["operator"],
        subject["mac"],
        subject["device_name"],
        subject["batch"],
        content["prev"],
        event_hash,
        hashlib.sha256(text.encode()).hexdigest() == event_hash,
        seq,
        content["data"] if kind == EventKind.GAP_ACCEPTED else None,
    )
    if type(event.number) is not int or not isinstance(event.station, str) or not isinstance(event.prev, str):
        raise ValueError(kind)
    if seq is not None and type(seq) is not int:
        raise ValueError(kind)
    return event


def _read_csv(path: Path) -> Iterator[Item]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(_bounded(file), strict=True)
        try:
            columns = tuple(next(lines, ()))
            if columns not in {CSV_COLUMNS, (*CSV_COLUMNS, SEQ_COLUMN)}:
                raise _no_export(path)
            first = True
            for cells in lines:
                item = _of_row(cells, len(columns), lines.line_num)
                if first:
                    _require_header(item, path)
                first = False
                yield item
        except csv.Error:
            yield Unreadable(lines.line_num)


def _bounded(file: Any) -> Iterator[str]:
    while line := file.readline(LINE_CHARACTERS_MAX):
        yield line


def _of_row(cells: list[str], columns: int, line: int) -> Item:
    if len(cells) != columns:
        return Unreadable(line)
    number, at, station, lane, operator, kind, mac, device_name, batch, data, prev, event_hash = map(
        as_meant, cells[:12]
    )
    try:
        if not number:
            return _record(kind, json.loads(data), line)
        if not _NUMBER.fullmatch(number) or (lane and not _LANE.fullmatch(lane)):
            return Unreadable(line)
        first, second = hashed_text(
            at=at,
            data=data,
            kind=kind,
            lane=int(lane) if lane else None,
            number=int(number),
            operator=operator,
            prev=prev,
            station=station,
            batch=batch or None,
            device_name=device_name or None,
            mac=mac or None,
        )
        return ReadEvent(
            line,
            int(number),
            station,
            at,
            operator,
            mac or None,
            device_name or None,
            batch or None,
            prev,
            event_hash,
            hashlib.sha256((first + second).encode()).hexdigest() == event_hash,
            int(cells[12]) if columns > len(CSV_COLUMNS) else None,
            json.loads(data) if kind == EventKind.GAP_ACCEPTED else None,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Unreadable(line)


def _record(kind: str, content: dict[str, Any], line: int) -> Item:
    if kind == HEAD:
        return ReadHead(line, head_from(content))
    if kind not in {HEADER, TRAILER}:
        return Unreadable(line)
    return ReadRecord(line, kind, content)


def head_from(content: dict[str, Any]) -> SignedHead:
    """Give a signed head from its JSON object; ValueError, TypeError when it is none."""
    head = SignedHead(**content)
    if set(content) != _HEAD_FIELDS or type(head.number) is not int:
        raise ValueError
    return head


def _require_header(item: Item, path: Path) -> None:
    if not isinstance(item, ReadRecord) or item.kind != HEADER or item.content.get("format") != FORMAT:
        raise _no_export(path)
