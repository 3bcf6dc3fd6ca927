"""Run mode: what the chip says and does with good and bad flash."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from pathlib import Path

import pytest

from station.virtual.boot_log import rom_load_lines
from station.virtual.image_check import FlashImage, Segment
from station.virtual.images import make_app, make_bench_images, make_bootloader
from tests.virtual.boot_chip import SECRET, RunningChip, certificate_strings, flash_with, nvs_image

READY = "station-app ready: station-training 1.0.0 device=plug-0001\r\n"
ONLINE = "station-app online\r\n"
NO_APP = "No bootable app partitions in the partition table"
TRAINING_FCTRY = 0x110000


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    make_bench_images(folder)
    return folder


def training(images: Path, *, without: str = "", **changed: bytes) -> list[tuple[int, bytes | Path]]:
    """Give the training set's regions, some left out or changed by file name."""
    places = {"bootloader": 0x1000, "partition-table": 0x8000, "app": 0x10000}
    files = {name: images / "training" / f"{name}.bin" for name in places if name != without}
    return [(places[name], changed.get(name.replace("-", "_"), path)) for name, path in files.items()]


def with_flipped_byte(path: Path, place: int) -> bytes:
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    return bytes(data)


# The ROM


def test_blank_flash_gives_the_roms_complaint_and_a_reset_loop_that_ends() -> None:
    with RunningChip(flash_with(), resets_max=3) as chip:
        text = chip.console.wait_for("invalid header: 0xffffffff\r\n", times=24)
    assert text.startswith(
        "ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x12 (SPI_FAST_FLASH_BOOT)\r\ninvalid header: "
    )
    assert text.count("rst:0x10 (RTCWDT_RTC_RESET)") == 2


def test_a_blank_c3_says_so_in_its_own_roms_words() -> None:
    with RunningChip(flash_with(), "esp32c3") as chip:
        text = chip.console.wait_for("invalid header: 0xffffffff\r\n", times=8)
    assert text.startswith(
        "ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\nrst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\n"
    )


def test_the_load_lines_are_those_recorded_from_a_real_rom() -> None:
    header = bytes.fromhex("e9030220cc050840ee000000000000000000000000000001")
    segments = (
        Segment(0x1020, 0x3FFF0030, bytes(4728)),
        Segment(0x22A0, 0x40078000, bytes(14876)),
        Segment(0x5CC4, 0x40080400, bytes(3368)),
    )
    image = FlashImage(0x1000, header, segments, 0x400805CC, 0, 0, None, b"", None)
    assert rom_load_lines("esp32", image) == [
        "configsip: 0, SPIWP:0xee",
        "clk_drv:0x00,q_drv:0x00,d_drv:0x00,cs0_drv:0x00,hd_drv:0x00,wp_drv:0x00",
        "mode:DIO, clock div:2",
        "load:0x3fff0030,len:4728",
        "load:0x40078000,len:14876",
        "ho 0 tail 12 room 4",
        "load:0x40080400,len:3368",
    ]


def test_a_damaged_bootloader_fails_the_roms_checksum(images: Path) -> None:
    broken = with_flipped_byte(images / "training" / "bootloader.bin", 0x2000)
    with RunningChip(flash_with(*training(images, bootloader=broken))) as chip:
        text = chip.console.wait_for("ets_main.c 371")
    assert "csum err:0x" in text
    assert "entry" not in text


def test_a_cut_bootloader_cannot_be_read(images: Path) -> None:
    header = bytes.fromhex("e9010220cc050840ee000000000000000000000000000001")
    with RunningChip(flash_with((0x1000, header + struct.pack("<II", 0x3FFF0030, 0x900000)))) as chip:
        chip.console.wait_for("flash read err, 1000\r\n")


def test_a_c3_bootloader_with_a_wrong_hash_is_complained_of_and_started(images: Path) -> None:
    bootloader = with_flipped_byte(images / "training-c3" / "bootloader.bin", 3)
    table, app = (images / "training-c3" / name for name in ("partition-table.bin", "app.bin"))
    with RunningChip(flash_with((0x0, bootloader), (0x8000, table), (0x10000, app)), "esp32c3") as chip:
        text = chip.console.wait_for("no certificate\r\n")
    assert "SHA-256 comparison failed:\r\nCalculated: " in text
    assert "Attempting to boot anyway...\r\nentry 0x" in text


# The bootloader


@pytest.mark.parametrize(
    ("without", "complaint"),
    [
        ("partition-table", "flash_parts: partition 0 invalid magic number 0xffff"),
        ("app", "esp_image: image at 0x10000 has invalid magic byte (nothing flashed here?)"),
    ],
)
def test_what_is_missing_is_named_and_the_chip_starts_again(images: Path, without: str, complaint: str) -> None:
    with RunningChip(flash_with(*training(images, without=without))) as chip:
        text = chip.console.wait_for("rst:0x3 (SW_RESET)")
    assert complaint in text


def test_a_damaged_table_is_refused(images: Path) -> None:
    broken = with_flipped_byte(images / "training" / "partition-table.bin", 8)
    with RunningChip(flash_with(*training(images, partition_table=broken))) as chip:
        assert "Incorrect MD5 checksum" in chip.console.wait_for("load partition table error!")


def test_a_damaged_application_is_refused_by_its_checksum(images: Path) -> None:
    broken = with_flipped_byte(images / "training" / "app.bin", 0x20000)
    with RunningChip(flash_with(*training(images, app=broken))) as chip:
        text = chip.console.wait_for(NO_APP)
    assert "esp_image: Checksum failed. Calculated 0x" in text
    assert "Factory app partition is not bootable" in text


def test_an_application_changed_beside_its_checksum_is_refused_by_its_hash(images: Path) -> None:
    broken = bytearray((images / "training" / "app.bin").read_bytes())
    broken[0x2000] ^= 0x55
    broken[0x2001] ^= 0x55
    with RunningChip(flash_with(*training(images, app=bytes(broken)))) as chip:
        assert "esp_image: Image hash failed - image is corrupt" in chip.console.wait_for(NO_APP)


def test_an_application_for_another_chip_is_refused(images: Path) -> None:
    other = (images / "training-c3" / "app.bin").read_bytes()
    with RunningChip(flash_with(*training(images, app=other))) as chip:
        assert "mismatch chip ID, expected 0, found 5" in chip.console.wait_for(NO_APP)


def test_a_partition_beyond_the_flash_is_refused(images: Path) -> None:
    merged = images / "micropython" / "firmware.bin"
    with RunningChip(flash_with((0x1000, merged))) as chip:
        chip.console.wait_for(">>> ")
    small = flash_with((0x1000, merged))
    small.size_bytes = 0x200000
    with RunningChip(small) as chip:
        chip.console.wait_for("partition 3 invalid - offset 0x200000 size 0x200000 exceeds flash chip size 0x200000")


def test_the_table_is_logged_as_flashed(images: Path) -> None:
    with RunningChip(flash_with(*training(images))) as chip:
        text = chip.console.wait_for("End of partition table")
    assert "boot:  2 factory          factory app      00 00 00010000 00100000" in text
    assert "boot:  3 fctry            WiFi data        01 02 00110000 00006000" in text


@pytest.mark.parametrize(("sequences", "started"), [((None, None), 0x10000), ((1, 2), 0x110000), ((3, 2), 0x10000)])
def test_otadata_chooses_the_slot(images: Path, sequences: tuple[int | None, ...], started: int) -> None:
    folder = images / "esp-aliyun"
    other = make_app("esp32", "other", "2.0.0", code_bytes=4096)
    regions: list[tuple[int, bytes | Path]] = [
        (0x1000, folder / "bootloader.bin"),
        (0x8000, folder / "partition-table.bin"),
        (0x10000, folder / "app.bin"),
        (0x110000, other),
    ]
    for sector, sequence in enumerate(sequences):
        if sequence is not None:
            number = struct.pack("<I", sequence)
            entry = number + b"\xff" * 24 + struct.pack("<I", zlib.crc32(number, 0xFFFFFFFF))
            regions.append((0xD000 + sector * 0x1000, entry))
    with RunningChip(flash_with(*regions)) as chip:
        chip.console.wait_for(f"Loaded app from partition at offset 0x{started:x}")


# The application


def test_a_unit_with_its_certificate_says_who_it_is_once_and_goes_online(images: Path) -> None:
    with RunningChip(flash_with(*training(images), (TRAINING_FCTRY, certificate_strings()))) as chip:
        text = chip.console.wait_for("Returned from app_main()")
    assert text.count(READY) == 1
    assert text.index(READY) < text.index(ONLINE)
    assert "sdk: region=cn-shanghai" in text
    assert SECRET not in text


def test_a_c3_runs_the_same_application(images: Path) -> None:
    folder = images / "training-c3"
    regions = (
        (0x0, folder / "bootloader.bin"),
        (0x8000, folder / "partition-table.bin"),
        (0x10000, folder / "app.bin"),
    )
    with RunningChip(flash_with(*regions, (TRAINING_FCTRY, certificate_strings())), "esp32c3") as chip:
        chip.console.wait_for(READY)


def test_the_esp_aliyun_demo_reads_its_own_partition(images: Path) -> None:
    folder = images / "esp-aliyun"
    regions = (
        (0x1000, folder / "bootloader.bin"),
        (0x8000, folder / "partition-table.bin"),
        (0x10000, folder / "app.bin"),
    )
    with RunningChip(flash_with(*regions, (0x210000, certificate_strings(0x4000)))) as chip:
        chip.console.wait_for("station-app ready: esp-aliyun-demo 1.0.0 device=plug-0001\r\n")


def nvs_with_damaged_secret() -> bytes:
    image = bytearray(certificate_strings())
    image[image.index(SECRET.encode())] ^= 1
    return bytes(image)


@pytest.mark.parametrize(
    ("nvs", "complaint"),
    [
        (b"", "wrapper_product: nvs_open failed 1102"),
        (nvs_image({"aliyun-key": {"ProductKey": ("string", "a1B2")}}), "nvs_get_str DeviceName failed 1102"),
        (nvs_with_damaged_secret(), "nvs_get_str DeviceSecret failed 1102"),
        (certificate_strings()[:0x1000] * 6, "NVS Flash init fctry failed 110d"),
    ],
    ids=["blank", "half", "damaged", "full"],
)
def test_without_a_whole_certificate_the_unit_says_so(images: Path, nvs: bytes, complaint: str) -> None:
    with RunningChip(flash_with(*training(images), (TRAINING_FCTRY, nvs))) as chip:
        text = chip.console.wait_for("no certificate\r\n")
    assert complaint in text
    assert "ready" not in text
    assert SECRET not in text


def test_an_application_nobody_knows_is_introduced_and_left(images: Path) -> None:
    app = make_app("esp32", "somebody-elses", "9.9", code_bytes=4096)
    with RunningChip(flash_with(*training(images, app=app))) as chip:
        text = chip.console.wait_for("Calling app_main()")
    assert "Project name:     somebody-elses" in text
    assert "App version:      9.9" in text


def test_a_bootloader_built_without_information_logs_only_errors(images: Path) -> None:
    quiet = make_bootloader("esp32", talks=False)
    with RunningChip(flash_with(*training(images, bootloader=quiet, without="app"))) as chip:
        text = chip.console.wait_for(NO_APP)
    assert "I (" not in text


def test_nothing_is_said_and_no_process_is_left_after_a_stop(images: Path) -> None:
    chip = RunningChip(flash_with(*training(images), (TRAINING_FCTRY, certificate_strings())))
    chip.run_mode.start()
    chip.console.wait_for(READY)
    program = chip.run_mode.program_process_id
    assert program is not None
    chip.run_mode.stop()
    said = chip.console.text
    assert chip.run_mode.program_process_id is None
    if sys.platform != "win32":
        with pytest.raises(ProcessLookupError):
            os.kill(program, 0)
    assert chip.console.text == said


def test_a_start_while_running_is_a_reset(images: Path) -> None:
    with RunningChip(flash_with(*training(images), (TRAINING_FCTRY, certificate_strings()))) as chip:
        chip.console.wait_for(READY)
        chip.run_mode.start()
        assert chip.console.wait_for(READY, times=2).count("rst:0x1 (POWERON_RESET)") == 2
