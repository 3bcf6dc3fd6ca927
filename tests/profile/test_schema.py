"""The JSON Schema describes every key, and takes what the model takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from station.image.esp_image import BOOTLOADER_OFFSETS
from station.profile.schema import profile_schema
from station.unit import CHIPS
from tests.profile.workplace import GOOD

EXAMPLES = sorted((Path(__file__).parents[2] / "profiles").glob("*.yaml"))
KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def problems(value: Any, schema: dict[str, Any], whole: dict[str, Any], at: str = "") -> Iterator[str]:
    """Check a value against the part of JSON Schema that the profile's schema uses."""
    if "$ref" in schema:
        yield from problems(value, whole["$defs"][schema["$ref"].rsplit("/", 1)[1]], whole, at)
    if "anyOf" in schema and all(any(problems(value, part, whole)) for part in schema["anyOf"]):
        yield f"{at}: fits none of the choices"
    if "oneOf" in schema and sum(not any(problems(value, part, whole)) for part in schema["oneOf"]) != 1:
        yield f"{at}: fits not one of the choices"
    kind = schema.get("type")
    if kind is not None and (not isinstance(value, KINDS[kind]) or isinstance(value, bool) != (kind == "boolean")):
        yield f"{at}: is no {kind}"
        return
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        yield f"{at}: is another word"
    if isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value) or len(value) > schema.get("maxLength", len(value)):
            yield f"{at}: is another text"
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from problems(item, schema.get("items", {}), whole, f"{at}/{number}")
    elif isinstance(value, dict):
        yield from mapping_problems(value, schema, whole, at)


def mapping_problems(value: dict[str, Any], schema: dict[str, Any], whole: dict[str, Any], at: str) -> Iterator[str]:
    """Check a mapping's keys."""
    known, other = schema.get("properties", {}), schema.get("additionalProperties", {})
    yield from (f"{at}: lacks {key}" for key in schema.get("required", ()) if key not in value)
    for key, inner in value.items():
        if key not in known and other is False:
            yield f"{at}: {key} is not known"
        else:
            yield from problems(inner, known.get(key, other), whole, f"{at}/{key}")


def faults_of(text: str) -> list[str]:
    """Check a YAML text against the profile's schema."""
    schema = profile_schema()
    return list(problems(yaml.safe_load(text), schema, schema))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_fit_the_schema(path: Path) -> None:
    """As an editor would check them."""
    assert faults_of(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("flash_size", "flash_sise"),
        ("schema: 1", "schema: 2"),
        ("chip: esp32", "chip: esp33"),
        ("4MB", "4"),
        ("within: 20s", "within: 20"),
        ("u16: 1883", "u17: 1883"),
        ("u16: 1883", "u16: many"),
        ("esp-aliyun", "aliyun"),
        ("by: console", "by: ear"),
        ("  images:", "  idf_build: build\n  images:"),
    ],
)
def test_the_schema_finds_a_mistake_while_it_is_typed(old: str, new: str) -> None:
    """The good profile fits, each mistake does not."""
    assert faults_of(GOOD) == []
    assert faults_of(GOOD.replace(old, new, 1)) != []


def test_every_key_is_documented() -> None:
    """An editor shows the description of the key under the cursor."""
    schema = profile_schema()

    for name, part in {"Profile": schema, **schema["$defs"]}.items():
        assert part.get("description"), name
        for key, inner in part.get("properties", {}).items():
            assert inner.get("description"), f"{name}.{key}"


def test_the_chips_are_those_that_the_images_know() -> None:
    """The names are esptool's."""

    assert set(CHIPS) <= set(BOOTLOADER_OFFSETS)
