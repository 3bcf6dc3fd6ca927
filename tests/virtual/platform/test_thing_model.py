"""Thing models: what fits the TSL JSON of a product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from station.virtual.platform.thing_model import ModelFault, ThingModel


def field(identifier: str, kind: str, specs: Any = None) -> dict[str, Any]:
    return {"identifier": identifier, "name": identifier, "dataType": {"type": kind, "specs": specs or {}}}


TSL: dict[str, Any] = {
    "schema": "https://iotx-tsl.oss-ap-southeast-1.aliyuncs.com/schema.json",
    "profile": {"productKey": "a1Product"},
    "properties": [
        {**field("Level", "int", {"min": 0, "max": "100", "unit": "%"}), "accessMode": "rw"},
        {**field("Power", "double", {"min": "0", "max": ""}), "accessMode": "r"},
        {**field("Switch", "bool", {"0": "off", "1": "on"}), "accessMode": "rw"},
        {**field("Mode", "enum", {"0": "eco", "3": "full"}), "accessMode": "rw"},
        {**field("Label", "text", {"length": "6"}), "accessMode": "rw"},
        {**field("Since", "date"), "accessMode": "rw"},
        {**field("Place", "struct", [field("x", "int"), field("y", "float")]), "accessMode": "rw"},
        {**field("Plan", "array", {"size": "2", "item": {"type": "int"}}), "accessMode": "rw"},
        {
            **field("Path", "array", {"size": 2, "item": {"type": "struct", "specs": [field("x", "int")]}}),
            "accessMode": "rw",
        },
    ],
    "events": [
        {"identifier": "post", "method": "thing.event.property.post", "outputData": []},
        {"identifier": "Alarm", "type": "alert", "outputData": [field("code", "int")]},
    ],
    "services": [
        {"identifier": "get", "inputData": ["Level"], "outputData": [field("Level", "int")]},
        {"identifier": "set", "inputData": [field("Level", "int")], "outputData": []},
        {
            "identifier": "Toggle",
            "callType": "sync",
            "inputData": [field("delay", "int", {"min": "0", "max": "9"})],
            "outputData": [field("Switch", "bool", {"0": "", "1": ""})],
        },
        {"identifier": "Blink", "callType": "async", "inputData": [], "outputData": []},
    ],
}
MODEL = ThingModel(TSL)
GOOD = {
    "Level": [0, 100],
    "Power": [0.0, 230.5],
    "Switch": [0, 1],
    "Mode": [0, 3],
    "Label": ["设备", ""],
    "Since": ["1700000000000"],
    "Place": [{"x": 1, "y": 0.5}, {}],
    "Plan": [[], [1, 2]],
    "Path": [[{"x": 1}]],
}
BAD: dict[str, list[Any]] = {
    "Level": [-1, 101, 1.0, "1", True, None],
    "Power": [1, -0.1, "1.0"],
    "Switch": [2, True, "on"],
    "Mode": [1, "0"],
    "Label": ["设备x", 5],
    "Since": [1700000000000, "yesterday", "²"],
    "Place": [[], {"z": 1}, {"x": 0.5}],
    "Plan": [[1, 2, 3], [1.0], {}],
    "Path": [[{"x": "1"}]],
    "Unknown": [1],
}


@pytest.mark.parametrize(("name", "values"), GOOD.items())
def test_a_value_of_the_type_and_range_fits(name: str, values: list[Any]) -> None:
    for value in values:
        MODEL.check_post({name: value})


@pytest.mark.parametrize(("name", "values"), BAD.items())
def test_any_other_value_is_refused_by_name(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ModelFault, match=f"^(x|there is no .*|{name})"):
            MODEL.check_post({name: value})


def test_only_writable_properties_are_set() -> None:
    MODEL.check_set({"Level": 5})
    with pytest.raises(ModelFault, match="Power is read-only"):
        MODEL.check_set({"Power": 1.0})


def test_events_services_and_answers_are_known_by_name_and_parameters() -> None:
    MODEL.check_event("Alarm", {"code": 1})
    MODEL.check_call("Toggle", {"delay": 9})
    MODEL.check_answer("Toggle", {"Switch": 1})
    assert MODEL.is_synchronous("Toggle")
    assert not MODEL.is_synchronous("Blink")
    misfits: list[Callable[[], None]] = [
        lambda: MODEL.check_event("Fire", {}),
        lambda: MODEL.check_event("Alarm", {"code": "1"}),
        lambda: MODEL.check_call("Toggle", {}),
        lambda: MODEL.check_call("Toggle", {"delay": 10}),
        lambda: MODEL.check_call("Toggle", {"delay": 1, "more": 1}),
        lambda: MODEL.check_call("get", {}),
        lambda: MODEL.check_answer("Toggle", {"Switch": 2}),
    ]
    for check in misfits:
        with pytest.raises(ModelFault):
            check()


@pytest.mark.parametrize(
    "tsl",
    [
        {"properties": 5},
        {"properties": [{"identifier": "a"}]},
        {"properties": [{"dataType": {"type": "int"}}]},
        {"properties": [field("a", "colour")]},
        {"properties": [field("a", "int", {"min": "low"})]},
        {"properties": [field("a", "array", {"size": "3"})]},
        {"properties": [field("a", "struct", [{"identifier": "b"}])]},
        {"services": [{"identifier": "a", "inputData": ["b"]}]},
    ],
)
def test_what_is_no_thing_model_is_refused_at_once(tsl: dict[str, Any]) -> None:
    with pytest.raises(ModelFault):
        ThingModel(tsl)
