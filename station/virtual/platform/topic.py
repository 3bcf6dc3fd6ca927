"""Topics: whose they are, which may be used, which filter takes which."""

from __future__ import annotations

import re
from typing import Final

from station.virtual.platform.device import DeviceKey

TOPIC_BYTES_MAX: Final = 128
_OWNER_PLACES: Final = {
    ("sys",): 1,
    ("shadow",): 2,
    ("ota", "device"): 3,
    ("ext", "ntp"): 2,
    ("ext", "session"): 2,
}
"""Where the ProductKey stands after these first levels; the DeviceName follows it."""
_USER_LEVEL: Final = 2
_USER_LEVELS: Final = re.compile(r"[A-Za-z0-9_]+|[+#]", re.ASCII)
"""What a level of a device's own topics may be; the wildcards only in a filter."""


def is_publishable(topic: str) -> bool:
    """Whether a message may be sent to it: no wildcard, no `$`, an own first level, at most 128 bytes."""
    return _is_topic(topic) and not {"+", "#"} & set(topic)


def is_filter(topic: str) -> bool:
    """Whether it may be subscribed: a wildcard fills its level, and `#` is the last."""
    levels = topic.split("/")
    fits = all(level in {"+", "#"} or not {"+", "#"} & set(level) for level in levels)
    return _is_topic(topic) and fits and "#" not in levels[:-1]


def owner_of(topic: str) -> DeviceKey | None:
    """The device that a topic or filter belongs to; None when it is nobody's."""
    levels = topic.split("/")[1:]
    for first, place in _OWNER_PLACES.items():
        if tuple(levels[: len(first)]) == first:
            return _key(levels, place)
    own = levels[_USER_LEVEL + 1 :]
    if own and levels[_USER_LEVEL] == "user" and all(_USER_LEVELS.fullmatch(level) for level in own):
        return _key(levels, 0)
    return None


def is_user_topic(topic: str) -> bool:
    """Whether a topic that has an owner is one of the product's own, /ProductKey/DeviceName/user/…"""
    levels = topic.split("/")[1:]
    return not any(tuple(levels[: len(first)]) == first for first in _OWNER_PLACES)


def tail_of(topic: str) -> str:
    """What follows the owner below /sys, /ext/ntp and /ext/session; the first levels of the others."""
    levels = topic.split("/")[1:]
    match levels[0]:
        case "sys":
            return "/".join(levels[3:])
        case "ext":
            return "/".join([*levels[:2], *levels[4:]])
        case "shadow":
            return "/".join(levels[:2])
        case "ota":
            return "/".join(levels[:3])
        case _:
            return "/".join(levels[2:])


def matches(pattern: str, topic: str) -> bool:
    """Whether a filter takes a topic."""
    wanted, levels = pattern.split("/"), topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in {"+", levels[place]}:
            return False
    return len(wanted) == len(levels)


def _is_topic(topic: str) -> bool:
    return topic.startswith("/") and len(topic) > 1 and len(topic.encode("utf-8")) <= TOPIC_BYTES_MAX


def _key(levels: list[str], place: int) -> DeviceKey | None:
    pair = levels[place : place + 2]
    if len(pair) != 2 or not all(pair) or {"+", "#"} & set(pair):
        return None
    return DeviceKey(pair[0], pair[1])
