"""NVS images by Espressif's own generator, made in memory and read back by our own parser before anybody gets them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from station.image.fault import ImageFault
from station.image.nvs_entry import NvsEntry, NvsType, nvs_key_fault, nvs_value_fault
from station.image.nvs_reader import NvsUnreadable, nvs_differences, read_nvs_image

__all__ = ["NvsEntry", "NvsType", "build_nvs_image", "nvs_key_fault", "nvs_value_fault"]

_PAGE_BYTES: Final = 4096
_ENTRY_BYTES: Final = 32
MINIMUM_SIZE_BYTES: Final = 3 * _PAGE_BYTES
"""ESP-IDF needs one page spare for moving values; smaller partitions must be flagged readonly in the table."""
_NAMESPACES_MAX: Final = 254


def build_nvs_image(entries: Sequence[NvsEntry], size_bytes: int, *, readonly: bool = False) -> bytes:
    """Make the NVS image of exactly `size_bytes` with these values, in their order.

    `readonly` is the flag of the partition: only then may it be smaller than three pages. Nothing touches a disk, and
    no message holds a value. Raises ImageFault when a key or value is not allowed, stands twice, or does not fit.
    """
    _check_size(size_bytes, readonly)
    _check_entries(entries)
    image = _generate(entries, size_bytes, readonly)
    if image is None:
        needed = sum(map(_stored_bytes, entries))
        raise ImageFault(
            f"{len(entries)} values of about {needed} bytes do not fit an NVS partition of {size_bytes:#x} bytes",
            "Make the partition larger, or write fewer or shorter values",
        )
    _check_image(image, entries, size_bytes)
    return image


def _check_size(size_bytes: int, readonly: bool) -> None:
    if size_bytes <= 0 or size_bytes % _PAGE_BYTES:
        raise ImageFault(
            f"an NVS partition cannot have {size_bytes:#x} bytes",
            f"Make it a multiple of {_PAGE_BYTES:#x} in the build's partitions CSV",
        )
    if size_bytes < MINIMUM_SIZE_BYTES and not readonly:
        raise ImageFault(
            f"an NVS partition of {size_bytes:#x} bytes is too small for the device to open",
            f"Make it at least {MINIMUM_SIZE_BYTES:#x} bytes, or flag it readonly, in the build's partitions CSV",
        )


def _check_entries(entries: Sequence[NvsEntry]) -> None:
    places: set[tuple[str, str]] = set()
    for entry in entries:
        for name in (entry.namespace, entry.key):
            fault = nvs_key_fault(name)
            if fault is not None:
                raise ImageFault(fault, "Use a key of 1 to 15 letters, digits or signs")
        fault = nvs_value_fault(entry.type, entry.value)
        if fault is not None:
            raise ImageFault(f"{entry.place}: {fault}", "Correct the value, or choose another type")
        if (entry.namespace, entry.key) in places:
            raise ImageFault(f"{entry.place} stands twice", "Remove one of them")
        places.add((entry.namespace, entry.key))
    if len({entry.namespace for entry in entries}) > _NAMESPACES_MAX:
        raise ImageFault(f"there are more than {_NAMESPACES_MAX} namespaces", "Use fewer namespaces")


def _stored_bytes(entry: NvsEntry) -> int:
    value = entry.plain()
    if isinstance(value, int):
        return _ENTRY_BYTES
    length = len(value) + 32 if isinstance(value, bytes) else len(value.encode("utf-8")) + 1
    return (1 + -(-length // _ENTRY_BYTES)) * _ENTRY_BYTES


def _generate(entries: Sequence[NvsEntry], size_bytes: int, readonly: bool) -> bytes | None:
    """Drive the generator's own class on a stream in memory; None when the values do not fit."""
    # Imported here because it pulls in a command-line toolkit, which `station --help` need not wait for.
    from esp_idf_nvs_partition_gen import nvs_partition_gen as generator  # noqa: PLC0415

    small = size_bytes < MINIMUM_SIZE_BYTES
    usable = size_bytes if small and readonly else size_bytes - _PAGE_BYTES  # the generator adds the spare page itself
    stream = io.BytesIO()
    try:
        with generator.NVS(stream, usable, generator.Page.VERSION2, read_only=small) as nvs:
            for entry in entries:
                nvs.write_namespace(entry.namespace)
                encoding = "binary" if entry.type is NvsType.blob else str(entry.type)
                nvs.write_entry(entry.key, entry.plain(), encoding, nvs.get_namespace_idx())
    except (generator.InsufficientSizeError, generator.PageFullError):
        return None  # raised anew by the caller, so that no frame of the generator with a value hangs on the error
    return stream.getvalue().ljust(size_bytes, b"\xff")


def _check_image(image: bytes, entries: Sequence[NvsEntry], size_bytes: int) -> None:
    """The pair of the generator: read what it made and compare. A fault here is a bug, in it or in our parser."""
    problems: tuple[str, ...] = ()
    if len(image) != size_bytes:
        problems = (f"it has {len(image)} bytes",)
    else:
        try:
            problems = nvs_differences(entries, read_nvs_image(image), only=True)
        except NvsUnreadable as fault:
            problems = (fault.reason,)
    if problems:
        raise ImageFault(
            f"the NVS image of {size_bytes:#x} bytes does not read back as it was meant: {'; '.join(problems[:5])}",
            "Stop using this profile and call the line engineer",
        )
