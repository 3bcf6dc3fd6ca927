"""From the YAML file to the model. A file with mistakes still gives a draft, so that the rest of it is checked as well."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from station.profile.faults import Document, FaultList, add_model_error, nearest_key, place_of
from station.profile.model import Image, Profile
from station.profile.rules import check_rules
from station.profile.yaml_source import Place, YamlSource, read_yaml

_EXAMPLES: Final[Mapping[Place, str]] = {
    ("schema",): "schema: 1",
    ("name",): "name: smart-plug",
    ("product_key",): "product_key: a1B2c3D4e5F",
    ("chip",): "chip: esp32",
    ("flash_size",): "flash_size: 4MB",
    ("firmware",): "firmware: with version and images",
    ("firmware", "version"): "version: 1.4.2",
    ("credentials",): "credentials: {preset: esp-aliyun}",
}
DOCUMENT: Final = Document(Profile, "the profile", _EXAMPLES, "Look at the example profiles")
_PASSES_MAX: Final = 30
_STAND_INS: Final[dict[str, Any]] = {
    "schema": 1,
    "name": "?",
    "product_key": "x",
    "chip": "esp32",
    "flash_size": "128MB",
    "firmware": {"version": "?"},
    "credentials": {"preset": "esp-aliyun"},
    "checks": {},
}
"""Takes the place of a top-level value that cannot be read; what depends on it is then not checked."""
_HOLES: Final[dict[str | int, Any]] = {"images": Image.model_construct(file="?", at=0), "erase": "?"}
"""Takes the place of a list's entry, so that the entries behind it keep their positions."""


@dataclass(slots=True)
class Draft:
    """A profile as far as it can be read. `unsure` holds the places that were left out or replaced by a stand-in."""

    source: YamlSource
    faults: FaultList
    profile: Profile | None
    unsure: set[Place] = field(default_factory=set)

    def is_sure(self, *place: str | int) -> bool:
        """Say whether the value at a place, and all within it, is the file's own."""
        return not any(left[: len(place)] == place or place[: len(left)] == left for left in self.unsure)


def load_profile(path: Path) -> Profile:
    """Read a profile's YAML; files that it names are not looked at. Raises ProfileError with every mistake."""
    draft = read_draft(path)
    draft.faults.raise_if_any()
    if draft.profile is None:
        raise AssertionError("a file without faults gives a profile")
    return draft.profile


def read_draft(path: Path) -> Draft:
    """Read as much of a profile as can be read, with every mistake noted."""
    return draft_of(read_yaml(path))


def draft_of(source: YamlSource) -> Draft:
    """Read as much of a parsed YAML text as can be read."""
    faults = FaultList(source)
    draft = Draft(source, faults, None)
    if source.tree is None:
        if not source.faults:
            faults.add((), "the profile holds nothing", "Begin with `schema: 1`, as the examples do")
        return draft
    if not isinstance(source.tree, dict):
        faults.add((), "the profile is no mapping of keys", "Begin with `schema: 1`, as the examples do")
        return draft
    tree: Any = copy.deepcopy(source.tree)
    for _ in range(_PASSES_MAX):
        try:
            draft.profile = Profile.model_validate(tree)
        except ValidationError as failure:
            _take_out(draft, tree, failure)
        else:
            check_rules(draft.profile, faults, draft.is_sure)
            return draft
    return draft


def _take_out(draft: Draft, tree: Any, failure: ValidationError) -> None:
    """Note pydantic's errors and take their values out of the tree, so that the next pass sees what else is wrong."""
    left_out = set(draft.unsure)
    errors = failure.errors(include_url=False)
    misspelt = _misspelt_keys(errors)
    for error in errors:
        place = place_of(error)
        follows = place in misspelt or any(
            left[: len(place)] == place or place[: len(left)] == left for left in left_out
        )
        if not follows:
            add_model_error(draft.faults, error, DOCUMENT)
        if error["type"] == "extra_forbidden":
            _remove(tree, place)
        else:
            gone = place[:-1] if error["type"] == "missing" and len(place) > 1 else place
            draft.unsure.add(place)
            draft.unsure.add(gone)
            _remove(tree, gone)
            if len(gone) == 1 and gone[0] in _STAND_INS:
                tree[gone[0]] = _STAND_INS[str(gone[0])]


def _misspelt_keys(errors: Sequence[ErrorDetails]) -> set[Place]:
    """Give the keys that are missing only because they stand there misspelt, which is told already."""
    unknown = (place_of(error) for error in errors if error["type"] == "extra_forbidden")
    meant = {(*place[:-1], nearest_key(place, Profile) or "") for place in unknown}
    return meant & {place_of(error) for error in errors if error["type"] == "missing"}


def _remove(tree: Any, place: Place) -> None:
    if not place:
        return
    top = tree
    for step in place[:-1]:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(tree, dict):
        tree.pop(place[-1], None)
    elif isinstance(tree, list) and isinstance(place[-1], int) and place[-1] < len(tree):
        hole = _HOLES.get(place[-2])
        if hole is None:
            _remove(top, place[:-1])
        else:
            tree[place[-1]] = hole
