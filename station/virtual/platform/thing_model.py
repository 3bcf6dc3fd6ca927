"""A product's thing model: the platform's TSL JSON, and whether values fit it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_INT32: Final = (-(2**31), 2**31 - 1)
_OF_PROPERTIES: Final = frozenset({"post", "set", "get"})
"""The event and the services that every product has; they are not called by name and list properties for parameters."""
_TYPES: Final = {"int", "float", "double", "bool", "enum", "text", "date", "struct", "array"}
_NUMBERS: Final = ("min", "max", "length", "size")


class ModelFault(ValueError):
    """A value or a name does not fit the thing model; the text says which and why."""


class ThingModel:
    """Properties, events and services by identifier, as the TSL JSON has them."""

    def __init__(self, tsl: Mapping[str, Any]) -> None:
        """ModelFault: this is no TSL JSON."""
        self.tsl = dict(tsl)
        try:
            self._properties = _by_identifier(tsl, "properties")
            self._events = _by_identifier(tsl, "events", _OF_PROPERTIES)
            self._services = _by_identifier(tsl, "services", _OF_PROPERTIES)
            for field in self._fields():
                _check_type(field["identifier"], field["dataType"])
        except (KeyError, TypeError, AttributeError, ValueError) as fault:
            raise ModelFault(f"the thing model is no TSL JSON: {fault!r}") from None

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

    def _fields(self) -> Iterator[Mapping[str, Any]]:
        yield from self._properties.values()
        for event in self._events.values():
            yield from event.get("outputData", [])
        for service in self._services.values():
            yield from service.get("inputData", [])
            yield from service.get("outputData", [])

    def _property(self, name: str) -> Mapping[str, Any]:
        if name not in self._properties:
            raise ModelFault(f"there is no property {name}")
        return self._properties[name]

    def _service(self, identifier: str) -> Mapping[str, Any]:
        if identifier not in self._services:
            raise ModelFault(f"there is no service {identifier}")
        return self._services[identifier]


def _by_identifier(
    tsl: Mapping[str, Any], part: str, without: frozenset[str] = frozenset()
) -> dict[str, Mapping[str, Any]]:
    return {entry["identifier"]: entry for entry in tsl.get(part, []) if entry["identifier"] not in without}


def _check_all(values: Mapping[str, Any], fields: list[Any], *, must_be_whole: bool = False) -> None:
    known = {entry["identifier"]: entry["dataType"] for entry in fields}
    for name, value in values.items():
        if name not in known:
            raise ModelFault(f"there is no parameter {name}")
        _check(name, value, known[name])
    missing = sorted(set(known) - set(values))
    if must_be_whole and missing:
        raise ModelFault(f"{missing[0]} is missing")


def _check_type(name: str, data_type: Mapping[str, Any]) -> None:
    """Check that a data type is one. ModelFault, KeyError, TypeError, AttributeError."""
    kind, specs = data_type["type"], data_type.get("specs") or {}
    if kind not in _TYPES:
        raise ModelFault(f"{name} has the unknown type {kind}")
    if kind == "struct":
        for field in specs:
            _check_type(field["identifier"], field["dataType"])
    elif kind == "array":
        _check_type(name, specs["item"])
    else:
        for bound in _NUMBERS:
            float(_spec(specs, bound, 0))


def _check(name: str, value: Any, data_type: Mapping[str, Any]) -> None:
    """Check one value; specs hold numbers as text."""
    kind, specs = data_type["type"], data_type.get("specs") or {}
    match kind:
        case "int":
            low, high = int(_spec(specs, "min", _INT32[0])), int(_spec(specs, "max", _INT32[1]))
            _demand(type(value) is int and low <= value <= high, name, f"an integer from {low} to {high}")
        case "float" | "double":
            # The platform wants a decimal point in the JSON, so an integer is not enough.
            least, most = float(_spec(specs, "min", "-inf")), float(_spec(specs, "max", "inf"))
            _demand(type(value) is float and least <= value <= most, name, f"a number with a point, {least} to {most}")
        case "bool":
            _demand(type(value) is int and value in {0, 1}, name, "0 or 1")
        case "enum":
            _demand(type(value) is int and str(value) in specs, name, f"one of {', '.join(specs)}")
        case "text":
            length = int(_spec(specs, "length", 2048))
            _demand(isinstance(value, str) and len(value.encode("utf-8")) <= length, name, f"text of {length} bytes")
        case "date":
            is_number = isinstance(value, str) and value.isascii() and value.isdigit()
            _demand(is_number, name, "milliseconds since 1970 as text")
        case "struct":
            _demand(isinstance(value, dict), name, "an object")
            _check_all(value, specs if isinstance(specs, list) else [])
        case "array":
            size = int(_spec(specs, "size", 512))
            _demand(isinstance(value, list) and len(value) <= size, name, f"a list of at most {size}")
            for item in value:
                _check(name, item, specs["item"])


def _spec(specs: Mapping[str, Any], name: str, default: float | str) -> Any:
    """Give one of the specs; the console writes those that were left open as empty text."""
    given = specs.get(name)
    return default if given in (None, "") else given


def _demand(fits: bool, name: str, what: str) -> None:
    if not fits:
        raise ModelFault(f"{name} is not {what}")
