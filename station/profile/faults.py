"""Collects every mistake of a profile or of the settings, each with file and line, and says pydantic's in plain words."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Unpack, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from station.errors import Fault, ProfileError, Told, filled
from station.image.fault import ImageFault
from station.profile.quantities import shown
from station.profile.yaml_source import Place, YamlSource

FAULTS_MAX: Final = 100
"""More are counted, not told."""
_KINDS: Final = {
    "string_type": "a text",
    "string_sub_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list: [one, two]",
    "mapping_type": "a mapping: {key: value}",
    "dict_type": "a mapping: {key: value}",
    "model_type": "a mapping: {key: value}",
    "model_attributes_type": "a mapping: {key: value}",
}
_BEYOND: Final = {
    "string_too_long": ("long", "max_length"),
    "too_short": ("small", "min_length"),
    "greater_than": ("small", "gt"),
    "greater_than_equal": ("small", "ge"),
    "less_than_equal": ("large", "le"),
}
"""pydantic's kind of error → its word, and where the limit stands."""


class Document(NamedTuple):
    """A kind of YAML file: its model, what a message calls it, examples of keys that must be there, where to look."""

    model: type[BaseModel]
    name: str
    examples: Mapping[Place, str]
    see: str


class Spot(NamedTuple):
    """A line of a file, for a message; None for the whole file."""

    path: Path
    line: int | None


class FaultList:
    """Every mistake found so far in a profile and the files that it names."""

    def __init__(self, source: YamlSource) -> None:
        self._source = source
        self._faults: list[Fault] = list(source.faults[:FAULTS_MAX])
        self._more = len(source.faults) - len(self._faults)

    def __bool__(self) -> bool:
        return bool(self._faults)

    def add(self, place: Place, cause: str, mend: str, **told: Unpack[Told]) -> None:
        """Add a mistake at a value of the profile."""
        self.add_at(self.spot(place), cause, mend, **told)

    def spot(self, place: Place) -> Spot:
        """Give file and line of a value of the profile."""
        return Spot(self._source.path, self._source.line(place))

    def add_at(self, spot: Spot, cause: str, mend: str, **told: Unpack[Told]) -> None:
        """Add a mistake at a line of any file."""
        self._add(Fault(str(spot.path), spot.line, cause, mend, filled(**told)))

    def _add(self, fault: Fault) -> None:
        if fault in self._faults:
            return
        if len(self._faults) < FAULTS_MAX:
            self._faults.append(fault)
        else:
            self._more += 1

    def add_image_fault(self, spot: Spot, fault: ImageFault) -> None:
        """Add what is wrong with the bytes that a line names."""
        self._add(Fault(str(spot.path), spot.line, fault.cause, fault.mend, fault.facts))

    def ordered(self) -> tuple[Fault, ...]:
        """Give them in the order of the file; those of other files behind."""
        own = str(self._source.path)
        return tuple(sorted(self._faults, key=lambda fault: (fault.file != own, fault.file, fault.line or 0)))

    def raise_if_any(self) -> None:
        """Raise ProfileError with all of them, when there is one."""
        if not self._faults:
            return
        faults = self.ordered()
        total = len(faults) + self._more
        count = "one mistake" if total == 1 else f"{total} mistakes"
        mend = "Correct the lines named below" + (f" first; these are {len(faults)}" if self._more else "")
        raise ProfileError(f"The profile has {count}", mend, str(self._source.path), faults)


def place_of(error: ErrorDetails) -> Place:
    """Give the place in the YAML that pydantic's error is about."""
    return tuple(step for step in error["loc"] if step != "[key]")


def add_model_error(faults: FaultList, error: ErrorDetails, document: Document) -> None:
    """Add one of pydantic's errors in plain words."""
    cause, mend = _words(error, place_of(error), document)
    faults.add(place_of(error), cause, mend)


def _words(error: ErrorDetails, place: Place, document: Document) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx") or {}
    key = _key(place, document)
    if kind == "refused":
        return str(context["cause"]), str(context["mend"])
    if kind == "extra_forbidden":
        return f"the key {shown(place[-1])} is not known{_inside(place)}", _nearest(place, document.model)
    if kind == "missing":
        example = document.examples.get(place, f"{place[-1]}: …")
        return f"the key `{place[-1]}` is missing{_inside(place)}", f"Add `{example}`"
    if kind in {"literal_error", "enum"}:
        return f"{key} cannot be {shown(error['input'])}", f"Write {context['expected']}"
    if kind in _KINDS:
        got = "nothing" if error["input"] is None else shown(error["input"])
        return f"{key} is {_KINDS[kind]}, not {got}", _mend_kind(kind, error["input"])
    if kind in _BEYOND:
        word, limit = _BEYOND[kind]
        return f"{key} is too {word}", f"The limit is {context[limit]}"
    return f"{key}: {error['msg']}", document.see


def _mend_kind(kind: str, value: Any) -> str:
    if value is None:
        return "Write a value behind the colon, or remove the key"
    if kind.startswith("string"):
        return "Put the text in quotes" if isinstance(value, bool) else "Write a text in one line"
    return f"Write {_KINDS[kind]}"


def _key(place: Place, document: Document) -> str:
    names = [str(step) for step in place if isinstance(step, str)]
    if not names:
        return document.name
    number = f" entry {place[-1] + 1}" if isinstance(place[-1], int) else ""
    return f"`{names[-1]}`{number}"


def _inside(place: Place) -> str:
    outer = [step for step in place[:-1] if isinstance(step, str)]
    return f" in `{outer[-1]}`" if outer else ""


def nearest_key(place: Place, model: type[BaseModel]) -> str | None:
    """Give the known key that an unknown one is most like, in the same mapping."""
    close = difflib.get_close_matches(str(place[-1]).lower(), _known_keys(model, place[:-1]), n=1, cutoff=0.6)
    return close[0] if close else None


def _nearest(place: Place, model: type[BaseModel]) -> str:
    wrong, known = str(place[-1]), _known_keys(model, place[:-1])
    for section in (*_sections(model), ()):
        if section != place[:-1] and wrong in _known_keys(model, section):
            return f"It belongs {'in `' + section[-1] + '`' if section else 'to the top level'}; move it there"
    close = nearest_key(place, model)
    if close is not None:
        return f"Did you mean `{close}`? Write it so, or remove the line"
    return f"Remove it; known here: {', '.join(known)}"


def _sections(model: Any, place: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Give the places of the mappings within a model, outer ones first; those in lists and free mappings are left out."""
    inner = [
        ((*place, field.alias or name), found)
        for name, field in _fields(model).items()
        if get_origin(field.annotation) not in {tuple, list, Mapping} and (found := _model_in(field.annotation))
    ]
    return [section for section, _ in inner] + [deep for section, found in inner for deep in _sections(found, section)]


def _known_keys(model: Any, place: Sequence[str | int]) -> list[str]:
    """Give the keys that the model knows in the mapping at a place of the YAML."""
    for step in place:
        if isinstance(step, int):
            continue
        inner = {field.alias or name: field.annotation for name, field in _fields(model).items()}
        model = _model_in(inner.get(step)) if inner else model
    return [field.alias or name for name, field in _fields(model).items()]


def _fields(model: Any) -> dict[str, Any]:
    return dict(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else {}


def _model_in(annotation: Any) -> Any:
    """Find the model inside `X | None`, `tuple[X, ...]`, `Mapping[str, X]`."""
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return annotation
    for argument in reversed(get_args(annotation)):
        if (found := _model_in(argument)) is not None:
            return found
    return None
