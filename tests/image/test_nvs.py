"""NVS images: what goes in comes out again, byte for byte, through a parser that did not write it."""

from __future__ import annotations

import time
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.certificate import Secret
from station.image import nvs as nvs_module
from station.image.fault import ImageFault
from station.image.nvs import NvsEntry, NvsType, build_nvs_image, nvs_key_fault, nvs_value_fault
from station.image.nvs_entry import INTEGER_RANGES, STRING_BYTES_MAX
from station.image.nvs_reader import nvs_differences, read_nvs_image

PAGE_BYTES = 4096
SECRET = "dsj3NotForAnyonesEyes0123456789"  # noqa: S105 - made up
CREDENTIALS = (
    NvsEntry("aliyun-key", "DeviceName", NvsType.string, "plug-0001"),
    NvsEntry("aliyun-key", "DeviceSecret", NvsType.string, Secret(SECRET)),
    NvsEntry("aliyun-key", "ProductKey", NvsType.string, "a1B2c3D4e5F"),
    NvsEntry("sdk", "mqtt_port", NvsType.u16, 1883),
)


def plain(entries: tuple[NvsEntry, ...]) -> list[tuple[str, str, NvsType, object]]:
    return [(entry.namespace, entry.key, entry.type, entry.plain()) for entry in entries]


def round_trip(*entries: NvsEntry, size: int = 0x10000) -> None:
    image = build_nvs_image(entries, size)
    assert len(image) == size
    assert plain(read_nvs_image(image).entries) == plain(entries)


def test_credentials_and_settings_share_one_partition() -> None:
    image = build_nvs_image(CREDENTIALS, 0x4000)
    contents = read_nvs_image(image)
    assert contents.text("aliyun-key", "DeviceName") == "plug-0001"
    assert contents.text("aliyun-key", "DeviceSecret") == SECRET
    port = contents.get("sdk", "mqtt_port")
    assert port is not None
    assert (port.type, port.value) == (NvsType.u16, 1883)
    assert nvs_differences(CREDENTIALS, contents, only=True) == ()


def test_the_same_values_give_the_same_bytes() -> None:
    assert build_nvs_image(CREDENTIALS, 0x4000) == build_nvs_image(CREDENTIALS, 0x4000)


def test_unused_pages_are_blank() -> None:
    assert build_nvs_image(CREDENTIALS, 0x4000)[PAGE_BYTES:] == b"\xff" * 3 * PAGE_BYTES


def test_namespaces_may_take_turns() -> None:
    round_trip(*(NvsEntry(f"n{index % 3}", f"k{index}", NvsType.u8, index) for index in range(9)))


@pytest.mark.parametrize("type_", INTEGER_RANGES)
def test_integers_hold_at_their_limits_and_not_beyond(type_: NvsType) -> None:
    allowed = INTEGER_RANGES[type_]
    limits = (allowed.start, 0, allowed.stop - 1)
    round_trip(*(NvsEntry("n", f"k{index}", type_, value) for index, value in enumerate(limits)))
    for value in (allowed.start - 1, allowed.stop):
        assert nvs_value_fault(type_, value) == f"{value} does not fit {type_} ({allowed.start} to {allowed.stop - 1})"
        with pytest.raises(ImageFault, match=r"n/k: .* does not fit"):
            build_nvs_image([NvsEntry("n", "k", type_, value)], 0x3000)


@pytest.mark.parametrize("length", [0, 1, 30, 31, 32, 33, STRING_BYTES_MAX - 1, STRING_BYTES_MAX])
def test_strings_hold_up_to_the_limit(length: int) -> None:
    round_trip(NvsEntry("n" * 15, "k" * 15, NvsType.string, "s" * length), NvsEntry("n", "after", NvsType.u8, 1))


def test_a_string_of_the_limit_counts_bytes_and_not_characters() -> None:
    fits = "é" * (STRING_BYTES_MAX // 2)
    assert nvs_value_fault(NvsType.string, fits) is None
    round_trip(NvsEntry("n", "k", NvsType.string, fits))
    assert nvs_value_fault(NvsType.string, fits + "é") is not None


@pytest.mark.parametrize("length", [0, 1, 32, 3935, 3936, 3967, 3968, 3969, 3999, 4000, 4001, 4033, 9000, 20000])
def test_blobs_hold_over_several_pages(length: int) -> None:
    blob = bytes(index * 7 % 256 for index in range(length))
    round_trip(NvsEntry("n", "blob", NvsType.blob, blob), NvsEntry("n", "after", NvsType.blob, b"x" * 500))


def test_a_blob_takes_a_text_or_a_secret_as_its_utf8_bytes() -> None:
    image = build_nvs_image(
        [NvsEntry("n", "text", NvsType.blob, "né"), NvsEntry("n", "secret", NvsType.blob, Secret(SECRET))], 0x3000
    )
    contents = read_nvs_image(image)
    assert [entry.value for entry in contents.entries] == ["né".encode(), SECRET.encode()]
    assert contents.text("n", "secret") == SECRET


KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=15)
VALUES = st.one_of(
    *(
        st.tuples(st.just(type_), st.integers(allowed.start, allowed.stop - 1))
        for type_, allowed in INTEGER_RANGES.items()
    ),
    st.tuples(
        st.just(NvsType.string),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200)
        | st.integers(0, STRING_BYTES_MAX).map(lambda length: "s" * length),
    ),
    st.tuples(st.just(NvsType.blob), st.binary(max_size=200) | st.integers(0, 12000).map(lambda length: b"b" * length)),
)


@given(st.dictionaries(st.tuples(KEYS, KEYS), VALUES, max_size=25))
@settings(deadline=None, max_examples=150)
def test_whatever_is_allowed_comes_out_again(values: dict[tuple[str, str], tuple[NvsType, int | str | bytes]]) -> None:
    entries = tuple(NvsEntry(place[0], place[1], type_, value) for place, (type_, value) in values.items())
    assert all(nvs_value_fault(entry.type, entry.value) is None for entry in entries)
    round_trip(*entries, size=0x80000)


@given(st.integers(0, 600), st.integers(1, 9))
@settings(deadline=None, max_examples=60)
def test_values_fit_or_are_refused_but_never_lost(count: int, pages: int) -> None:
    entries = tuple(NvsEntry("n", f"k{index}", NvsType.u32, index) for index in range(count))
    fits = 1 + count <= 126 * (pages + 1)
    try:
        round_trip(*entries, size=(pages + 2) * PAGE_BYTES)
    except ImageFault as fault:
        assert "do not fit" in fault.cause  # noqa: PT017 - both ends are right, by the number of values
        assert not fits
    else:
        assert fits


@pytest.mark.parametrize(
    ("size", "cause"),
    [(0, "cannot have"), (-4096, "cannot have"), (0x3001, "cannot have"), (0x1000, "too small"), (0x2000, "too small")],
)
def test_a_size_that_the_device_cannot_open_is_refused(size: int, cause: str) -> None:
    with pytest.raises(ImageFault, match=cause):
        build_nvs_image(CREDENTIALS, size)


@pytest.mark.parametrize("size", [0x1000, 0x2000, 0x3000])
def test_a_readonly_partition_may_be_small(size: int) -> None:
    image = build_nvs_image(CREDENTIALS, size, readonly=True)
    assert len(image) == size
    assert nvs_differences(CREDENTIALS, read_nvs_image(image), only=True) == ()


@pytest.mark.parametrize(
    ("entries", "cause"),
    [
        ([NvsEntry("", "k", NvsType.u8, 1)], "at least one character"),
        ([NvsEntry("n", "k" * 16, NvsType.u8, 1)], "has 16 characters, at most 15"),
        ([NvsEntry("n", "kéy", NvsType.u8, 1)], "not printable ASCII"),
        ([NvsEntry("n", "k", NvsType.u8, 1), NvsEntry("n", "k", NvsType.i8, 1)], "n/k stands twice"),
        ([NvsEntry("n", "k", NvsType.u8, True)], "takes a whole number, not true or false"),
        ([NvsEntry("n", "k", NvsType.u8, "1")], "takes a whole number, not a text"),
        ([NvsEntry("n", "k", NvsType.u8, Secret("1"))], "takes a whole number"),
        ([NvsEntry("n", "k", NvsType.string, 1)], "takes a text, not a number"),
        ([NvsEntry("n", "k", NvsType.string, b"1")], "takes a text, not bytes"),
        ([NvsEntry("n", "k", NvsType.blob, 1)], "takes bytes or a text, not a number"),
        ([NvsEntry("n", "k", NvsType.string, "a\0b")], "NUL"),
        ([NvsEntry("n", "k", NvsType.string, "\ud800")], "UTF-8"),
        ([NvsEntry("n", "k", NvsType.string, "s" * 3968)], "has 3968 bytes, at most 3967"),
        ([NvsEntry(f"n{index}", "k", NvsType.u8, 1) for index in range(255)], "more than 254 namespaces"),
        ([NvsEntry("n", f"k{index}", NvsType.string, "s" * 3000) for index in range(3)], "do not fit .* 0x3000 bytes"),
        ([NvsEntry("n", "k", NvsType.blob, b"b" * 9000)], "1 values of about 9088 bytes do not fit"),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused_by_name(entries: list[NvsEntry], cause: str) -> None:
    with pytest.raises(ImageFault, match=cause) as refused:
        build_nvs_image(entries, 0x3000)
    assert refused.value.mend


def test_key_faults_are_told() -> None:
    assert nvs_key_fault("DeviceName") is None
    assert nvs_key_fault("k" * 15) is None
    assert nvs_key_fault("tab\t") == "NVS key 'tab\\t' holds a character that is not printable ASCII"


@pytest.mark.parametrize("value", [SECRET * 200, SECRET + "\0", SECRET + "\ud800"])
def test_a_refused_secret_is_in_no_trace(value: str) -> None:
    """Neither the message nor anything that hangs on the exception shows it."""
    entries = [NvsEntry("n", "k", NvsType.string, Secret(value))]
    with pytest.raises(ImageFault) as refused:
        build_nvs_image(entries, 0x3000)
    printed = "".join(traceback.format_exception(refused.value)) + repr(entries)
    assert SECRET not in printed
    assert refused.value.__context__ is None
    assert refused.value.__cause__ is None


def test_a_secret_that_does_not_fit_is_in_no_trace() -> None:
    entries = [NvsEntry("n", f"k{index}", NvsType.string, Secret(SECRET * 100)) for index in range(9)]
    with pytest.raises(ImageFault, match="do not fit") as refused:
        build_nvs_image(entries, 0x3000)
    assert SECRET not in "".join(traceback.format_exception(refused.value))
    assert refused.value.__context__ is None


def test_a_value_read_back_does_not_print_itself() -> None:
    contents = read_nvs_image(build_nvs_image(CREDENTIALS, 0x3000))
    assert SECRET not in f"{contents} {contents!r} {contents.entries[1]}"


def test_a_generator_that_writes_something_else_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    other = build_nvs_image([NvsEntry("aliyun-key", "DeviceName", NvsType.string, "other")], 0x3000)
    monkeypatch.setattr(nvs_module, "_generate", lambda *_: other)
    with pytest.raises(ImageFault, match="aliyun-key/DeviceName holds another value; aliyun-key/DeviceSecret is miss"):
        build_nvs_image(CREDENTIALS, 0x3000)
    broken = bytearray(other)
    broken[100] ^= 1
    monkeypatch.setattr(nvs_module, "_generate", lambda *_: bytes(broken))
    with pytest.raises(ImageFault, match="page 0, entry 1: the CRC"):
        build_nvs_image(CREDENTIALS, 0x3000)
    monkeypatch.setattr(nvs_module, "_generate", lambda *_: other[:-1])
    with pytest.raises(ImageFault, match="it has 12287 bytes"):
        build_nvs_image(CREDENTIALS, 0x3000)


def test_differences_name_places_and_no_values() -> None:
    contents = read_nvs_image(build_nvs_image(CREDENTIALS, 0x3000))
    expected = [
        NvsEntry("aliyun-key", "DeviceSecret", NvsType.string, Secret("other")),
        NvsEntry("aliyun-key", "ProductKey", NvsType.blob, b"a1B2c3D4e5F"),
        NvsEntry("aliyun-key", "Missing", NvsType.u8, 1),
    ]
    assert nvs_differences(expected, contents) == (
        "aliyun-key/DeviceSecret holds another value",
        "aliyun-key/ProductKey is of type string instead of blob",
        "aliyun-key/Missing is missing",
    )
    assert nvs_differences(expected, contents, only=True)[3:] == (
        "aliyun-key/DeviceName is not expected",
        "sdk/mqtt_port is not expected",
    )


def test_an_image_is_made_and_verified_in_30_ms() -> None:
    build_nvs_image(CREDENTIALS, 0x6000)
    assert min(_seconds() for _ in range(5)) < 0.03


def _seconds() -> float:
    begun = time.perf_counter()
    build_nvs_image(CREDENTIALS, 0x6000)
    return time.perf_counter() - begun
