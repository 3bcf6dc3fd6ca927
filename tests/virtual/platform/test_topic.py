"""Topics: whose they are, and what a filter takes."""

from __future__ import annotations

import pytest

from station.virtual.platform.device import DeviceKey
from station.virtual.platform.topic import is_filter, is_publishable, is_user_topic, matches, owner_of, tail_of

KEY = DeviceKey("a1Product", "plug-1")


@pytest.mark.parametrize(
    ("topic", "tail"),
    [
        ("/sys/a1Product/plug-1/thing/event/property/post", "thing/event/property/post"),
        ("/sys/a1Product/plug-1/rrpc/request/+", "rrpc/request/+"),
        ("/shadow/update/a1Product/plug-1", "shadow/update"),
        ("/ota/device/inform/a1Product/plug-1", "ota/device/inform"),
        ("/ext/ntp/a1Product/plug-1/request", "ext/ntp/request"),
        ("/ext/session/a1Product/plug-1/combine/login", "ext/session/combine/login"),
        ("/a1Product/plug-1/user/get", "user/get"),
        ("/a1Product/plug-1/user/a/b_2/#", "user/a/b_2/#"),
    ],
)
def test_a_topic_belongs_to_the_device_that_it_names(topic: str, tail: str) -> None:
    assert owner_of(topic) == KEY
    assert tail_of(topic) == tail
    assert is_user_topic(topic) == topic.startswith("/a1Product")


@pytest.mark.parametrize(
    "topic",
    [
        "/a1Product/plug-1/get",
        "/a1Product/plug-1/user",
        "/a1Product/plug-1/user/",
        "/a1Product/plug-1/user/a//b",
        "/a1Product/plug-1/user/a-b",
        "/a1Product/+/user/get",
        "/+/plug-1/user/get",
        "/sys/a1Product/+/thing/service/#",
        "/sys/#",
        "/#",
        "/shadow/get/+/+",
        "/sys/a1Product",
        "/other/a1Product/plug-1",
    ],
)
def test_what_names_no_device_is_nobodys(topic: str) -> None:
    assert owner_of(topic) is None


def test_a_device_may_be_called_user() -> None:
    topic = "/sys/a1Product/user/thing/event/property/post"
    assert owner_of(topic) == DeviceKey("a1Product", "user")
    assert not is_user_topic(topic)
    assert tail_of(topic) == "thing/event/property/post"


def test_a_message_goes_to_a_topic_of_at_most_128_bytes_without_wildcards() -> None:
    longest = "/a1Product/plug-1/user/" + "x" * 105
    assert len(longest) == 128
    assert is_publishable(longest)
    assert not is_publishable(longest + "x")
    assert not is_publishable("/a1Product/plug-1/user/" + "设" * 36)
    for topic in ("", "/", "a/b", "$SYS/broker", "/a1Product/plug-1/user/+", "/a1Product/plug-1/user/#"):
        assert not is_publishable(topic)


@pytest.mark.parametrize("name", ["/a/b/#", "/a/+/c", "/a/b"])
def test_a_wildcard_fills_its_level(name: str) -> None:
    assert is_filter(name)


@pytest.mark.parametrize("name", ["/a/#/c", "/a/b#", "/a/+b", "#", "$share/a/b", ""])
def test_a_wildcard_beside_other_text_is_no_filter(name: str) -> None:
    assert not is_filter(name)


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("/a/+/c", "/a/b/c", True),
        ("/a/+/c", "/a/b/d", False),
        ("/a/+", "/a/b/c", False),
        ("/a/#", "/a/b/c", True),
        ("/a/#", "/a", True),
        ("/a/b", "/a/b", True),
        ("/a/b/c", "/a/b", False),
    ],
)
def test_a_filter_takes_what_it_says(pattern: str, topic: str, fits: bool) -> None:
    assert matches(pattern, topic) is fits
