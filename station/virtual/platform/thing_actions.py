"""The OpenAPI's actions that reach a device: set properties, invoke a service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from station.virtual.platform.api_call import ApiCall
from station.virtual.platform.core import Core
from station.virtual.platform.device import DeviceKey
from station.virtual.platform.device_actions import chosen_device
from station.virtual.platform.event_log import NothingHappened, PlatformEvent
from station.virtual.platform.registry import RegistryFault
from station.virtual.platform.uplink import Uplink

ANSWER_TIMEOUT_S: Final = 5.0
"""How long the caller of a synchronous service waits for the device."""
_OK: Final = 200


class ThingActions:
    """A synchronous service answers with the device's result, everything else with the message's id alone."""

    def __init__(self, core: Core, uplink: Uplink) -> None:
        self._core = core
        self._things = uplink.things

    @property
    def actions(self) -> Mapping[str, Callable[[ApiCall], dict[str, Any] | Awaitable[dict[str, Any]]]]:
        return {"SetDeviceProperty": self._set, "InvokeThingService": self._invoke}

    def _set(self, call: ApiCall) -> dict[str, Any]:
        key = chosen_device(self._core.registry, call).key
        return {"Data": {"MessageId": self._things.set_properties(key, call.json_object("Items"))}}

    async def _invoke(self, call: ApiCall) -> dict[str, Any]:
        key, identifier = chosen_device(self._core.registry, call).key, call.text("Identifier")
        arguments = call.json_object("Args")
        since = self._core.log.mark
        message_id = self._things.invoke(key, identifier, arguments)
        if not self._things.is_synchronous(key, identifier):
            return {"Data": {"MessageId": message_id, "Result": ""}}
        answer = await asyncio.to_thread(self._answer_to, key, message_id, since)
        if answer.data["code"] != _OK or answer.data["fault"]:
            raise RegistryFault("iot.device.InvokeThingServiceFailed", answer.data["fault"] or "The device refuses.")
        return {"Data": {"MessageId": message_id, "Result": json.dumps(answer.data["value"], ensure_ascii=False)}}

    def _answer_to(self, key: DeviceKey, message_id: str, since: int) -> PlatformEvent:
        try:
            return self._core.log.wait(
                "service_reply",
                key,
                since=since,
                timeout_s=ANSWER_TIMEOUT_S,
                where=lambda event: event.data["id"] == message_id,
            )
        except NothingHappened:
            raise RegistryFault("iot.messagebroker.RRPCTIMEOUT", "The device does not answer in time.") from None
