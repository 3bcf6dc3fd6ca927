"""The bench as the demo uses it: lanes in child processes, units that come and go."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from station.virtual.bench import LANES_A_PROCESS, Bench, BenchFault
from station.virtual.images import make_bench_images
from tests.virtual.boot_chip import certificate_strings

WAIT_S = 30.0
READY = b"station-app ready: station-training 1.0.0 device=plug-0001\r\n"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    make_bench_images(folder)
    return folder / "training"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(tmp_path_factory.mktemp("bench"), 2) as running:
        yield running


def read_until(url: str, wanted: bytes, before: Callable[[], object] = lambda: None) -> bytes:
    """Open a port, do something, and read until `wanted` came."""
    said = b""
    end = time.monotonic() + WAIT_S
    with serial.serial_for_url(url, 115200, timeout=0.2) as port:
        before()
        while wanted not in said and time.monotonic() < end:
            said += port.read(4096)
    assert wanted in said, said
    return said


def flash_training_set(file: Path, images: Path) -> None:
    regions = {
        0x1000: (images / "bootloader.bin").read_bytes(),
        0x8000: (images / "partition-table.bin").read_bytes(),
        0x10000: (images / "app.bin").read_bytes(),
        0x110000: certificate_strings(),
    }
    flash = bytearray(b"\xff" * 0x120000)
    for offset, data in regions.items():
        flash[offset : offset + len(data)] = data
    file.write_bytes(flash)


def test_each_lane_is_a_port_of_its_own(bench: Bench) -> None:
    assert len(set(bench.ports)) == 2
    assert all(url.startswith("rfc2217://127.0.0.1:") for url in bench.ports)


def test_new_units_have_macs_and_flash_files_of_their_own(bench: Bench) -> None:
    first, second = bench.insert(1), bench.insert(2)
    assert first != second
    assert first.startswith("24:0a:c4:")
    assert bench.flash_file(first) != bench.flash_file(second)
    assert bench.flash_file(first).exists()
    assert bench.insert(1) not in {first, second}


def test_a_flashed_unit_starts_when_it_is_put_in(bench: Bench, images: Path) -> None:
    mac = "24:0a:c4:00:aa:01"
    flash_training_set(bench.flash_file(mac), images)
    bench.remove(1)
    read_until(bench.ports[0], READY, before=lambda: bench.insert(1, mac))


def test_a_lane_without_a_unit_is_silent(bench: Bench) -> None:
    bench.remove(2)
    with serial.serial_for_url(bench.ports[1], 115200, timeout=0.3) as port:
        assert port.read(100) == b""


def test_a_unit_cannot_be_in_two_lanes(bench: Bench) -> None:
    mac = bench.insert(1)
    with pytest.raises(ValueError, match="is in lane 1"):
        bench.insert(2, mac)


def test_a_lane_that_does_not_exist_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="there is no lane 9"):
        bench.insert(9)


def test_a_mac_that_is_none_is_refused(bench: Bench) -> None:
    with pytest.raises(BenchFault, match="is not a MAC"):
        bench.insert(1, "kettle")


def test_more_lanes_than_one_process_serves_get_another(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    bench = Bench(tmp_path / "bench", LANES_A_PROCESS + 1)
    bench.start()
    children = set(multiprocessing.active_children()) - before
    assert len(children) == 2
    assert len(bench.ports) == LANES_A_PROCESS + 1
    bench.stop()
    bench.stop()
    assert not set(multiprocessing.active_children()) - before


def test_esptool_reads_the_mac_of_a_unit(bench: Bench) -> None:
    mac = bench.insert(1)
    command = [sys.executable, "-m", "esptool", "--chip", "esp32", "--no-stub", "--port", bench.ports[0], "read-mac"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert run.returncode == 0, run.stdout + run.stderr
    assert mac in run.stdout


ORPHAN = """
import os, sys
from pathlib import Path
from multiprocessing import active_children
from station.virtual.bench import Bench
if __name__ == "__main__":
    bench = Bench(Path(sys.argv[1]), 1)
    bench.start()
    bench.insert(1)
    print(bench.ports[0], flush=True)
    os._exit(1)
"""


def test_nothing_is_left_when_the_parent_dies(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(ORPHAN, encoding="utf-8")
    command = [sys.executable, str(script), str(tmp_path / "bench")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)
    url = run.stdout.strip()
    assert url.startswith("rfc2217://"), run.stderr
    # The port closes when the child process has ended: only then is a connection refused.
    end = time.monotonic() + WAIT_S
    is_refused = False
    while not is_refused and time.monotonic() < end:
        try:
            serial.serial_for_url(url, 115200).close()
        except serial.SerialException:
            is_refused = True
    assert is_refused
