"""What an NVS partition holds, read by a parser of our own: it shares no code with the generator that writes it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from station.image.nvs_entry import NvsEntry, NvsType
from station.image.nvs_page import (
    PAGE_BYTES,
    Complain,
    Item,
    ItemType,
    NvsUnreadable,
    Page,
    PageState,
    read_page,
)

__all__ = ["NvsContents", "NvsUnreadable", "nvs_differences", "read_nvs_image"]

_INTEGERS = {
    ItemType.U8: NvsType.u8,
    ItemType.I8: NvsType.i8,
    ItemType.U16: NvsType.u16,
    ItemType.I16: NvsType.i16,
    ItemType.U32: NvsType.u32,
    ItemType.I32: NvsType.i32,
    ItemType.U64: NvsType.u64,
    ItemType.I64: NvsType.i64,
}
_SIGNED_BIT = 0x10
_SIZE_MASK = 0x0F


@dataclass(frozen=True, slots=True)
class NvsContents:
    """The values of a partition in the order in which they were written.

    `blank` is true when every byte is 0xFF. `notes` says what a tolerant reading passed over; none ever holds a value.
    """

    entries: tuple[NvsEntry, ...]
    blank: bool = False
    notes: tuple[str, ...] = ()

    def get(self, namespace: str, key: str) -> NvsEntry | None:
        """Give the value written last under this namespace and key, or None."""
        found = None
        for entry in self.entries:
            if entry.key == key and entry.namespace == namespace:
                found = entry
        return found

    def text(self, namespace: str, key: str) -> str | None:
        """Give a string (or a blob that is UTF-8) as text; None when it is missing or is no text."""
        entry = self.get(namespace, key)
        return None if entry is None else entry.text()


def read_nvs_image(data: bytes, *, tolerant: bool = False) -> NvsContents:
    """Read a whole NVS partition (a multiple of 4096 bytes, not encrypted).

    Strict, the first thing that is not as a finished write leaves it raises NvsUnreadable: header, entry and data CRCs,
    states, half-written or doubled items, blob chunks without an index, names that are missing. Tolerant, for a chip
    whose past is unknown, each such thing is passed over as the device itself would do and told in `notes`; the later
    one of two values holds. A blank partition is read without complaint either way.
    """
    if not data or len(data) % PAGE_BYTES:
        raise NvsUnreadable(f"an NVS partition is a multiple of {PAGE_BYTES} bytes, this one has {len(data)}")
    notes: list[str] = []
    complain = notes.append if tolerant else _refuse
    pages = []
    for number, start in enumerate(range(0, len(data), PAGE_BYTES)):
        page = read_page(data[start : start + PAGE_BYTES], number, complain)
        if page is not None:
            pages.append(page)
    pages.sort(key=lambda page: page.sequence)
    _check_page_states(pages, complain)
    entries = _entries([item for page in pages for item in page.items], complain)
    blank = not pages and data.count(0xFF) == len(data)
    return NvsContents(entries, blank, tuple(notes))


def nvs_differences(expected: Iterable[NvsEntry], found: NvsContents, *, only: bool = False) -> tuple[str, ...]:
    """Name each expected value that is missing or differs, by place and never by value; empty when all are there.

    With `only`, a value that is there but not expected is a difference too.
    """
    differences = []
    places = set()
    for entry in expected:
        places.add((entry.namespace, entry.key))
        there = found.get(entry.namespace, entry.key)
        if there is None:
            differences.append(f"{entry.place} is missing")
        elif there.type is not entry.type:
            differences.append(f"{entry.place} is of type {there.type} instead of {entry.type}")
        elif there.plain() != entry.plain():
            differences.append(f"{entry.place} holds another value")
    if only:
        differences.extend(
            f"{entry.place} is not expected" for entry in found.entries if (entry.namespace, entry.key) not in places
        )
    return tuple(differences)


def _refuse(reason: str) -> None:
    raise NvsUnreadable(reason)


def _check_page_states(pages: Sequence[Page], complain: Complain) -> None:
    """Only the newest page is being written; a page in the state FREEING was left in the middle of a move."""
    for before, page in pairwise(pages):
        if before.sequence == page.sequence:
            complain(f"pages {before.number} and {page.number} have the same sequence number")
        if before.state == PageState.ACTIVE:
            complain(f"page {before.number} is active, but page {page.number} is newer")
    for page in pages:
        if page.state == PageState.FREEING:
            complain(f"page {page.number} was left while it was being moved")


def _entries(items: Sequence[Item], complain: Complain) -> tuple[NvsEntry, ...]:
    names = _namespaces(items, complain)
    chunks = _chunks(items, complain)
    unused = set(chunks)
    found: dict[tuple[str, str, NvsType], NvsEntry] = {}
    for item in items:
        if item.namespace_index == 0 or item.type is ItemType.BLOB_DATA:
            continue
        if item.type is ItemType.BLOB_INDEX:
            unused.difference_update(_chunk_places(item))
        namespace = names.get(item.namespace_index)
        if namespace is None:
            complain(f"{item.where}: its namespace {item.namespace_index} has no name")
            continue
        entry = _entry(item, namespace, chunks, complain)
        if entry is None:
            continue
        identity = (namespace, entry.key, entry.type)
        if found.pop(identity, None) is not None:
            complain(f"{item.where}: {entry.place} stands twice")
        found[identity] = entry
    for place in sorted(unused):
        complain(f"{chunks[place].where}: a piece of a blob has no index")
    return tuple(found.values())


def _namespaces(items: Sequence[Item], complain: Complain) -> dict[int, str]:
    names: dict[int, str] = {}
    for item in items:
        if item.namespace_index != 0:
            continue
        index = item.fixed[0]
        if item.type is not ItemType.U8 or index in (0, 0xFF):
            complain(f"{item.where}: it is not the name of a namespace")
        elif index in names or item.key in names.values():
            complain(f"{item.where}: a namespace stands twice")
            names.setdefault(index, item.key)
        else:
            names[index] = item.key
    return names


_Chunks = dict[tuple[int, str, int], Item]


def _chunks(items: Sequence[Item], complain: Complain) -> _Chunks:
    chunks: _Chunks = {}
    for item in items:
        if item.type is ItemType.BLOB_DATA and item.namespace_index != 0:
            place = (item.namespace_index, item.key, item.chunk)
            if place in chunks:
                complain(f"{item.where}: a piece of a blob stands twice")
            chunks[place] = item
    return chunks


def _chunk_places(index: Item) -> list[tuple[int, str, int]]:
    _, count, first = struct.unpack("<IBB2x", index.fixed)
    return [(index.namespace_index, index.key, number) for number in range(first, first + count)]


def _entry(item: Item, namespace: str, chunks: _Chunks, complain: Complain) -> NvsEntry | None:
    if item.type in _INTEGERS:
        value = int.from_bytes(item.fixed[: item.type & _SIZE_MASK], "little", signed=bool(item.type & _SIGNED_BIT))
        return NvsEntry(namespace, item.key, _INTEGERS[item.type], value)
    if item.type is ItemType.STRING:
        return _string(item, namespace, complain)
    if item.type is ItemType.BLOB_V1:
        return NvsEntry(namespace, item.key, NvsType.blob, item.data)
    size_bytes: int = struct.unpack_from("<I", item.fixed)[0]
    pieces = [chunks[place].data for place in _chunk_places(item) if place in chunks]
    blob = b"".join(pieces)
    if len(pieces) != len(_chunk_places(item)) or len(blob) != size_bytes:
        complain(f"{item.where}: blob {namespace}/{item.key} is not whole")
        return None
    return NvsEntry(namespace, item.key, NvsType.blob, blob)


def _string(item: Item, namespace: str, complain: Complain) -> NvsEntry | None:
    raw, nul, rest = item.data.partition(b"\0")
    if not nul or rest:
        complain(f"{item.where}: string {namespace}/{item.key} does not end with its one NUL")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        complain(f"{item.where}: string {namespace}/{item.key} is not UTF-8")
        text = raw.decode("utf-8", errors="replace")
    return NvsEntry(namespace, item.key, NvsType.string, text)
