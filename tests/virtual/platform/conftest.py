"""One platform for all tests, and one that is in a hurry; each test has devices of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from station.virtual.platform import VirtualPlatform
from station.virtual.platform.device import DeviceState
from station.virtual.platform.settings import Settings
from tests.virtual.platform.mqtt_client import Certificate
from tests.virtual.platform.official_client import Account, account
from tests.virtual.platform.test_thing_model import TSL

CALLED_TSL: dict[str, Any] = {
    "properties": [{"identifier": "Level", "accessMode": "rw", "dataType": {"type": "int", "specs": {"max": "9"}}}],
    "services": [
        {"identifier": "Blink", "callType": "async", "inputData": [], "outputData": []},
        {
            "identifier": "Measure",
            "callType": "sync",
            "inputData": [],
            "outputData": [{"identifier": "Level", "dataType": {"type": "int", "specs": {"max": "9"}}}],
        },
    ],
}

PLUG, BARE, GATEWAY = "a1SmartPlug", "a1BareThing", "a1GatewayBx"


@dataclass
class Site:
    """A platform with a product that has a thing model, one that has none, and a gateway."""

    platform: VirtualPlatform
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def device(self, product_key: str = BARE) -> Certificate:
        """Register a new device."""
        (made,) = self.platform.register(product_key, [f"unit-{next(self._numbers):04}"])
        return Certificate(product_key, made.key.device_name, made.secret)

    def state(self, certificate: Certificate) -> DeviceState:
        return self.platform.device(certificate.product_key, certificate.device_name).state

    def wait(self, kind: str, certificate: Certificate, **conditions: Any) -> Any:
        """Wait for an event of a device; `conditions` are what its data must hold, or `since`."""
        since = conditions.pop("since", 0)
        wanted = conditions.items()
        return self.platform.wait_for(
            kind,
            certificate.product_key,
            certificate.device_name,
            since=since,
            where=lambda event: all(event.data.get(name) == value for name, value in wanted),
        )

    def kinds(self, certificate: Certificate) -> list[str]:
        """What happened to a device, in order."""
        key = (certificate.product_key, certificate.device_name)
        return [event.kind for event in self.platform.events() if event.key == key]


def open_site(settings: Settings) -> Iterator[Site]:
    with VirtualPlatform(settings) as platform:
        platform.create_product("plug", product_key=PLUG, thing_model=TSL)
        platform.create_product("bare", product_key=BARE)
        platform.create_product("gateway", product_key=GATEWAY, is_gateway=True)
        yield Site(platform)


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    yield from open_site(Settings())


@pytest.fixture(scope="session")
def hasty_site() -> Iterator[Site]:
    """30 s of a keepalive last 0.15 s, and a CONNECT is awaited as long."""
    yield from open_site(Settings(second_s=0.005, connect_timeout_s=0.15))


@pytest.fixture(scope="session")
def platform() -> Iterator[VirtualPlatform]:
    with VirtualPlatform(Settings(has_call_limits=False)) as served:
        yield served


@pytest.fixture(scope="session")
def user(platform: VirtualPlatform) -> Account:
    return account(platform)


@pytest.fixture
def product(request: pytest.FixtureRequest, platform: VirtualPlatform) -> str:
    """A product of this test's own; gives its key."""
    return platform.create_product(request.node.name, thing_model=CALLED_TSL)
