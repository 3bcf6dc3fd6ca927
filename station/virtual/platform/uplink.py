"""What devices send goes to the part that it is for, and its reply back to the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from station.virtual.platform import alink
from station.virtual.platform.alink import AlinkFault, Request, read_object, read_request
from station.virtual.platform.connection import Connection
from station.virtual.platform.core import Core
from station.virtual.platform.device import DeviceKey
from station.virtual.platform.remote_config import RemoteConfig
from station.virtual.platform.shadow import Shadows
from station.virtual.platform.things import Things
from station.virtual.platform.topic import is_user_topic, tail_of
from station.virtual.platform.topology import Topology
from station.virtual.platform.upgrades import Upgrades

_EVENT, _POST, _SERVICE, _RRPC = "thing/event/", "/post", "thing/service/", "rrpc/response/"
_NTP: Final = "ext/ntp/request"
_PUSH_REPLY: Final = "thing/config/push_reply"


class Uplink:
    """All parts of the platform that devices speak to."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.things = Things(core)
        self.shadows = Shadows(core)
        self.upgrades = Upgrades(core)
        self.topology = Topology(core)
        self.config = RemoteConfig(core)

    def forget(self, key: DeviceKey) -> None:
        """A device was deleted: nothing of it is kept."""
        self.shadows.forget(key)
        self.upgrades.forget(key)
        self.topology.forget(key)

    def receive(self, key: DeviceKey, connection: Connection, topic: str, payload: bytes) -> None:
        """Take one message that the device had the right to send."""
        tail = tail_of(topic)
        if tail == "shadow/update":
            self.shadows.take(key, payload)
        elif tail == _NTP:
            self._tell_time(key, payload)
        elif is_user_topic(topic):
            self._core.broker.send(key, topic, payload, is_unasked=False)
        elif tail in {"ota/device/inform", "ota/device/progress"}:
            self._take_silently(key, payload, tail)
        elif tail == _PUSH_REPLY:
            pass  # the device says that it has the configuration; the log has it
        elif tail.startswith(_RRPC) or (tail.startswith(_SERVICE) and tail.endswith(alink.REPLY)):
            self._take_answer(key, tail, payload)
        else:
            answer = self._answerer(key, connection, tail)
            if answer is None:
                self._core.log.add("unhandled", key, reason="no such topic", topic=topic)
            else:
                self._answer(key, topic, payload, answer)

    def _answerer(self, key: DeviceKey, connection: Connection, tail: str) -> Callable[[Request], Any] | None:
        match tail:
            case "thing/event/property/post":
                return lambda request: self.things.post_properties(key, request)
            case "thing/ota/firmware/get":
                return lambda request: self.upgrades.firmware_for(key, request)
            case "thing/topo/add":
                return lambda request: self.topology.add(key, request)
            case "thing/topo/delete":
                return lambda request: self.topology.delete(key, request)
            case "thing/topo/get":
                return lambda _request: self.topology.list(key)
            case "thing/config/get":
                return lambda _request: self.config.get(key)
            case "ext/session/combine/login":
                return lambda request: self.topology.login(key, connection, request)
            case "ext/session/combine/logout":
                return lambda request: self.topology.logout(key, request)
            case "thing/deviceinfo/update" | "thing/deviceinfo/delete":
                return lambda _request: {}
        if tail.startswith(_EVENT) and tail.endswith(_POST):
            identifier = tail.removeprefix(_EVENT).removesuffix(_POST)
            return lambda request: self.things.post_event(key, identifier, request)
        return None

    def _answer(self, key: DeviceKey, topic: str, payload: bytes, answer: Callable[[Request], Any]) -> None:
        request = Request("", "", {}, is_answered=True)
        try:
            request = read_request(payload)
            reply = alink.reply(request.id, request.method, answer(request))
        except AlinkFault as fault:
            self._core.log.add("unhandled", key, reason=str(fault), code=fault.code, topic=topic)
            reply = alink.reply(request.id, request.method, code=fault.code, message=str(fault))
        if request.is_answered:
            self._core.broker.send(key, topic + alink.REPLY, reply)

    def _take_silently(self, key: DeviceKey, payload: bytes, tail: str) -> None:
        take = self.upgrades.take_version if tail.endswith("inform") else self.upgrades.take_progress
        try:
            take(key, read_request(payload))
        except AlinkFault as fault:
            self._core.log.add("unhandled", key, reason=str(fault), topic=tail)

    def _take_answer(self, key: DeviceKey, tail: str, payload: bytes) -> None:
        try:
            message = read_object(payload)
        except AlinkFault as fault:
            self._core.log.add("unhandled", key, reason=str(fault), topic=tail)
            return
        number = tail.removeprefix(_RRPC) if tail.startswith(_RRPC) else str(message.get("id", ""))
        self.things.take_answer(key, message, number)

    def _tell_time(self, key: DeviceKey, payload: bytes) -> None:
        try:
            asked = read_object(payload)
        except AlinkFault as fault:
            self._core.log.add("unhandled", key, reason=str(fault), topic=_NTP)
            return
        now = str(self._core.now_ms())
        answer = {"deviceSendTime": asked.get("deviceSendTime", ""), "serverRecvTime": now, "serverSendTime": now}
        self._core.broker.send(key, f"/ext/ntp/{key.product_key}/{key.device_name}/response", alink.dump(answer))
