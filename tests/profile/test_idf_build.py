"""An ESP-IDF build folder: its flasher_args.json is read as ESP-IDF writes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from station.profile.lock import lock_profile
from tests.profile.workplace import Workplace

# As ESP-IDF 5.1 writes it (components/esptool_py/flasher_args.json.in), with this build's names.
FLASHER_ARGS = """\
{
    "write_flash_args" : [ "--flash_mode", "dio",
                           "--flash_size", "4MB",
                           "--flash_freq", "40m" ],
    "flash_settings" : {
        "flash_mode": "dio",
        "flash_size": "4MB",
        "flash_freq": "40m"
    },
    "flash_files" : {
        "0x1000" : "bootloader/bootloader.bin",
        "0x10000" : "smart-plug.bin",
        "0x8000" : "partition_table/partition-table.bin",
        "0xd000" : "ota_data_initial.bin"
    },
    "bootloader" : { "offset" : "0x1000", "file" : "bootloader/bootloader.bin", "encrypted" : "false" },
    "app" : { "offset" : "0x10000", "file" : "smart-plug.bin", "encrypted" : "false" },
    "partition-table" : { "offset" : "0x8000", "file" : "partition_table/partition-table.bin", "encrypted" : "false" },
    "otadata" : { "offset" : "0xd000", "file" : "ota_data_initial.bin", "encrypted" : "false" },
    "extra_esptool_args" : {
        "after"  : "hard_reset",
        "before" : "default_reset",
        "stub"   : true,
        "chip"   : "esp32"
    }
}
"""
PROFILE = """\
schema: 1
name: smart-plug
product_key: a1B2c3D4e5F
chip: esp32
flash_size: 4MB
firmware:
  version: 1.0.0
  idf_build: build   # made by idf.py build
credentials: {preset: esp-aliyun}
checks:
  boot: {expect: ready}
"""


@pytest.fixture
def build(workplace: Workplace, bench_images: Path) -> Path:
    """A build folder as `idf.py build` leaves it, and a profile that names it."""
    folder = workplace.folder / "build"
    (folder / "bootloader").mkdir(parents=True)
    (folder / "partition_table").mkdir()
    made = bench_images / "esp-aliyun"
    shutil.copy(made / "bootloader.bin", folder / "bootloader")
    shutil.copy(made / "partition-table.bin", folder / "partition_table")
    shutil.copy(made / "ota_data_initial.bin", folder)
    shutil.copy(made / "app.bin", folder / "smart-plug.bin")
    (folder / "flasher_args.json").write_text(FLASHER_ARGS, encoding="utf-8")
    workplace.write_text(PROFILE)
    return folder


@pytest.mark.usefixtures("build")
def test_files_and_addresses_come_from_the_build(workplace: Workplace) -> None:
    """Nothing of it has to be typed again."""
    recipe = workplace.recipe()

    assert [(region.name, region.offset) for region in recipe.static_plan.regions] == [
        ("bootloader", 0x1000),
        ("partition-table", 0x8000),
        ("ota_data_initial", 0xD000),
        ("smart-plug", 0x10000),
    ]
    assert recipe.credentials_partition.offset == 0x210000


def change(build: Path, old: str, new: str) -> None:
    """Change flasher_args.json."""
    path = build / "flasher_args.json"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_build_for_another_chip_is_refused(workplace: Workplace, build: Path) -> None:
    """Told at the line of the profile."""
    change(build, '"chip"   : "esp32"', '"chip"   : "esp32c3"')

    fault = workplace.only_fault()

    assert fault.line == workplace.line("idf_build")
    assert fault.cause == "the build is for esp32c3, the profile for esp32"


def test_a_build_for_a_larger_flash_is_refused(workplace: Workplace, build: Path) -> None:
    """The profile's flash size is the one that a unit must have."""
    change(build, '"flash_size": "4MB"', '"flash_size": "8MB"')

    fault = workplace.only_fault()

    assert fault.line == workplace.line("flash_size")
    assert "`flash_size: 8MB`" in fault.mend


def test_detect_is_no_flash_size(workplace: Workplace, build: Path) -> None:
    """Some builds leave the size to esptool."""
    change(build, '"flash_size": "4MB"', '"flash_size": "detect"')

    assert workplace.recipe()


def test_a_file_of_the_build_that_is_missing_is_told_at_its_line_there(workplace: Workplace, build: Path) -> None:
    """The place is flasher_args.json, which nobody edits, and its line."""
    (build / "smart-plug.bin").unlink()

    fault = workplace.only_fault()

    assert fault.file == str(build / "flasher_args.json")
    assert fault.line == 12
    assert "`smart-plug.bin` is missing" in fault.cause


def test_a_build_with_flash_encryption_is_refused(workplace: Workplace, build: Path) -> None:
    """The station writes in clear."""
    change(build, '"smart-plug.bin", "encrypted" : "false"', '"smart-plug.bin", "encrypted" : "true"')

    assert "flash encryption" in workplace.only_fault().cause


@pytest.mark.parametrize(
    ("content", "line", "cause"),
    [
        ("{\n  oops\n}", 2, "no JSON"),
        ("[]", None, "no `flash_files`"),
        ('{"flash_files": {}}', None, "no `flash_files`"),
        ('{"flash_files": {\n"app": "x.bin"}}', 2, "no address and file"),
        ("[" * 100_000, None, "nested too deeply"),
    ],
)
def test_a_broken_flasher_args_is_refused(
    workplace: Workplace, build: Path, content: str, line: int | None, cause: str
) -> None:
    """With the mend that makes a new one."""
    (build / "flasher_args.json").write_text(content, encoding="utf-8")

    fault = workplace.faults()[-1]

    assert (fault.file, fault.line) == (str(build / "flasher_args.json"), line)
    assert cause in fault.cause
    assert "idf.py build" in fault.mend


@pytest.mark.usefixtures("build")
@pytest.mark.parametrize(
    ("name", "cause"), [("builds", "`builds` is missing"), ("plug.yaml", "is no folder"), ("images", "holds no")]
)
def test_a_folder_that_is_no_build_is_refused(workplace: Workplace, name: str, cause: str) -> None:
    """Told at the profile's line."""
    workplace.write_text(PROFILE.replace("idf_build: build", f"idf_build: {name}"))

    fault = workplace.only_fault()

    assert fault.line == workplace.line("idf_build")
    assert cause in fault.cause


@pytest.mark.usefixtures("build")
def test_a_build_and_images_together_are_refused(workplace: Workplace) -> None:
    """One or the other."""
    workplace.write_text(PROFILE.replace("  idf_build", "  images: [{file: images/app.bin, at: ota_1}]\n  idf_build"))

    assert any("both `images` and `idf_build`" in fault.cause for fault in workplace.faults())


def test_a_build_is_locked_below_its_line(workplace: Workplace, build: Path) -> None:
    """Each file by its own hash; afterwards a changed one is refused, and a second lock writes it anew."""
    result = lock_profile(workplace.path)

    assert [change.name for change in result.changes] == [
        "bootloader/bootloader.bin",
        "smart-plug.bin",
        "partition_table/partition-table.bin",
        "ota_data_initial.bin",
    ]
    text = workplace.path.read_text(encoding="utf-8")
    assert "  idf_build: build   # made by idf.py build\n  sha256:\n    bootloader/bootloader.bin: " in text
    assert all(file.locked for file in workplace.recipe().files)
    assert lock_profile(workplace.path).changes == ()

    (build / "ota_data_initial.bin").write_bytes(b"\xff" * 0x1000)
    fault = workplace.only_fault()
    assert fault.line == workplace.line("ota_data_initial.bin")
    assert "has changed" in fault.cause

    assert [change.name for change in lock_profile(workplace.path).changes] == ["ota_data_initial.bin"]
    assert workplace.recipe()


def test_a_file_that_left_the_build_leaves_the_lock(workplace: Workplace, build: Path) -> None:
    """Until then the check tells it."""
    lock_profile(workplace.path)
    change(build, ',\n        "0xd000" : "ota_data_initial.bin"', "")
    workplace.write_text(
        workplace.path.read_text(encoding="utf-8").replace("credentials:", "# the next section\ncredentials:")
    )

    fault = workplace.only_fault()
    assert fault.line == workplace.line("ota_data_initial.bin")
    assert "is not a file of the build" in fault.cause

    lock_profile(workplace.path)
    text = workplace.path.read_text(encoding="utf-8")
    assert "ota_data_initial" not in text
    assert "# the next section\ncredentials:" in text
    assert len(workplace.recipe().files) == 3
