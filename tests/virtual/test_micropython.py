"""MicroPython on the virtual chip: the flashed filesystem is what runs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from littlefs import LittleFS

from station.virtual.images import MICROPYTHON_BANNER, make_bench_images
from station.virtual.nvs_partition import ItemType, NvsPartition
from tests.virtual.boot_chip import SECRET, RunningChip, certificate_blobs, certificate_strings, flash_with, nvs_image

FIRMWARE = Path(__file__).parents[2] / "firmware" / "app"
BLOCK = 4096
VFS_OFFSET = 0x200000
VFS_SIZE_BYTES = 0x200000
NVS_OFFSET = 0x9000
NVS_SIZE_BYTES = 0x6000
PROMPT = f'{MICROPYTHON_BANNER}\r\nType "help()" for more information.\r\n>>> '


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("images")
    make_bench_images(folder)
    return (folder / "micropython" / "firmware.bin").read_bytes()


def filesystem(files: Mapping[str, str]) -> bytes:
    vfs = LittleFS(block_size=BLOCK, block_count=VFS_SIZE_BYTES // BLOCK, disk_version=0x00020000)
    for path, text in files.items():
        if "/" in path:
            vfs.makedirs(path.rpartition("/")[0], exist_ok=True)
        with vfs.open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return bytes(vfs.context.buffer)


def chip_with(firmware: bytes, files: Mapping[str, str], nvs: bytes = b"") -> RunningChip:
    return RunningChip(flash_with((0x1000, firmware), (NVS_OFFSET, nvs), (VFS_OFFSET, filesystem(files))))


def station_app() -> dict[str, str]:
    return {path.relative_to(FIRMWARE).as_posix(): path.read_text(encoding="utf-8") for path in FIRMWARE.rglob("*.py")}


def output_of(firmware: bytes, main: str, nvs: bytes = b"", **modules: str) -> str:
    """Give what main.py prints before the prompt."""
    files = {"main.py": main} | {f"{name}.py": text for name, text in modules.items()}
    with chip_with(firmware, files, nvs) as chip:
        text = chip.console.wait_for(PROMPT)
    return text.partition("entry 0x400805cc\r\n")[2].partition(PROMPT)[0]


# The device application


def test_the_station_app_reads_its_certificate_and_goes_online(firmware: bytes) -> None:
    with chip_with(firmware, station_app(), certificate_blobs()) as chip:
        text = chip.console.wait_for("station-app online\r\n")
    assert "station-app ready: station-app 0.1.0 device=plug-0001\r\nstation-app online\r\n" in text
    assert SECRET not in text


@pytest.mark.parametrize(
    "nvs", [b"", certificate_strings(), bytes(range(256)) * 0x60], ids=["blank", "strings", "noise"]
)
def test_without_readable_blobs_the_station_app_has_no_certificate(firmware: bytes, nvs: bytes) -> None:
    with chip_with(firmware, station_app(), nvs) as chip:
        text = chip.console.wait_for(PROMPT)
    assert "station-app: no certificate (ProductKey)\r\n" in text
    assert "ready" not in text


# NVS


def test_strings_and_other_integers_cannot_be_read_as_on_a_real_chip(firmware: bytes) -> None:
    nvs = nvs_image({"sdk": {"text": ("string", "x"), "port": ("u16", "1883"), "low": ("i32", "-7")}})
    main = """
import esp32
nvs = esp32.NVS("sdk")
print(nvs.get_i32("low"))
for read in (lambda: nvs.get_blob("text", bytearray(9)), lambda: nvs.get_i32("port")):
    try:
        read()
    except OSError as error:
        print(error.args)
"""
    missing = "(-4354, 'ESP_ERR_NVS_NOT_FOUND')\r\n"
    assert output_of(firmware, main, nvs) == f"-7\r\n{missing}{missing}"


def test_a_buffer_that_is_too_small_is_refused(firmware: bytes) -> None:
    main = "import esp32\nesp32.NVS('aliyun-key').get_blob('DeviceName', bytearray(2))"
    assert "OSError: (-4364, 'ESP_ERR_NVS_INVALID_LENGTH')\r\n" in output_of(firmware, main, certificate_blobs())


def test_what_is_stored_is_in_the_flash_and_survives_a_reset(firmware: bytes) -> None:
    main = """
import esp32, machine
nvs = esp32.NVS("count")
try:
    starts = nvs.get_i32("starts")
except OSError:
    starts = 0
nvs.set_i32("starts", starts + 1)
nvs.set_blob("seen", b"x" * 5000)
nvs.commit()
print("starts before:", starts)
if starts < 1:
    machine.reset()
"""
    with chip_with(firmware, {"main.py": main}, certificate_blobs()) as chip:
        text = chip.console.wait_for(PROMPT)
        stored = NvsPartition(chip.flash.read(NVS_OFFSET, NVS_SIZE_BYTES))
    assert "starts before: 0\r\nets Jul 29 2019" in text
    assert "rst:0xc (SW_CPU_RESET)" in text
    assert "starts before: 1\r\n" in text
    assert stored.get("count", "starts", ItemType.I32) == 2
    assert stored.get("aliyun-key", "DeviceName", ItemType.BLOB_INDEX) == b"plug-0001"


# The filesystem


def test_imports_come_from_the_flashed_filesystem_first(firmware: bytes) -> None:
    files = {
        "main.py": "import json, helper, pack.deep\nfrom pack import deep as d\nprint(json.MINE, helper.WORD, d.WORD)",
        "json.py": "MINE = 'mine'",
        "lib/helper.py": "WORD = 'from lib'",
        "pack/__init__.py": "",
        "pack/deep.py": "from . import near\nfrom .near import WORD",
        "pack/near.py": "WORD = 'deep'",
    }
    with chip_with(firmware, files) as chip:
        assert "mine from lib deep\r\n" in chip.console.wait_for(PROMPT)


@pytest.mark.parametrize("name", ["hmac", "dataclasses", "typing", "pathlib", "subprocess", "station.virtual"])
def test_what_micropython_lacks_cannot_be_imported(firmware: bytes, name: str) -> None:
    output = output_of(firmware, f"import {name}")
    assert output == (
        'Traceback (most recent call last):\r\n  File "main.py", line 1, in <module>\r\n'
        f"ImportError: no module named '{name.partition('.')[0]}'\r\n"
    )


def test_the_modules_of_a_device_are_there(firmware: bytes) -> None:
    main = """
import machine, network, time, utime, ubinascii, uhashlib, micropython, gc, sys, os, struct, socket
from umqtt.simple import MQTTClient, MQTTException
from micropython import const
begin = time.ticks_ms()
utime.sleep_ms(1)
print(time.ticks_diff(time.ticks_ms(), begin) >= 1, const(3), sys.platform, sys.implementation.name)
print(ubinascii.hexlify(machine.unique_id()).decode(), len(uhashlib.sha256(b"x").digest()))
led = machine.Pin(2, machine.Pin.OUT)
led.on()
print(led.value(), sorted(os.listdir("/")))
"""
    assert output_of(firmware, main) == "True 3 esp32 micropython\r\n240ac4000001 32\r\n1 ['main.py']\r\n"


def test_files_are_written_to_the_flash(firmware: bytes) -> None:
    main = """
import os
with open("note.txt", "w") as file:
    file.write("kept")
os.rename("note.txt", "kept.txt")
try:
    open("none.txt")
except OSError as error:
    print(error.args[0])
print(open("/kept.txt").read(), os.stat("kept.txt")[6])
"""
    with chip_with(firmware, {"main.py": main}) as chip:
        assert "2\r\nkept 4\r\n" in chip.console.wait_for(PROMPT)
        image = chip.flash.read(VFS_OFFSET, VFS_SIZE_BYTES)
    vfs = LittleFS(block_size=BLOCK, block_count=VFS_SIZE_BYTES // BLOCK, mount=False)
    vfs.context.buffer[:] = image
    vfs.mount()
    assert "kept.txt" in vfs.listdir("/")


def test_a_blank_filesystem_is_set_up_and_the_prompt_comes(firmware: bytes) -> None:
    flash = flash_with((0x1000, firmware))
    with RunningChip(flash) as chip:
        chip.console.wait_for(f"Performing initial setup\r\n{PROMPT}")
    with RunningChip(flash) as chip:
        assert "initial setup" not in chip.console.wait_for(PROMPT)


def test_a_filesystem_that_is_none_is_complained_of(firmware: bytes) -> None:
    with RunningChip(flash_with((0x1000, firmware), (VFS_OFFSET, b"\x00" * BLOCK))) as chip:
        chip.console.wait_for("The filesystem starting at sector 512 with size 512 sectors looks corrupt.\r\n")


# Errors and the prompt


def test_an_exception_is_printed_as_micropython_prints_it(firmware: bytes) -> None:
    output = output_of(firmware, "import deep\ndeep.fall()", deep="def fall():\n    return {}['key']\n")
    assert output.splitlines() == [
        "Traceback (most recent call last):",
        '  File "main.py", line 2, in <module>',
        '  File "deep.py", line 2, in fall',
        "KeyError: 'key'",
    ]


def test_a_program_that_is_no_python_is_a_syntax_error(firmware: bytes) -> None:
    assert output_of(firmware, "x = = 1\n").endswith("SyntaxError: invalid syntax\r\n")


def test_the_prompt_answers(firmware: bytes) -> None:
    with chip_with(firmware, {"main.py": "word = 'kept'"}) as chip:
        chip.console.wait_for(PROMPT)
        chip.type("print(6*7)\r")
        chip.console.wait_for("print(6*7)\r\n42\r\n>>> ")
        chip.type("word\r")
        chip.console.wait_for("'kept'\r\n>>> ")


def test_control_c_stops_a_program_and_control_d_starts_again(firmware: bytes) -> None:
    with chip_with(firmware, {"main.py": "import time\nprint('up')\nwhile True:\n    time.sleep_ms(10)"}) as chip:
        chip.console.wait_for("up\r\n")
        chip.type("\x03")
        chip.console.wait_for("KeyboardInterrupt: \r\n" + PROMPT)
        chip.type("\x04")
        chip.console.wait_for("MPY: soft reboot\r\nup\r\n")


@pytest.mark.skipif(sys.platform == "win32", reason="a process is not sent SIGINT alone there")
def test_control_c_in_the_stations_own_terminal_does_not_reach_the_program(firmware: bytes) -> None:
    with chip_with(firmware, {"main.py": "import time\nprint('up')\ntime.sleep(0.3)\nprint('done')"}) as chip:
        chip.console.wait_for("up\r\n")
        program = chip.run_mode.program_process_id
        assert program is not None
        os.kill(program, signal.SIGINT)
        assert "KeyboardInterrupt" not in chip.console.wait_for(f"done\r\n{PROMPT}")
