"""A virtual platform seen through the real official client, and clients that break where a test says."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from station.certificate import Secret
from station.ledger import Ledger, Order
from station.line.registering import Patience
from station.platform.access_key import AccessKey
from station.platform.openapi_client import OpenApiClient
from station.platform.platform_api import PlatformApi
from station.platform.settings import PlatformSettings
from station.virtual.platform import DeviceKey, VirtualPlatform
from station.virtual.platform.device import Device

PRODUCT = "a1B2c3D4e5F"
CHAIN = "alibabacloud_credentials.utils.auth_util"
"""Where the official client keeps what it read of the environment when it was imported."""


def give_in_environment(monkeypatch: pytest.MonkeyPatch, key: AccessKey) -> None:
    """Let the official client's chain find the key in the environment, also where it has read that already."""
    for name, value in (("access_key_id", key.id), ("access_key_secret", key.secret.reveal())):
        monkeypatch.setenv(f"ALIBABA_CLOUD_{name.upper()}", value)
        monkeypatch.setattr(f"{CHAIN}.environment_{name}", value)
    monkeypatch.setattr(f"{CHAIN}.environment_ecs_metadata_disabled", "true")


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class Killed(BaseException):
    """The process dies here."""


class DyingClient(OpenApiClient):
    """Dies at its n-th call: before the request goes out, or when its answer should come."""

    dies_at = 0
    hears_answer = False
    calls = 0

    def call(self, action: str, **parameters: Any) -> Any:
        self.calls += 1
        if self.calls == self.dies_at and not self.hears_answer:
            raise Killed(action)
        answer = super().call(action, **parameters)
        if self.calls == self.dies_at:
            raise Killed(action)
        return answer


def access_key(platform: VirtualPlatform) -> AccessKey:
    """Give the platform's own key."""
    return AccessKey(platform.settings.access_key_id, Secret(platform.settings.access_key_secret))


def settings_of(platform: VirtualPlatform) -> PlatformSettings:
    """Give the settings that lead to the platform."""
    return PlatformSettings(
        endpoint=platform.openapi_endpoint, protocol="http", instance_id=platform.settings.instance_id
    )


def client_of(platform: VirtualPlatform, clock: Clock | None = None) -> DyingClient:
    """Give the official client, with a clock that costs no time."""
    clock = clock or Clock()
    return DyingClient(settings_of(platform), access_key(platform), clock=clock, pause=clock.pause)


def api_of(platform: VirtualPlatform, clock: Clock | None = None) -> PlatformApi:
    """Give the platform as the station sees it."""
    return PlatformApi(client_of(platform, clock))


def patience() -> Patience:
    """Wait without waiting."""
    clock = Clock()
    return Patience(limit_s=60.0, clock=clock, pause=clock.pause)


def begin(ledger: Ledger, count: int, batch: str = "batch", part_max: int = 10_000) -> Order:
    """Write down an order of devices `plug-0001`…"""
    names = [f"plug-{number:04d}" for number in range(1, count + 1)]
    return ledger.orders.begin(batch, PRODUCT, names, part_max=part_max)


def everything_in(folder: Path) -> bytes:
    """Give all bytes of all files."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def change(platform: VirtualPlatform, name: str, what: Callable[[Device], None]) -> None:
    """Change what the platform keeps of a device."""
    platform._call(lambda: what(platform._core.registry.device(DeviceKey(PRODUCT, name))))


def activate(device: Device) -> None:
    """Let the platform have seen a device once."""
    device.activated_at = device.created_at + 60


@contextmanager
def tls_front(context: ssl.SSLContext) -> Iterator[str]:
    """Serve an OpenAPI over TLS that says ONLINE to everything; gives its endpoint."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            body = b'{"Success":true,"Data":{"Status":"ONLINE","Timestamp":1}}'
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
