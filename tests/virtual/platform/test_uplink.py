"""Whatever JSON a device sends, the platform answers or notes it and the connection goes on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from station.virtual.platform.settings import Settings
from tests.virtual.platform.conftest import BARE, GATEWAY, PLUG, Site, open_site
from tests.virtual.platform.mqtt_client import Certificate, RawClient

NAMES = (
    *("id", "params", "method", "sys", "ack", "version", "state", "reported", "desired", "step", "module", "desc"),
    *("value", "time", "Level", "Place", "Plan", "Label", "Switch", "code", "data", "productKey", "deviceName", "sign"),
    *("signmethod", "clientId", "timestamp", "deviceSendTime", "configScope", "x"),
)
LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["null", "update", "get", "delete", "default", "1", BARE, GATEWAY, "unit-0001", "hmacSha256"]),
)
JSON = st.recursive(
    LEAF,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)),
    max_leaves=8,
)
REQUEST = st.dictionaries(st.sampled_from(NAMES[:8]), JSON, max_size=6)
ALINK = (
    "thing/event/property/post",
    "thing/event/Alarm/post",
    "thing/event/Fire/post",
    "thing/service/property/set_reply",
    "thing/service/Blink_reply",
    "rrpc/response/1",
    "thing/topo/add",
    "thing/topo/delete",
    "thing/topo/get",
    "thing/config/get",
    "thing/config/push_reply",
    "thing/ota/firmware/get",
    "thing/deviceinfo/update",
    "nothing/of/the/kind",
)


@pytest.fixture(scope="module")
def fast_clock_site() -> Iterator[Site]:
    """Each look at the clock is a second later, so that no message is one too many."""
    ticks = itertools.count(1_700_000_000)
    yield from open_site(Settings(clock=lambda: float(next(ticks))))


@pytest.fixture(scope="module")
def clients(fast_clock_site: Site) -> Iterator[list[tuple[Certificate, RawClient]]]:
    """One with a thing model, one that is a gateway."""
    certificates = [fast_clock_site.device(PLUG), fast_clock_site.device(GATEWAY)]
    opened = [RawClient(fast_clock_site.platform.mqtt_port) for _ in certificates]
    assert [client.login(each) for each, client in zip(certificates, opened, strict=True)] == [0, 0]
    yield list(zip(certificates, opened, strict=True))
    for client in opened:
        client.socket.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(REQUEST, JSON))
def test_no_json_breaks_a_connection(clients: list[tuple[Certificate, RawClient]], message: Any) -> None:
    payload = json.dumps(message).encode()
    for certificate, client in clients:
        own = f"{certificate.product_key}/{certificate.device_name}"
        for topic in (
            *(f"/sys/{own}/{tail}" for tail in ALINK),
            f"/shadow/update/{own}",
            f"/ota/device/inform/{own}",
            f"/ota/device/progress/{own}",
            f"/ext/ntp/{own}/request",
            f"/ext/session/{own}/combine/login",
            f"/ext/session/{own}/combine/logout",
            f"/{own}/user/update",
        ):
            client.publish(topic, payload)
        client.send(b"\xc0\x00")
        heard = b""
        while not heard.endswith(b"\xd0\x00"):
            part = client.socket.recv(65536)
            assert part, f"the connection broke at {payload!r}"
            heard += part
