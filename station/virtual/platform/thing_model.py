"""A product's thing model: the platform's TSL JSON, and whether values fit it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_INT32: Final = (-(2**31), 2**31 - 1)


class ModelFault(ValueError):
    """A value or a name does not fit the thing model; the text says which and why."""


class ThingModel:
    """Properties, events and services by identifier, as the TSL JSON has them."""

    def __init__(self, tsl: Mapping[str, Any]) -> None:
        self.tsl = dict(tsl)
        self._properties = _by_identifier(tsl, "properties")
        self._events = _by_identifier(tsl, "events")
        self._services = _by_identifier(tsl, "services")

    def check_post(self, values: Mapping[str, Any]) -> None:
        """Check properties that a device reports. ModelFault."""
        for name, value in values.items():
            _check(name, value, self._property(name)["dataType"])

    def check_set(self, values: Mapping[str, Any]) -> None:
        """Check properties that the cloud sets; those must be writable. ModelFault."""
        self.check_post(values)
        for name in values:
            if "w" not in self._property(name).get("accessMode", "rw"):
                raise ModelFault(f"{name} is read-only")

    def check_event(self, identifier: str, output: Mapping[str, Any]) -> None:
        """Check what a device reports as an event. ModelFault."""
        if identifier not in self._events:
            raise ModelFault(f"there is no event {identifier}")
        _check_all(output, self._events[identifier].get("outputData", []))

    def check_call(self, identifier: str, arguments: Mapping[str, Any]) -> None:
        """Check a service's arguments. ModelFault."""
        _check_all(arguments, self._service(identifier).get("inputData", []), must_be_whole=True)

    def check_answer(self, identifier: str, output: Mapping[str, Any]) -> None:
        """Check what a device answers to a service. ModelFault."""
        _check_all(output, self._service(identifier).get("outputData", []))

    def is_synchronous(self, identifier: str) -> bool:
        """Whether a service's caller waits for its answer. ModelFault."""
        return bool(self._service(identifier).get("callType") == "sync")

    def _property(self, name: str) -> Mapping[str, Any]:
        if name not in self._properties:
            raise ModelFault(f"there is no property {name}")
        return self._properties[name]

    def _service(self, identifier: str) -> Mapping[str, Any]:
        if identifier not in self._services:
            raise ModelFault(f"there is no service {identifier}")
        return self._services[identifier]


def _by_identifier(tsl: Mapping[str, Any], part: str) -> dict[str, Mapping[str, Any]]:
    return {entry["identifier"]: entry for entry in tsl.get(part, [])}


def _check_all(values: Mapping[str, Any], fields: list[Any], *, must_be_whole: bool = False) -> None:
    known = {entry["identifier"]: entry["dataType"] for entry in fields}
    for name, value in values.items():
        if name not in known:
            raise ModelFault(f"there is no parameter {name}")
        _check(name, value, known[name])
    missing = sorted(set(known) - set(values))
    if must_be_whole and missing:
        raise ModelFault(f"{missing[0]} is missing")


def _check(name: str, value: Any, data_type: Mapping[str, Any]) -> None:
    """Check one value; specs hold numbers as text."""
    kind, specs = data_type["type"], data_type.get("specs") or {}
    match kind:
        case "int":
            low, high = int(specs.get("min") or _INT32[0]), int(specs.get("max") or _INT32[1])
            _demand(type(value) is int and low <= value <= high, name, f"an integer from {low} to {high}")
        case "float" | "double":
            # The platform wants a decimal point in the JSON, so an integer is not enough.
            least, most = float(specs.get("min") or "-inf"), float(specs.get("max") or "inf")
            _demand(type(value) is float and least <= value <= most, name, f"a number with a point, {least} to {most}")
        case "bool":
            _demand(type(value) is int and value in {0, 1}, name, "0 or 1")
        case "enum":
            _demand(type(value) is int and str(value) in specs, name, f"one of {', '.join(specs)}")
        case "text":
            length = int(specs.get("length") or 2048)
            _demand(isinstance(value, str) and len(value.encode("utf-8")) <= length, name, f"text of {length} bytes")
        case "date":
            _demand(isinstance(value, str) and value.isdigit(), name, "milliseconds since 1970 as text")
        case "struct":
            _demand(isinstance(value, dict), name, "an object")
            _check_all(value, specs if isinstance(specs, list) else [])
        case "array":
            size = int(specs.get("size") or 512)
            _demand(isinstance(value, list) and len(value) <= size, name, f"a list of at most {size}")
            for item in value:
                _check(name, item, specs["item"])
        case _:
            raise ModelFault(f"{name} has the unknown type {kind}")


def _demand(fits: bool, name: str, what: str) -> None:
    if not fits:
        raise ModelFault(f"{name} is not {what}")
