"""`station virtual` from the command line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.virtual.host import Host

STATION = [sys.executable, "-m", "station.cli.main"]
LIMIT_S = 30.0


def test_a_chip_is_served_until_it_is_told_to_end(tmp_path: Path) -> None:
    file = tmp_path / "unit.bin"
    command = [*STATION, "virtual", "chip", "--port", "0", "--chip", "esp32c3", "--mac", "24:0A:C4:00:00:07", "--json"]
    with subprocess.Popen(
        [*command, "--flash", str(file), "--boot-held"], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        assert ready["event"] == "ready"
        assert ready["chip"] == "esp32c3"
        assert ready["mac"] == "24:0a:c4:00:00:07"
        assert ready["url"] == f"rfc2217://127.0.0.1:{ready['port']}"
        with Host(ready["port"]) as host:
            host.sync()
        server.send_signal(signal.SIGINT if sys.platform != "win32" else signal.SIGTERM)
        assert server.wait(LIMIT_S) == 0 or sys.platform == "win32"
    assert file.exists()


def refused(*words: str) -> str:
    done = subprocess.run(
        [*STATION, *words], capture_output=True, text=True, encoding="utf-8", timeout=LIMIT_S, check=False
    )
    assert "Traceback" not in done.stderr
    return f"{done.returncode} {done.stdout}{done.stderr}"


def test_what_cannot_be_served_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1])
        said = refused("virtual", "chip", "--port", number)
    assert said.startswith("3 ")
    assert "E11" in said
    assert number in said
    assert refused("virtual", "chip", "--port", "0", "--mac", "nonsense").startswith("2 ")
    (tmp_path / "large.bin").write_bytes(bytes(0x100001))
    said = refused("virtual", "chip", "--port", "0", "--flash-size", "1MB", "--flash", str(tmp_path / "large.bin"))
    assert said.startswith("2 ")
    assert "larger" in said


@pytest.mark.parametrize("as_json", [True, False])
def test_the_benchs_images_are_written(tmp_path: Path, as_json: bool) -> None:
    said = refused("virtual", "images", "--out", str(tmp_path), *(["--json"] if as_json else []))
    assert said.startswith("0 ")
    assert "training/bootloader.bin" in said.replace("\\", "/")
    assert (tmp_path / "training" / "bootloader.bin").read_bytes()[0] == 0xE9


def test_a_platform_is_served_with_a_product_and_its_certificates(tmp_path: Path) -> None:
    csv, root = tmp_path / "batch.csv", tmp_path / "root.pem"
    words = ["--port", "0", "--product", "plug", "--product-key", "a1SmartPlug", "--devices", "2", "--json"]
    command = [*STATION, "virtual", "platform", *words, "--csv-out", str(csv), "--ca-out", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        host, _, port = ready["mqtt"].removeprefix("mqtt://").rpartition(":")
        socket.create_connection((host, int(port)), timeout=LIMIT_S).close()
        with urllib.request.urlopen(f"{ready['console']}/a1SmartPlug.csv", timeout=LIMIT_S) as answer:  # noqa: S310  loopback
            assert answer.read() == csv.read_bytes()
        server.send_signal(signal.SIGINT if sys.platform != "win32" else signal.SIGTERM)
        assert server.wait(LIMIT_S) == 0 or sys.platform == "win32"
    assert csv.read_bytes().startswith(b"\xef\xbb\xbfDeviceName,DeviceSecret,ProductKey\r\ndevice-00001,")
    assert root.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")


def test_what_no_platform_can_serve_is_told(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("[]", encoding="utf-8")
    start = ["virtual", "platform", "--port", "0"]
    assert "2 station: I10: These options" in refused(*start, "--devices", "3")
    assert str(bad) in refused(*start, "--product", "plug", "--thing-model", str(bad))
    assert "DeviceName" in refused(*start, "--load", str(bad))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused("virtual", "platform", "--port", str(taken.getsockname()[1]))
    assert said.startswith("3 ")
    assert "E11" in said
