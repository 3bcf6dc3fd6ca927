"""The NVS parser against pages made by hand: whole ones, worn ones and broken ones."""

from __future__ import annotations

import struct
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.image.nvs import NvsEntry, NvsType, build_nvs_image
from station.image.nvs_reader import NvsContents, NvsUnreadable, read_nvs_image
from tests.image import by_hand
from tests.image.by_hand import NvsPage, nvs


def page(**settings: int) -> NvsPage:
    """Give a page with the namespace `app` as number 1."""
    made = NvsPage(**settings)
    made.namespace(1, "app")
    return made


def values(contents: NvsContents) -> dict[str, object]:
    return {entry.place: entry.value for entry in contents.entries}


@pytest.mark.parametrize("tolerant", [False, True])
def test_a_blank_partition_is_read_as_blank(tolerant: bool) -> None:
    contents = read_nvs_image(b"\xff" * 0x3000, tolerant=tolerant)
    assert contents.blank
    assert contents.entries == ()
    assert contents.notes == ()
    assert contents.get("app", "key") is None
    assert contents.text("app", "key") is None


@pytest.mark.parametrize(
    ("type_", "code", "value"),
    [
        (by_hand.U8, "<B", 255),
        (by_hand.I8, "<b", -128),
        (by_hand.U16, "<H", 65535),
        (by_hand.I16, "<h", -32768),
        (by_hand.U32, "<I", 2**32 - 1),
        (by_hand.I32, "<i", -(2**31)),
        (by_hand.U64, "<Q", 2**64 - 1),
        (by_hand.I64, "<q", -(2**63)),
    ],
)
def test_every_integer_type_is_read(type_: int, code: str, value: int) -> None:
    one = page()
    one.item(1, type_, "number", struct.pack(code, value))
    assert values(read_nvs_image(nvs(one))) == {"app/number": value}


def test_strings_and_blobs_of_both_versions_are_read() -> None:
    one = page()
    one.string(1, "text", "né" * 40)
    one.string(1, "empty", "")
    one.with_data(1, by_hand.BLOB_V1, "old", b"o" * 100)
    one.with_data(1, by_hand.BLOB_DATA, "new", b"a" * 70, chunk=0x80)
    one.with_data(1, by_hand.BLOB_DATA, "new", b"b" * 30, chunk=0x81)
    one.blob_index(1, "new", 100, 2, 0x80)
    assert values(read_nvs_image(nvs(one))) == {
        "app/text": "né" * 40,
        "app/empty": "",
        "app/old": b"o" * 100,
        "app/new": b"a" * 70 + b"b" * 30,
    }


def test_pages_are_read_in_the_order_of_their_numbers() -> None:
    late, early = NvsPage(8), page(sequence=7, state=by_hand.FULL)
    early.item(1, by_hand.U8, "first", b"\1")
    late.item(1, by_hand.U8, "second", b"\2")
    assert list(values(read_nvs_image(nvs(late, early)))) == ["app/first", "app/second"]


def test_a_blob_may_lie_on_several_pages() -> None:
    first, second = page(state=by_hand.FULL), NvsPage(1)
    first.with_data(1, by_hand.BLOB_DATA, "b", b"a" * 3000, chunk=0)
    second.with_data(1, by_hand.BLOB_DATA, "b", b"b" * 3000, chunk=1)
    second.blob_index(1, "b", 6000, 2)
    assert values(read_nvs_image(nvs(first, second))) == {"app/b": b"a" * 3000 + b"b" * 3000}


def test_a_namespace_may_be_named_behind_its_values() -> None:
    """A page that was moved can carry the name behind what uses it."""
    one = NvsPage()
    one.item(1, by_hand.U8, "k", b"\1")
    one.namespace(1, "app")
    assert values(read_nvs_image(nvs(one))) == {"app/k": 1}


def test_an_erased_value_is_gone() -> None:
    one = page()
    old = one.string(1, "name", "old")
    one.set_state(old, by_hand.ERASED)
    one.set_state(old + 1, by_hand.ERASED)
    one.string(1, "name", "new")
    assert values(read_nvs_image(nvs(one))) == {"app/name": "new"}


def broken_doubled() -> bytes:
    one = page()
    one.string(1, "name", "old")
    one.string(1, "name", "new")
    return nvs(one)


def broken_header() -> bytes:
    raw = bytearray(nvs(page()))
    raw[5] ^= 1
    return bytes(raw)


def broken_entry() -> bytes:
    one = page()
    at = 64 + 32 * one.item(1, by_hand.U32, "name", b"\1\2\3\4")
    one.raw[at + 24] ^= 1
    return nvs(one)


def broken_data() -> bytes:
    one = page()
    at = 64 + 32 * one.string(1, "name", "value")
    one.raw[at + 32] ^= 1
    return nvs(one)


def half_written() -> bytes:
    one = page()
    at = one.string(1, "name", "v" * 100)
    one.set_state(at + 2, by_hand.ERASED)
    return nvs(one)


def beyond_its_page() -> bytes:
    one = page()
    one.next = 125
    one.item(1, by_hand.STRING, "name", struct.pack("<HHI", 40, 0xFFFF, 0), span=3)
    return nvs(one)


def written_but_marked_empty() -> bytes:
    one = page()
    one.raw[64 + 32 * 5] = 0
    return nvs(one)


def illegal_state() -> bytes:
    one = page()
    one.set_state(1, by_hand.ILLEGAL)
    return nvs(one)


def no_terminator() -> bytes:
    one = page()
    one.with_data(1, by_hand.STRING, "name", b"abc")
    return nvs(one)


def two_terminators() -> bytes:
    one = page()
    one.with_data(1, by_hand.STRING, "name", b"abc\0def\0")
    return nvs(one)


def no_utf8() -> bytes:
    one = page()
    one.with_data(1, by_hand.STRING, "name", b"\xff\xfe\0")
    return nvs(one)


def lost_piece() -> bytes:
    one = page()
    one.with_data(1, by_hand.BLOB_DATA, "b", b"aaa", chunk=0)
    one.blob_index(1, "b", 6, 2)
    return nvs(one)


def wrong_blob_size() -> bytes:
    one = page()
    one.with_data(1, by_hand.BLOB_DATA, "b", b"aaa", chunk=0)
    one.blob_index(1, "b", 4, 1)
    return nvs(one)


def lost_index() -> bytes:
    one = page()
    one.with_data(1, by_hand.BLOB_DATA, "b", b"aaa", chunk=0)
    return nvs(one)


def doubled_piece() -> bytes:
    one = page()
    one.with_data(1, by_hand.BLOB_DATA, "b", b"aaa", chunk=0)
    one.with_data(1, by_hand.BLOB_DATA, "b", b"bbb", chunk=0)
    one.blob_index(1, "b", 3, 1)
    return nvs(one)


def nameless_namespace() -> bytes:
    one = NvsPage()
    one.item(3, by_hand.U8, "k", b"\1")
    return nvs(one)


def doubled_namespace() -> bytes:
    one = page()
    one.namespace(2, "app")
    return nvs(one)


def namespace_of_wrong_type() -> bytes:
    one = NvsPage()
    one.item(0, by_hand.U16, "app", b"\1\0")
    return nvs(one)


def unknown_type() -> bytes:
    one = page()
    one.item(1, 0x77, "k", b"\1")
    return nvs(one)


def endless_key() -> bytes:
    one = page()
    one.item(1, by_hand.U8, "k" * 16, b"\1")
    return nvs(one)


def foreign_key() -> bytes:
    one = page()
    one.item(1, by_hand.U8, b"\xff\xfe", b"\1")
    return nvs(one)


def wrong_span() -> bytes:
    one = page()
    one.item(1, by_hand.U8, "k", b"\1", span=2)
    return nvs(one)


def unfinished_page() -> bytes:
    return b"\xff" * 4095 + b"\0" + nvs(page())


BROKEN = [
    (broken_doubled, "page 0, entry 3: app/name stands twice"),
    (broken_header, "page 0: the CRC of its header is wrong"),
    (broken_entry, "page 0, entry 1: the CRC of its header is wrong"),
    (broken_data, "page 0, entry 1: the CRC of its data is wrong"),
    (half_written, "page 0, entry 1: it is only half written"),
    (beyond_its_page, "page 0, entry 125: its length contradicts its span"),
    (written_but_marked_empty, "page 0, entry 5: it is marked empty but holds data"),
    (illegal_state, "page 0, entry 1: its state is illegal"),
    (no_terminator, "page 0, entry 1: string app/name does not end with its one NUL"),
    (two_terminators, "string app/name does not end with its one NUL"),
    (no_utf8, "string app/name is not UTF-8"),
    (lost_piece, "blob app/b is not whole"),
    (wrong_blob_size, "blob app/b is not whole"),
    (lost_index, "a piece of a blob has no index"),
    (doubled_piece, "a piece of a blob stands twice"),
    (nameless_namespace, "its namespace 3 has no name"),
    (doubled_namespace, "a namespace stands twice"),
    (namespace_of_wrong_type, "it is not the name of a namespace"),
    (unknown_type, "page 0, entry 1: its type is unknown"),
    (endless_key, "page 0, entry 1: its key is not readable"),
    (foreign_key, "page 0, entry 1: its key is not readable"),
    (wrong_span, "page 0, entry 1: its span is 2, not 1"),
    (unfinished_page, "page 0 is marked blank but holds data"),
    (lambda: nvs(NvsPage(version=0xFD)), "page 0 has format version 0xfd, which is unknown"),
    (lambda: nvs(NvsPage(state=0)), "page 0 is in state 0x00000000"),
    (lambda: nvs(NvsPage(1), NvsPage(1)), "pages 0 and 1 have the same sequence number"),
    (lambda: nvs(NvsPage(1), NvsPage(2)), "page 0 is active, but page 1 is newer"),
    (lambda: nvs(NvsPage(1, by_hand.FREEING), NvsPage(2)), "page 0 was left while it was being moved"),
]


@pytest.mark.parametrize(("made", "reason"), BROKEN, ids=[reason[:40] for _, reason in BROKEN])
def test_what_is_broken_is_named_or_passed_over(made: object, reason: str) -> None:
    assert callable(made)
    image = made()
    with pytest.raises(NvsUnreadable) as refused:
        read_nvs_image(image)
    assert reason in refused.value.reason
    contents = read_nvs_image(image, tolerant=True)
    assert any(reason in note for note in contents.notes)
    assert not contents.blank


def test_of_two_values_the_later_one_holds() -> None:
    contents = read_nvs_image(broken_doubled(), tolerant=True)
    assert contents.text("app", "name") == "new"
    assert len(contents.entries) == 1


def test_what_is_whole_beside_something_broken_is_still_read() -> None:
    one = page()
    at = 64 + 32 * one.string(1, "broken", "value")
    one.raw[at + 8] ^= 1
    one.string(1, "whole", "yes")
    assert values(read_nvs_image(nvs(one), tolerant=True)) == {"app/whole": "yes"}


def test_a_value_without_type_suits_text() -> None:
    one = page()
    one.item(1, by_hand.U8, "number", b"\1")
    one.with_data(1, by_hand.BLOB_V1, "bytes", b"\xff")
    one.with_data(1, by_hand.BLOB_V1, "text", b"ok")
    contents = read_nvs_image(nvs(one))
    assert [contents.text("app", key) for key in ("number", "bytes", "text")] == [None, None, "ok"]


@pytest.mark.parametrize("size", [0, 100, 4095, 4097])
@pytest.mark.parametrize("tolerant", [False, True])
def test_a_part_of_a_page_is_refused(size: int, tolerant: bool) -> None:
    with pytest.raises(NvsUnreadable, match=f"this one has {size}"):
        read_nvs_image(b"\xff" * size, tolerant=tolerant)


WHOLE = (
    NvsEntry("app", "name", NvsType.string, "plug-0001"),
    NvsEntry("app", "port", NvsType.u16, 1883),
    NvsEntry("app", "blob", NvsType.blob, bytes(range(200))),
)
WHOLE_IMAGE = build_nvs_image(WHOLE, 0x3000)
USED_BITS = 8 * (64 + 32 * 14)


@given(st.sets(st.integers(0, USED_BITS - 1), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_changed_bits_never_give_a_wrong_value(bits: set[int]) -> None:
    """A value may be missing, or the whole refused; but what is given is what was written."""
    raw = bytearray(WHOLE_IMAGE)
    for bit in bits:
        raw[bit // 8] ^= 1 << bit % 8
    try:
        strict = read_nvs_image(bytes(raw)).entries
    except NvsUnreadable:
        strict = ()
    tolerant = read_nvs_image(bytes(raw), tolerant=True).entries
    for entries in (strict, tolerant):
        assert all(entry in WHOLE for entry in entries)


ITEMS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from((by_hand.U8, by_hand.STRING, by_hand.BLOB_V1, by_hand.BLOB_DATA, by_hand.BLOB_INDEX, 0x33)),
        st.sampled_from(("a", "b", "name")),
        st.binary(min_size=8, max_size=8),
        st.integers(0, 255),
        st.integers(0, 255),
        st.binary(max_size=100),
        st.booleans(),
    ),
    max_size=12,
)


@given(st.lists(st.tuples(st.integers(0, 3), ITEMS), min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_no_page_with_right_crcs_and_wrong_contents_breaks_the_parser(
    pages: list[tuple[int, list[tuple[int, int, str, bytes, int, int, bytes, bool]]]],
) -> None:
    made = []
    for sequence, items in pages:
        one = NvsPage(sequence)
        for namespace, type_, key, fixed, span, chunk, data, whole in items:
            if whole:
                one.with_data(namespace, type_, key, data, chunk=chunk)
            else:
                one.item(namespace, type_, key, fixed, data, span=span, chunk=chunk)
        made.append(one)
    image = nvs(*made)
    tolerant = read_nvs_image(image, tolerant=True)
    try:
        strict = read_nvs_image(image)
    except NvsUnreadable:
        assert tolerant.notes
    else:
        assert strict.entries == tolerant.entries


@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_read_tolerantly_as_nothing(seed: int) -> None:
    raw = Random(seed).randbytes(0x4000)  # noqa: S311 - leftovers
    contents = read_nvs_image(raw, tolerant=True)
    assert contents.entries == ()
    assert len(contents.notes) == 4
    assert not contents.blank
