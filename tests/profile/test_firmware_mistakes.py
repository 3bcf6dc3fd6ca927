"""Each mistake in what a profile names - files, addresses, partitions - is told with line, cause and mend."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from station.errors import ProfileError
from station.profile.prepare import prepare_recipe
from tests.profile.workplace import FACTORY, NVS, Row, Workplace, pack_table

CASES = {
    "a missing file": (("images/app.bin", "images/ap.bin"), "ap.bin", "`images/ap.bin` is missing", "looked for as"),
    "a folder as an image": (("images/app.bin", "images"), "{file: images,", "is a folder", ".bin file itself"),
    "an address within a sector": (
        ("at: 0x8000", "at: 0x8800"),
        "0x8800",
        "0x8800, which is not the start of a flash sector",
        "0x8000 or 0x9000",
    ),
    "a partition that is not in the table": (
        ("at: factory", "at: factroy"),
        "factroy",
        "`factroy` is not in the partition table",
        "`factory`",
    ),
    "an erased partition that is not in the table": (
        ("erase: [nvs]", "erase: [nvs, otadata]"),
        "erase",
        "`otadata` is not in the partition table",
        "nvs, phy_init, factory, fctry",
    ),
    "credentials in a partition that is not in the table": (
        ("{preset: esp-aliyun}", "{preset: esp-aliyun, partition: fctyr}"),
        "credentials",
        "`fctyr` is not in the partition table",
        "`fctry`",
    ),
    "credentials in a partition that is no NVS": (
        ("{preset: esp-aliyun}", "{preset: esp-aliyun, partition: phy_init}"),
        "credentials",
        "`phy_init` is no NVS partition",
        "nvs, fctry",
    ),
    "SDK config in a partition that is no NVS": (
        ("namespace: sdk", "namespace: sdk\n  partition: phy_init"),
        "partition: phy_init",
        "`phy_init` is no NVS partition",
        "nvs, fctry",
    ),
    "a partition erased that holds the credentials": (
        ("erase: [nvs]", "erase: [nvs, fctry]"),
        "credentials",
        "`fctry` is named twice, by `erase` and by `credentials`",
        "another partition",
    ),
    "a partition erased twice": (("[nvs]", "[nvs, nvs]"), "erase", "`nvs` is named twice", "Remove one"),
    "a partition erased under an image": (
        ("erase: [nvs]", "erase: [factory]"),
        "erase",
        "`factory` is named twice, by `images/app.bin` and by `erase`",
        "Remove one",
    ),
    "two images at one place": (
        ("at: 0x8000", "at: 0x7000"),
        "0x7000",
        "`images/bootloader.bin` (0x1000 to 0x7860) and `images/partition-table.bin` (0x7000 to 0x7c00) overlap",
        "Correct one",
    ),
    "a flash that is too small for the table": (
        ("4MB", "1MB"),
        "flash_size",
        "the partition table needs 0x116000 bytes",
        "`flash_size: 2MB`",
    ),
    "a hash that has changed": (
        ("at: factory", f"at: factory, sha256: {'0' * 64}"),
        "sha256",
        "`images/app.bin` has changed",
        "station profile lock",
    ),
    "hashes of a build without a build": (
        ("  images:", f"  sha256: {{app.bin: {'0' * 64}}}\n  images:"),
        "sha256",
        "`sha256` beside `images`",
        "into each image",
    ),
    "a filesystem in a partition for something else": (
        ("  erase: [nvs]", "  filesystem: {partition: nvs, from: images}"),
        "filesystem",
        "`nvs` is not meant for a filesystem",
        "vfs",
    ),
    "a filesystem of a folder that is missing": (
        ("  erase: [nvs]", "  filesystem: {partition: phy_init, from: app}"),
        "filesystem",
        "app is no folder",
        "Name the folder",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told_with_line_cause_and_mend(workplace: Workplace, case: str) -> None:
    """One mistake, its fault at its line."""
    change, needle, cause, mend = CASES[case]
    workplace.write(change)
    if case == "a flash that is too small for the table":
        faults = [fault for fault in workplace.faults() if fault.line == workplace.line(needle)]
        fault = faults[0]
    elif case == "a partition erased that holds the credentials":
        fault = workplace.only_fault()
        needle, cause = "erase", "`fctry` is named twice, by `credentials` and by `erase`"
    else:
        fault = workplace.only_fault()

    assert fault.line == workplace.line(needle)
    assert cause in fault.cause
    assert mend in fault.mend


def test_an_image_for_another_chip_is_refused(workplace: Workplace, bench_images: Path) -> None:
    """By the chip number in its header."""
    shutil.copy(bench_images / "training-c3" / "app.bin", workplace.folder / "images" / "app.bin")
    workplace.write()

    fault = workplace.only_fault()

    assert fault.line == workplace.line("app.bin")
    assert fault.cause == "`images/app.bin` is for esp32c3, the profile is for esp32"
    assert "chip: esp32c3" in fault.mend


def test_a_damaged_image_is_refused(workplace: Workplace) -> None:
    """One changed byte breaks its checksum."""
    path = workplace.folder / "images" / "app.bin"
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    workplace.write()

    fault = workplace.only_fault()

    assert (fault.line, "checksum is wrong" in fault.cause) == (workplace.line("app.bin"), True)


def test_a_file_that_is_no_image_is_refused(workplace: Workplace) -> None:
    """An ELF, say, in the place of an application."""
    workplace.write_image("app.bin", b"\x7fELF" * 100)
    workplace.write()

    fault = workplace.only_fault()

    assert "no ESP image" in fault.cause
    assert ".bin file of the build" in fault.mend


def test_an_empty_file_is_refused(workplace: Workplace) -> None:
    """Nothing to write."""
    workplace.write_image("app.bin", b"")
    workplace.write()

    assert "is empty" in workplace.only_fault().cause


def test_a_bootloader_at_another_chips_address_is_refused(workplace: Workplace) -> None:
    """The ESP32 looks at 0x1000, not at 0."""
    workplace.write(("at: 0x1000", "at: 0x0"))

    fault = workplace.only_fault()

    assert fault.line == workplace.line("bootloader")
    assert "at 0x0 neither the chip nor the partition table looks" in fault.cause
    assert "`at: 0x1000`" in fault.mend


def test_a_merged_image_at_a_bootloaders_address_is_refused(workplace: Workplace, bench_images: Path) -> None:
    """As merge-bin makes it, for address 0; everything in it would lie 4 KB too high."""
    merged = b"\xff" * 0x1000 + (bench_images / "micropython" / "firmware.bin").read_bytes()
    workplace.write_image("firmware.bin", merged)
    _write_merged(workplace)

    fault = workplace.only_fault()

    assert fault.line == workplace.line("firmware.bin")
    assert "it is made for address 0x0" in fault.cause
    assert fault.mend == "Write `at: 0x0`"


def test_an_image_over_its_partition_is_refused(workplace: Workplace) -> None:
    """Told with both sizes; that it would also lie over the next partition is not a second mistake."""
    workplace.write_image(
        "partition-table.bin", pack_table(NVS, ("factory", 0, 0, 0x10000, 0x40000), ("fctry", 1, 2, 0x50000, 0x6000))
    )
    workplace.write()

    fault = workplace.only_fault()

    assert fault.line == workplace.line("app.bin")
    assert "the partition factory has room for 262144" in fault.cause
    assert "partitions CSV" in fault.mend


@pytest.mark.parametrize(
    ("fctry", "cause"),
    [
        (("fctry", 1, 2, 0x110000, 0x2000), "has 0x2000 bytes; NVS needs at least 0x3000"),
        (("fctry", 1, 0x81, 0x110000, 0x6000), "is no NVS partition"),
    ],
)
def test_credentials_need_a_proper_nvs_partition(workplace: Workplace, fctry: Row, cause: str) -> None:
    """Three pages at least, and of the right type."""
    workplace.write_image("partition-table.bin", pack_table(NVS, FACTORY, fctry))
    workplace.write()

    fault = workplace.only_fault()

    assert fault.line == workplace.line("credentials")
    assert cause in fault.cause


def test_values_that_do_not_fit_the_partition_are_refused(workplace: Workplace) -> None:
    """With the longest certificate that the platform allows, not with the one at hand."""
    workplace.write_image("partition-table.bin", pack_table(NVS, FACTORY, ("fctry", 1, 2, 0x110000, 0x3000)))
    long = "\n".join(f"    text{number}: '{'x' * 1000}'" for number in range(9))
    workplace.write(("    region: cn-shanghai", long))

    fault = workplace.only_fault()

    assert fault.line == workplace.line("credentials")
    assert "do not fit an NVS partition of 0x3000 bytes" in fault.cause


def test_a_damaged_partition_table_is_told_once(workplace: Workplace) -> None:
    """What depends on it is not checked."""
    data = bytearray((workplace.folder / "images" / "partition-table.bin").read_bytes())
    data[4] ^= 1
    workplace.write_image("partition-table.bin", bytes(data))
    workplace.write()

    fault = workplace.only_fault()

    assert (fault.line, "MD5" in fault.cause) == (workplace.line("partition-table"), True)


def test_a_missing_partition_table_is_told(workplace: Workplace) -> None:
    """With the address where it belongs."""
    workplace.write(("    - {file: images/partition-table.bin, at: 0x8000}\n", ""))

    fault = workplace.only_fault()

    assert fault.line == workplace.line("firmware")
    assert "no image holds a partition table" in fault.cause
    assert "0x8000" in fault.mend


def test_a_missing_table_file_is_one_mistake(workplace: Workplace) -> None:
    """The file is missing; that no partition can be found then is its consequence."""
    workplace.write(("images/partition-table.bin", "images/no.bin"))

    assert "is missing" in workplace.only_fault().cause


def test_a_build_for_a_larger_flash_is_refused(workplace: Workplace) -> None:
    """ESP-IDF's application stops when the header names more flash than there is."""
    workplace.write_image("partition-table.bin", pack_table(NVS, FACTORY, ("fctry", 1, 2, 0x110000, 0x3000)))
    workplace.write(("flash_size: 4MB", "flash_size: 2MB"))

    fault = workplace.only_fault()

    assert fault.line == workplace.line("bootloader")
    assert "is built for 4 MB of flash, `flash_size` is 2 MB" in fault.cause


def test_a_merged_image_with_content_under_the_credentials_is_refused(workplace: Workplace, bench_images: Path) -> None:
    """Only blank padding may lie there."""
    data = bytearray((bench_images / "micropython" / "firmware.bin").read_bytes())
    data[0x9000 - 0x1000 + 50] = 0
    workplace.write_image("firmware.bin", bytes(data))
    _write_merged(workplace)

    fault = workplace.only_fault()

    assert fault.line == workplace.line("credentials")
    assert "the image holds content there" in fault.cause


def test_a_table_twice_is_refused(workplace: Workplace, bench_images: Path) -> None:
    """A merged image beside a table of its own."""
    shutil.copy(bench_images / "micropython" / "firmware.bin", workplace.folder / "images" / "firmware.bin")
    _write_merged(workplace, "    - {file: images/partition-table.bin, at: 0x80000}\n")

    assert any("each hold a partition table" in fault.cause for fault in workplace.faults())


@pytest.mark.skipif(sys.platform == "win32", reason="devices are named otherwise there")
def test_a_device_is_not_read_as_an_image(workplace: Workplace) -> None:
    """Reading /dev/zero would never end."""
    workplace.write(("images/app.bin", "/dev/zero"))

    assert "is no plain file" in workplace.only_fault().cause


@pytest.mark.skipif(sys.platform == "win32", reason="pipes are named otherwise there")
def test_a_pipe_is_not_waited_for_as_an_image(workplace: Workplace) -> None:
    """Opening it would wait for a writer for ever."""
    (workplace.folder / "images" / "app.bin").unlink()
    os.mkfifo(workplace.folder / "images" / "app.bin")
    workplace.write()

    assert "is no plain file" in workplace.only_fault().cause


def test_a_file_larger_than_the_flash_is_not_read(workplace: Workplace) -> None:
    """Its size is told."""
    with (workplace.folder / "images" / "app.bin").open("wb") as file:
        file.truncate(5 << 20)
    workplace.write()

    assert "has 5242880 bytes, the flash has 4194304" in workplace.only_fault().cause


def test_hashes_are_left_unchecked_when_asked(workplace: Workplace) -> None:
    """For `station profile lock`."""
    path = workplace.write(("at: factory", f"at: factory, sha256: {'0' * 64}"))

    assert not prepare_recipe(path, verify_hashes=False).files[2].locked
    with pytest.raises(ProfileError):
        prepare_recipe(path)


def _write_merged(workplace: Workplace, more: str = "") -> None:
    images = """\
    - {file: images/bootloader.bin, at: 0x1000}
    - {file: images/partition-table.bin, at: 0x8000}
    - {file: images/app.bin, at: factory}
  erase: [nvs]
"""
    workplace.write(
        (images, "    - {file: images/firmware.bin, at: 0x1000}\n" + more),
        ("preset: esp-aliyun", "preset: micropython"),
        ("region: cn-shanghai", "region: {blob: cn-shanghai}"),
        ("u16: 1883", "i32: 1883"),
    )
