"""The bench's stand-ins that the device SDK leans on: import path, timer, partitions, and the way out that there is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from station.virtual.images import make_bench_images
from station.virtual.micropython.mqtt_module import MQTTClient
from station.virtual.micropython.training_cloud import is_on_the_bench
from tests.virtual.test_micropython import PROMPT, chip_with


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder: Path = tmp_path_factory.mktemp("images")
    make_bench_images(folder)
    return (folder / "micropython" / "firmware.bin").read_bytes()


def output_of(firmware: bytes, files: Mapping[str, str]) -> str:
    with chip_with(firmware, files) as chip:
        text = chip.console.wait_for(PROMPT)
    return text.partition("entry 0x400805cc\r\n")[2].partition(PROMPT)[0]


@pytest.mark.parametrize(
    ("host", "is_there"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("a1B2.iot-as-mqtt.cn-shanghai.aliyuncs.com", False),
        ("8.8.8.8", False),
        ("localhost.example.com", False),
    ],
)
def test_only_loopback_is_on_the_bench(host: str, is_there: bool) -> None:
    assert is_on_the_bench(host) is is_there


def test_a_host_that_is_not_on_the_bench_is_played_and_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.create_connection", None)
    client = MQTTClient("id", "a1B2.iot-as-mqtt.cn-shanghai.aliyuncs.com", 8883, "user", "word", 60, ssl=True)
    client.set_callback(lambda *_message: pytest.fail("the training cloud says nothing by itself"))
    assert client.connect() is False
    client.subscribe("/a", 1)
    client.publish("/b", "x" * 300, qos=1)
    client.ping()
    assert [client.check_msg() for _ in range(3)] == [None, None, None]
    client.disconnect()


def test_modules_come_from_the_folders_of_sys_path_in_their_order(firmware: bytes) -> None:
    main = """
import sys
sys.path.insert(0, "/app_1")
import word, json
print(word.WORD, sys.path)
for name in list(sys.modules):
    if name == "word":
        del sys.modules[name]
sys.path.pop(0)
import word
print(word.WORD)
"""
    files = {"main.py": main, "word.py": "WORD = 'old'", "app_1/word.py": "WORD = 'new'"}
    assert output_of(firmware, files) == "new ['/app_1', '', '.frozen', '/lib']\r\nold\r\n"


def test_a_timer_rings_while_the_program_hangs_and_restarts_the_chip(firmware: bytes) -> None:
    main = """
import machine, time
print("up")
machine.Timer(0).init(mode=machine.Timer.ONE_SHOT, period=20, callback=lambda timer: machine.reset())
while True:
    time.sleep_ms(5)
"""
    with chip_with(firmware, {"main.py": main}) as chip:
        text = chip.console.wait_for("up\r\n", times=2)
    assert "rst:0xc (SW_CPU_RESET)" in text


def test_a_timer_that_is_stopped_does_not_ring(firmware: bytes) -> None:
    main = """
import machine
machine.Timer(0).init(mode=machine.Timer.ONE_SHOT, period=10000, callback=lambda timer: machine.reset())
machine.Timer(0).deinit()
"""
    assert output_of(firmware, {"main.py": main}) == ""


def test_the_running_partition_is_named_and_a_table_without_a_second_one_has_no_next(firmware: bytes) -> None:
    main = """
from esp32 import Partition
print(Partition(Partition.RUNNING).info())
print([p.info()[4] for p in Partition.find(Partition.TYPE_DATA)], Partition.find(label="none"))
try:
    Partition(Partition.RUNNING).get_next_update()
except OSError as error:
    print(error.args[0])
block = bytearray(16)
Partition("factory").readblocks(0, block)
print(hex(block[0]))
"""
    assert output_of(firmware, {"main.py": main}).splitlines() == [
        "(0, 0, 65536, 1572864, 'factory', False)",
        "['nvs', 'phy_init', 'vfs'] []",
        "2",
        "0xe9",
    ]


def test_a_full_filesystem_is_an_oserror_with_micropythons_number(firmware: bytes) -> None:
    main = """
try:
    with open("big", "wb") as file:
        for _ in range(3000):
            file.write(b"x" * 1024)
except OSError as error:
    print(error.args[0])
"""
    assert output_of(firmware, {"main.py": main}) == "28\r\n"
