"""Texts for people, by language: what the screens say, and what each failure code means and what to try.

Catalogues are YAML files beside this one; `en` is the model, a test keeps the others complete.
"""

from __future__ import annotations

import string
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

LANGUAGES: Final = ("en", "zh-CN")
"""Each has a catalogue `<language>.yaml`."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # which of them is known at run time
    """libyaml's where it is there: a change of language is a key on the screen, and Python alone reads a catalogue for 50 ms."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a key that stands twice: YAML would silently take the last one."""
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice here", node.start_mark)
        return mapping


@dataclass(frozen=True, slots=True)
class FailureText:
    """One code in words: a title of a few words, what happened and the likeliest cause, what to try in order."""

    title: str
    cause: str
    tries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All texts of one language."""

    language: str
    sentences: Mapping[str, str]
    """By dotted key: `wait.insert_unit`."""
    failures: Mapping[str, FailureText]
    """By code: `F31`."""
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Paragraphs by dotted key."""


class _Filling(string.Formatter):
    """Fills a sentence's places, those with two words by number."""

    def format_field(self, value: object, format_spec: str) -> str:
        one, is_by_number, many = format_spec.partition("|")
        if is_by_number:
            return one if value == 1 else many
        return str(super().format_field(value, format_spec))


_FILLING: Final = _Filling()


class Texts:
    """The texts of the language that is spoken now. Whoever holds it need not know when `speak` changes the language."""

    def __init__(self, language: str) -> None:
        self._catalogue = _catalogue(language)

    def speak(self, language: str) -> None:
        """Say everything in this language from now on; an unknown one gives English."""
        self._catalogue = _catalogue(language)

    @property
    def language(self) -> str:
        return self._catalogue.language

    @property
    def next_language(self) -> str:
        """The one after this, in a ring."""
        return LANGUAGES[(LANGUAGES.index(self.language) + 1) % len(LANGUAGES)]

    @property
    def sentences(self) -> Mapping[str, str]:
        return self._catalogue.sentences

    @property
    def failures(self) -> Mapping[str, FailureText]:
        return self._catalogue.failures

    @property
    def lists(self) -> Mapping[str, tuple[str, ...]]:
        return self._catalogue.lists

    def say(self, key: str, **values: object) -> str:
        """Give the text of this dotted key with its `{places}` filled; KeyError when there is none."""
        return fill(self.sentences[key], values)

    def failure(self, code: str | None) -> FailureText | None:
        """Give the words for a code, or None when the catalogue does not know it."""
        return None if code is None else self.failures.get(code)

    def titled(self, code: str | None) -> str:
        """Give a code with its title, alone when the catalogue does not know it; empty for None."""
        failure = self.failure(code)
        return f"{code} {failure.title}" if failure else code or ""


def fill(sentence: str, values: Mapping[str, object]) -> str:
    """Fill a sentence's `{places}`; `{count:unit|units}` says the first word when `count` is one, else the second."""
    if "|" in sentence:
        return _FILLING.vformat(sentence, (), values)
    return sentence.format_map(values) if values else sentence  # in C, which tiles are told by many times a second


@cache
def _catalogue(language: str) -> Catalogue:
    known = language if language in LANGUAGES else LANGUAGES[0]
    tree = read_tree((files(__package__) / f"{known}.yaml").read_text(encoding="utf-8"))
    failures = {
        code: FailureText(entry["title"], entry["cause"], tuple(entry["try"]))
        for code, entry in tree.pop("failures").items()
    }
    sentences: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    _flatten(tree, "", sentences, lists)
    return Catalogue(known, sentences, failures, lists)


def read_tree(text: str) -> dict[str, Any]:
    """Read a catalogue's YAML; YAMLError when a key stands twice."""
    tree: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506  it is a safe one
    return tree


def _flatten(
    tree: Mapping[str, object], prefix: str, sentences: dict[str, str], lists: dict[str, tuple[str, ...]]
) -> None:
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            _flatten(value, f"{key}.", sentences, lists)
        elif isinstance(value, list):
            lists[key] = tuple(str(item) for item in value)
        else:
            sentences[key] = str(value)
