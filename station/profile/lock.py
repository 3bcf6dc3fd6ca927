"""`station profile lock`: the SHA-256 of every file is written into the YAML; comments, order and layout stay as they are."""

from __future__ import annotations

import copy
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from station.drafts import replacement_of
from station.errors import ProfileError
from station.profile.prepare import prepare_draft
from station.profile.reading import draft_of
from station.profile.recipe import FileHash
from station.profile.yaml_source import Place, YamlSource, parse_yaml, read_yaml

_KEY: Final = "sha256"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")


class LockChange(NamedTuple):
    """A hash that was written: `before` is None where there was none."""

    name: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class LockResult:
    """What `lock_profile` did."""

    path: Path
    changes: tuple[LockChange, ...]
    files: int
    """How many files the profile has, changed or not."""


class _Edit(NamedTuple):
    begin: int
    end: int
    text: str


def lock_profile(path: Path) -> LockResult:
    """Write the SHA-256 of every file that the profile names into it; the file is replaced at once or not at all.

    Raises ProfileError with every mistake when the profile is not right in anything but its hashes.
    """
    source = read_yaml(path)
    without = replace(source, tree=_without_hashes(source.tree))
    recipe = prepare_draft(draft_of(without), verify_hashes=False)
    changes = tuple(
        LockChange(file.name, _text(source.value(file.place)), file.sha256)
        for file in recipe.files
        if source.value(file.place) != file.sha256
    )
    stale = _stale_names(source, recipe.files)
    if changes or stale:
        text = _apply(source.text, _edits(source, recipe.files, stale))
        wanted = _with_hashes(without.tree, recipe.files)
        if parse_yaml(path, text).tree != wanted:
            raise ProfileError(
                "The hashes cannot be written into this layout of the file",
                "Write each image as `- {file: …, at: …}`, without anchors and aliases",
                str(path),
            )
        _replace_file(path, text)
    return LockResult(path, changes, len(recipe.files))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _without_hashes(tree: Any) -> Any:
    tree = copy.deepcopy(tree)
    if not isinstance(tree, dict):
        return tree
    firmware, label = tree.get("firmware"), tree.get("label")
    if isinstance(label, dict):
        label.pop(_KEY, None)
    if not isinstance(firmware, dict):
        return tree
    if "idf_build" in firmware:
        firmware.pop(_KEY, None)
    images = firmware.get("images")
    for part in (*(images if isinstance(images, list) else ()), firmware.get("filesystem")):
        if isinstance(part, dict):
            part.pop(_KEY, None)
    return tree


def _with_hashes(tree: Any, files: tuple[FileHash, ...]) -> Any:
    tree = copy.deepcopy(tree)
    for file in files:
        inner = tree
        for step in file.place[:-1]:
            inner = inner.setdefault(step, {}) if isinstance(inner, dict) else inner[step]
        inner[file.place[-1]] = file.sha256
    return tree


def _stale_names(source: YamlSource, files: tuple[FileHash, ...]) -> bool:
    """Say whether the build's hashes name a file that the build has no more."""
    written = source.value(("firmware", _KEY))
    return isinstance(written, dict) and set(written) != {
        file.place[-1] for file in files if file.place[:2] == ("firmware", _KEY)
    }


def _edits(source: YamlSource, files: tuple[FileHash, ...], stale: bool) -> list[_Edit]:
    of_build = [file for file in files if file.place[:2] == ("firmware", _KEY)]
    edits = [_hash_edit(source, file.place, file.sha256) for file in files if file not in of_build]
    if of_build:
        if stale or not isinstance(source.value(("firmware", _KEY)), dict):
            edits.append(_build_edit(source, of_build))
        else:
            edits += [_hash_edit(source, file.place, file.sha256) for file in of_build]
    return edits


def _hash_edit(source: YamlSource, place: Place, sha256: str) -> _Edit:
    span = source.spans.get(place)
    if span is not None:
        # `sha256:` without a value is empty text right behind the colon.
        return _Edit(span.begin, span.end, sha256 if span.begin < span.end else f" {sha256}")
    parent = source.spans[place[:-1]].node
    return _insert_behind(source, parent, parent.value[-1], f"{_KEY}: {sha256}")


def _insert_behind(source: YamlSource, parent: yaml.Node, pair: tuple[yaml.Node, yaml.Node], entry: str) -> _Edit:
    """Add an entry behind a `key: value` of a mapping, in the mapping's own style."""
    end = pair[1].end_mark.index
    if getattr(parent, "flow_style", False):
        return _Edit(end, end, f", {entry}")
    newline = "\r\n" if "\r\n" in source.text else "\n"
    indent = " " * pair[0].start_mark.column
    lines = newline.join(indent + line for line in entry.split("\n"))
    if source.text[end - 1] == "\n":  # a folded text ends behind its line
        return _Edit(end, end, lines + newline)
    stop = source.text.find("\n", end)
    if stop < 0:
        return _Edit(len(source.text), len(source.text), newline + lines)
    stop -= source.text[stop - 1] == "\r"
    return _Edit(stop, stop, newline + lines)


def _build_edit(source: YamlSource, files: list[FileHash]) -> _Edit:
    """Write the hashes of an ESP-IDF build anew, as one mapping below `idf_build`."""
    pairs = [(_quoted(str(file.place[-1])), file.sha256) for file in files]
    flow = "{" + ", ".join(f"{name}: {sha256}" for name, sha256 in pairs) + "}"
    parent = source.spans[("firmware",)].node
    old = source.spans.get(("firmware", _KEY))
    if old is not None and (getattr(old.node, "flow_style", True) or not old.node.value):
        return _Edit(old.begin, old.end, flow if old.begin < old.end else f" {flow}")
    if old is not None:
        # A block mapping's end mark lies behind the comments that follow it, so its last value's end counts.
        newline = "\r\n" if "\r\n" in source.text else "\n"
        indent = newline + " " * old.node.start_mark.column
        return _Edit(old.begin, old.node.value[-1][1].end_mark.index, indent.join(f"{n}: {s}" for n, s in pairs))
    pair = next(pair for pair in parent.value if pair[0].value == "idf_build")
    if getattr(parent, "flow_style", False):
        return _insert_behind(source, parent, pair, f"{_KEY}: {flow}")
    return _insert_behind(source, parent, pair, "\n".join((f"{_KEY}:", *(f"  {n}: {s}" for n, s in pairs))))


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'"


def _apply(text: str, edits: list[_Edit]) -> str:
    for edit in sorted(set(edits), key=lambda edit: edit.begin, reverse=True):
        text = text[: edit.begin] + edit.text + text[edit.end :]
    return text


def _replace_file(path: Path, text: str) -> None:
    target = path.resolve()
    try:
        with replacement_of(target) as draft:
            draft.write_bytes(text.encode("utf-8"))
            shutil.copymode(target, draft)
    except OSError as error:
        raise ProfileError(
            f"The file cannot be written: {error.strerror or error}", "Correct the rights of file and folder", str(path)
        ) from None
