"""Thing models at work: properties, events and services of devices."""

from __future__ import annotations

from typing import Any, Final

from station.virtual.platform.alink import BAD_PARAMETER, AlinkFault, Request
from station.virtual.platform.core import Core
from station.virtual.platform.device import DeviceKey
from station.virtual.platform.registry import RegistryFault
from station.virtual.platform.thing_model import ModelFault

FUTURE_MS_MAX: Final = 24 * 3600 * 1000
"""How far ahead of the platform's clock a reported time may be."""


CALLS_MAX: Final = 10_000
"""Older calls that were never answered are given up."""


class Things:
    """Takes what devices report and tells them what the cloud wants."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._calls: dict[str, tuple[DeviceKey, str]] = {}
        """Services that were called and not answered, by message id."""

    def post_properties(self, key: DeviceKey, request: Request) -> dict[str, Any]:
        """A device reports properties. AlinkFault."""
        values = {name: self._value(given) for name, given in request.fields().items()}
        model = self._core.registry.product(key.product_key).thing_model
        if model is not None:
            _answer_460(model.check_post, values)
        self._core.registry.device(key).properties.update(values)
        for name, value in values.items():
            self._core.log.add("property", key, name=name, value=value)
        return {}

    def post_event(self, key: DeviceKey, identifier: str, request: Request) -> dict[str, Any]:
        """A device reports an event. AlinkFault."""
        value = self._value(request.fields())
        if not isinstance(value, dict):
            raise AlinkFault(BAD_PARAMETER, "the event's value is not an object")
        model = self._core.registry.product(key.product_key).thing_model
        if model is not None:
            _answer_460(model.check_event, identifier, value)
        self._core.log.add("event", key, name=identifier, value=value)
        return {}

    def set_properties(self, key: DeviceKey, values: dict[str, Any]) -> str:
        """Ask a device to set properties; gives the message's id. RegistryFault."""
        model = self._core.registry.product(key.product_key).thing_model
        if model is not None:
            try:
                model.check_set(values)
            except ModelFault as fault:
                raise RegistryFault("iot.device.SetDevicePropertyFailed", str(fault)) from None
        return self._ask(key, "property/set", values)

    def get_properties(self, key: DeviceKey, names: list[str]) -> str:
        """Ask a device for properties; gives the message's id. RegistryFault."""
        return self._ask(key, "property/get", names)

    def invoke(self, key: DeviceKey, identifier: str, arguments: dict[str, Any]) -> str:
        """Call a service; gives the message's id. RegistryFault."""
        model = self._core.registry.product(key.product_key).thing_model
        if model is not None:
            try:
                model.check_call(identifier, arguments)
            except ModelFault as fault:
                raise RegistryFault("iot.device.InvokeThingServiceFailed", str(fault)) from None
        if not self.is_synchronous(key, identifier):
            return self._ask(key, identifier, arguments)
        # A service whose caller waits goes by RRPC: its topic ends with the message's id.
        message_id = self._core.next_id()
        return self._send(key, f"rrpc/request/{message_id}", identifier, arguments, message_id)

    def is_synchronous(self, key: DeviceKey, identifier: str) -> bool:
        """Whether the caller of a service waits for its answer. RegistryFault."""
        model = self._core.registry.product(key.product_key).thing_model
        try:
            return model is not None and model.is_synchronous(identifier)
        except ModelFault as fault:
            raise RegistryFault("iot.device.InvokeThingServiceFailed", str(fault)) from None

    def take_answer(self, key: DeviceKey, message: dict[str, Any], message_id: str) -> None:
        """A device answers. An answer that nobody waits for, or that does not fit, is noted as such."""
        called = self._calls.get(message_id)
        if called is None or called[0] != key:
            self._core.log.add("unhandled", key, reason="an answer that nobody waits for", message=message)
            return
        del self._calls[message_id]
        name, data = called[1], message.get("data", {})
        fault = ""
        model = self._core.registry.product(key.product_key).thing_model
        if model is not None and name != "property/set" and isinstance(data, dict):
            try:
                model.check_post(data) if name == "property/get" else model.check_answer(name, data)
            except ModelFault as wrong:
                fault = str(wrong)
        self._core.log.add(
            "service_reply", key, id=message_id, name=name, code=message.get("code"), value=data, fault=fault
        )

    def _ask(self, key: DeviceKey, name: str, params: Any) -> str:
        return self._send(key, f"thing/service/{name}", name, params, self._core.next_id())

    def _send(self, key: DeviceKey, tail: str, name: str, params: Any, message_id: str) -> str:
        self._core.registry.device(key)
        self._calls[message_id] = (key, name)
        if len(self._calls) > CALLS_MAX:
            del self._calls[next(iter(self._calls))]
        method = f"thing.service.{name.replace('/', '.')}"
        if self._core.command(key, tail, method, params, message_id) is None:
            del self._calls[message_id]
            raise RegistryFault("iot.messagebroker.OFFLINE", "The device is offline.")
        return message_id

    def _value(self, given: Any) -> Any:
        """The value of `value` or `{"value": …, "time": ms}`. AlinkFault."""
        if not isinstance(given, dict) or "value" not in given or set(given) - {"value", "time"}:
            return given
        time_ms = given.get("time", 0)
        if type(time_ms) is not int or time_ms > self._core.now_ms() + FUTURE_MS_MAX:
            raise AlinkFault(BAD_PARAMETER, "the time is no time, or more than a day ahead")
        return given["value"]


def _answer_460(check: Any, *values: Any) -> None:
    # Which code the platform has for each kind of misfit could not be verified; 460 is its code for bad parameters.
    try:
        check(*values)
    except ModelFault as fault:
        raise AlinkFault(BAD_PARAMETER, str(fault)) from None
